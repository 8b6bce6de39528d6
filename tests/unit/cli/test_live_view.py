"""The progress bars of a terminal."""

from __future__ import annotations

from tests.unit.cli.display_helpers import SettableClock, finished, progress, screen

from eddyline.cli.live_view import LiveView


def render_lines(board: LiveView, *, width: int = 110, height: int = 24) -> list[str]:
    console, text = screen(width, height)
    console.print(board)
    return text.getvalue().splitlines()


def board(clock: SettableClock) -> LiveView:
    return LiveView(screen(terminal=True)[0], clock=clock)


def test_the_view_has_one_bar_per_asset_with_stage_percent_speed_and_time_left() -> None:
    live = board(SettableClock())
    live.show(progress(0.5))
    live.show(progress(0.25, name="b.mp4", eta=None))
    live.close()
    first, second = render_lines(live)
    for part in ("a.mp4", "encode", "50%", "901/1,802", "1.25x", "9 s left"):
        assert part in first
    assert "25%" in second
    assert "left" not in second


def test_the_view_fits_a_narrow_terminal() -> None:
    live = board(SettableClock())
    live.show(progress(0.5, name="a very long name of a clip from the holidays.mp4"))
    live.close()
    lines = render_lines(live, width=40)
    assert len(lines) == 1
    assert len(lines[0].rstrip()) <= 40
    assert "50%" in lines[0]


def test_assets_without_a_line_are_counted() -> None:
    live = board(SettableClock())
    for index in range(50):
        live.show(progress(0.1, name=f"{index:02}.mp4"))
    live.close()
    lines = render_lines(live, height=10)
    assert len(lines) == 9
    assert "42 more in progress" in lines[-1]


def test_finished_assets_leave_the_view() -> None:
    live = board(SettableClock())
    live.show(progress(1.0))
    live.show(progress(0.5, name="b.mp4"))
    live.show(finished())
    live.show(progress(0.9))  # a late event of it
    live.close()
    lines = render_lines(live)
    assert "b.mp4" in lines[0]
    assert lines[1].strip() == "1 done"


def test_names_cannot_send_control_characters_to_the_terminal() -> None:
    live = board(SettableClock())
    live.show(progress(0.1, name="\x1b[2J[red]\n.mp4"))
    live.close()
    assert "\\x1b[2J[red]\\n" in render_lines(live)[0]
