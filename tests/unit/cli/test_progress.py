"""The displayed progress of an asset never decreases."""

from __future__ import annotations

from tests.unit.cli.display_helpers import SettableClock, progress

from eddyline.cli.progress import Rows, format_percent


def test_progress_never_decreases() -> None:
    rows = Rows(SettableClock())
    rows.update(progress(0.8))
    row = rows.update(progress(0.3))
    assert row is not None
    assert row.fraction == 0.8


def test_100_percent_is_displayed_only_for_a_finished_asset() -> None:
    assert format_percent(0.9999) == "99%"
    assert format_percent(1.0) == "100%"


def test_time_left_is_counted_down_between_two_events() -> None:
    clock = SettableClock()
    row = Rows(clock).update(progress(0.5, eta=9.0))
    assert row is not None
    assert row.eta_s(clock.now + 4) == 5.0
    assert row.eta_s(clock.now + 40) == 0.0
