"""The seeded generator of the demonstration."""

from __future__ import annotations

from eddyline.fleet.demo.demo_pools import POOLS
from eddyline.fleet.demo.generator import generate
from eddyline.fleet.record.fold import fold
from eddyline.graph.fleet_event import FleetEvent
from eddyline.graph.ledger.ended_starts import StartOutcome

NOW = 1_790_000_000.0


def test_equal_seeds_give_equal_fleets() -> None:
    assert generate(seed=3, now=NOW, days=0.5) == generate(seed=3, now=NOW, days=0.5)
    assert generate(seed=3, now=NOW, days=0.5).lives != generate(seed=4, now=NOW, days=0.5).lives


def test_the_history_has_everything_that_the_dashboard_shows() -> None:
    history = generate(seed=1, now=NOW, days=4)
    assert {life.pool for life in history.lives} == {pool.name for pool in POOLS}
    assert {life.ended_by for life in history.lives} >= {"", "interruption", "scale-in"}
    assert {life.spot for life in history.lives} == {True, False}
    assert {start.outcome for start in history.starts} >= {
        StartOutcome.DONE,
        StartOutcome.INTERRUPTED,
        StartOutcome.LOST,
    }
    assert all(life.launched <= (life.terminated or NOW) <= NOW for life in history.lives)
    assert all(start.started < start.ended for start in history.starts)
    assert all(NOW - 4 * 86_400 <= sample.minute < NOW for sample in history.samples)
    assert len({(sample.minute, sample.pool) for sample in history.samples}) == len(history.samples)
    assert any(price.zone == "" for price in history.prices)


def test_the_events_fold_to_the_same_machines() -> None:
    history = generate(seed=2, now=NOW, days=2)
    events: dict[str, list[FleetEvent]] = {}
    for event in history.events():
        events.setdefault(event.instance, []).append(event)
    for life in history.lives:
        found = fold(events[life.instance])
        assert (found.launched, found.terminated) == (life.launched, life.terminated)
        assert (found.ended_by, found.warned_at) == (life.ended_by, life.warned)
        assert (found.pool, found.instance_type, found.zone) == (life.pool, life.instance_type, life.zone)
