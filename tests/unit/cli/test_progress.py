"""Progress that a person likes, and a log can keep."""

from __future__ import annotations

import io

from rich.console import Console

from eddyline.cli.progress import LiveBoard, PlainLines, Rows, percent
from eddyline.pipeline.events import AssetFailed, AssetFinished, AssetProgress, SourceSkipped


class Ticks:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def progress(
    fraction: float, *, stage: str = "encode", name: str = "a.mp4", eta: float | None = 9.0
) -> AssetProgress:
    done = int(fraction * 1802)
    return AssetProgress(
        asset=f"id-{name}", name=name, stage=stage, fraction=fraction,
        frames_done=done, frames_total=1802, speed=1.25, eta_s=eta,
    )  # fmt: skip


def finished(name: str = "a.mp4") -> AssetFinished:
    return AssetFinished(asset=f"id-{name}", name=name, manifest="m.json", page="index.html", reused=False)


def failed(name: str) -> AssetFailed:
    return AssetFailed(
        asset=f"id-{name}", name=name, source=name, job="", reason="it is empty", remedy="copy it again"
    )


def screen(width: int = 110, height: int = 24, *, terminal: bool = False) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(
        file=text,
        width=width,
        height=height,
        force_terminal=terminal,
        markup=False,
        highlight=False,
        legacy_windows=False,
    ), text


def drawn(board: LiveBoard, *, width: int = 110, height: int = 24) -> list[str]:
    console, text = screen(width, height)
    console.print(board)
    return text.getvalue().splitlines()


def board(clock: Ticks) -> LiveBoard:
    return LiveBoard(screen(terminal=True)[0], clock=clock)


def test_a_line_is_printed_at_every_new_stage_and_every_few_seconds_meanwhile() -> None:
    console, text = screen()
    clock = Ticks()
    lines = PlainLines(console, clock=clock)
    for step in range(100):
        clock.now += 0.1
        lines.show(progress(step / 100))
    lines.show(progress(0.99, stage="assemble"))
    printed = text.getvalue().splitlines()
    assert len(printed) == 3
    assert printed[0] == "a.mp4: encode 0%, 0 of 1,802 frames, 1.25x realtime, 9.0 s left"
    assert printed[-1].startswith("a.mp4: assemble 99%")


def test_stages_that_take_turns_do_not_flood_the_log() -> None:
    console, text = screen()
    lines = PlainLines(console, clock=Ticks())
    for step in range(50):
        lines.show(progress(step / 100, stage=("pictures", "encode")[step % 2]))
    assert len(text.getvalue().splitlines()) == 2


def test_the_end_of_an_asset_is_printed_at_once() -> None:
    console, text = screen()
    lines = PlainLines(console, clock=Ticks())
    lines.show(finished())
    lines.show(failed("b.mp4"))
    lines.show(SourceSkipped(path="c.jpg", reason="a still image"))
    assert text.getvalue().splitlines() == ["✓ a.mp4  done", "✗ b.mp4  failed: it is empty"]


def test_progress_never_runs_back() -> None:
    rows = Rows(Ticks())
    rows.note(progress(0.8))
    row = rows.note(progress(0.3))
    assert row is not None
    assert row.fraction == 0.8


def test_a_hundred_percent_means_done() -> None:
    assert percent(0.9999) == "99%"
    assert percent(1.0) == "100%"


def test_time_left_is_counted_down_between_two_events() -> None:
    clock = Ticks()
    row = Rows(clock).note(progress(0.5, eta=9.0))
    assert row is not None
    assert row.eta_s(clock.now + 4) == 5.0
    assert row.eta_s(clock.now + 40) == 0.0


def test_the_board_has_one_bar_an_asset_with_stage_percent_speed_and_time_left() -> None:
    live = board(Ticks())
    live.show(progress(0.5))
    live.show(progress(0.25, name="b.mp4", eta=None))
    live.close()
    first, second = drawn(live)
    for part in ("a.mp4", "encode", "50%", "901/1,802", "1.25x", "9 s left"):
        assert part in first
    assert "25%" in second
    assert "left" not in second


def test_the_board_fits_a_narrow_window() -> None:
    live = board(Ticks())
    live.show(progress(0.5, name="a very long name of a clip from the holidays.mp4"))
    live.close()
    lines = drawn(live, width=40)
    assert len(lines) == 1
    assert len(lines[0].rstrip()) <= 40
    assert "50%" in lines[0]


def test_more_assets_than_lines_are_counted_instead_of_drawn() -> None:
    live = board(Ticks())
    for index in range(50):
        live.show(progress(0.1, name=f"{index:02}.mp4"))
    live.close()
    lines = drawn(live, height=10)
    assert len(lines) == 9
    assert "42 more in hand" in lines[-1]


def test_what_is_through_leaves_the_board() -> None:
    live = board(Ticks())
    live.show(progress(1.0))
    live.show(progress(0.5, name="b.mp4"))
    live.show(finished())
    live.show(progress(0.9))  # a late word about it
    live.close()
    lines = drawn(live)
    assert "b.mp4" in lines[0]
    assert lines[1].strip() == "1 done"


def test_names_cannot_write_to_the_terminal() -> None:
    evil = "\x1b[2J[red]\n.mp4"
    console, text = screen()
    lines = PlainLines(console, clock=Ticks())
    lines.show(progress(0.1, name=evil))
    lines.show(finished(evil))
    live = board(Ticks())
    live.show(progress(0.1, name=evil))
    live.close()
    assert "\x1b" not in text.getvalue()
    assert len(text.getvalue().splitlines()) == 2
    assert "\\x1b[2J[red]\\n" in drawn(live)[0]
