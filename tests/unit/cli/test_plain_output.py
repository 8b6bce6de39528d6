"""Progress as lines of a log."""

from __future__ import annotations

from tests.unit.cli.display_helpers import SettableClock, failed, finished, progress, screen

from eddyline.cli.plain_output import PlainOutput
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.pipeline.runs.events import SourceSkipped, SubmitProgress


def test_a_line_is_printed_at_every_new_stage_and_every_few_seconds() -> None:
    console, text = screen()
    clock = SettableClock()
    lines = PlainOutput(console, clock=clock)
    for step in range(100):
        clock.now += 0.1
        lines.show(progress(step / 100))
    lines.show(progress(0.99, stage="assemble"))
    printed = text.getvalue().splitlines()
    assert len(printed) == 3
    assert printed[0] == "a.mp4: encode 0%, 0 of 1,802 frames, 1.25x realtime, 9.0 s left"
    assert printed[-1].startswith("a.mp4: assemble 99%")


def test_alternating_stages_do_not_flood_the_log() -> None:
    console, text = screen()
    lines = PlainOutput(console, clock=SettableClock())
    for step in range(50):
        lines.show(progress(step / 100, stage=("pictures", "encode")[step % 2]))
    assert len(text.getvalue().splitlines()) == 2


def test_the_end_of_an_asset_is_printed_immediately() -> None:
    console, text = screen()
    lines = PlainOutput(console, clock=SettableClock())
    lines.show(finished())
    lines.show(failed("b.mp4"))
    lines.show(SourceSkipped(path="c.jpg", reason="a still image"))
    assert text.getvalue().splitlines() == ["✓ a.mp4  done", "✗ b.mp4  failed: it is empty"]


def test_names_cannot_send_control_characters_to_the_log() -> None:
    name = "\x1b[2J[red]\n.mp4"
    console, text = screen()
    lines = PlainOutput(console, clock=SettableClock())
    lines.show(progress(0.1, name=name))
    lines.show(finished(name))
    assert "\x1b" not in text.getvalue()
    assert len(text.getvalue().splitlines()) == 2


def test_a_pool_without_workers_is_reported() -> None:
    console, text = screen()
    lines = PlainOutput(console, clock=SettableClock())
    lines.show(UnservedPool(pool="gpu", jobs=2, waited_s=30, remedy="start one"))
    assert text.getvalue() == (
        "! 2 jobs of pool gpu wait, the oldest for 30 s, and no worker serves the pool: start one\n"
    )


def test_submitting_a_large_directory_prints_a_line_every_few_seconds() -> None:
    console, text = screen()
    clock = SettableClock()
    lines = PlainOutput(console, clock=clock)
    for done in range(100):
        clock.now += 0.125
        lines.show(SubmitProgress(done=done, total=4000, name=f"GX01{done:04d}.MP4", bytes=1000))
    assert text.getvalue().splitlines() == [
        "submitting: 39 of 4,000 done, next GX010039.MP4 (1.0 kB)",
        "submitting: 79 of 4,000 done, next GX010079.MP4 (1.0 kB)",
    ]


def test_a_large_file_is_named_before_it_is_submitted() -> None:
    console, text = screen()
    PlainOutput(console, clock=SettableClock()).show(
        SubmitProgress(done=0, total=1, name="a.mov", bytes=12_000_000_000)
    )
    assert text.getvalue() == "submitting: 0 of 1 done, next a.mov (12 GB)\n"
