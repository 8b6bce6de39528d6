"""What is known of each asset: never less than before."""

from __future__ import annotations

from tests.unit.cli.event_collector import Ticks, progress

from eddyline.cli.progress import Rows, format_percent


def test_progress_never_decreases() -> None:
    rows = Rows(Ticks())
    rows.update(progress(0.8))
    row = rows.update(progress(0.3))
    assert row is not None
    assert row.fraction == 0.8


def test_a_hundred_percent_means_done() -> None:
    assert format_percent(0.9999) == "99%"
    assert format_percent(1.0) == "100%"


def test_time_left_is_counted_down_between_two_events() -> None:
    clock = Ticks()
    row = Rows(clock).update(progress(0.5, eta=9.0))
    assert row is not None
    assert row.eta_s(clock.now + 4) == 5.0
    assert row.eta_s(clock.now + 40) == 0.0
