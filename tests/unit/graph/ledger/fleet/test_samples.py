"""Samples of pools in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.pool_sample import PoolSample

_FULL = PoolSample(
    minute=1_800_000_000,
    pool="cpu",
    spot_vcpu=640,
    on_demand_vcpu=32,
    spot_instances=20,
    on_demand_instances=1,
    slots=84,
    busy_slots=80,
    due_jobs=1234,
    backlog_vcpu_s=98_765.5,
    oldest_due_s=42.5,
    wanted_vcpu=700,
    spot_shortfall_vcpu=28,
)


def test_a_sample_is_read_as_it_was_recorded(ledger: Ledger) -> None:
    unknown = replace(_FULL, pool="gpu", backlog_vcpu_s=None, wanted_vcpu=None)
    ledger.fleet.record_samples([unknown, _FULL])
    assert ledger.fleet.samples(_FULL.minute, _FULL.minute + 60) == [_FULL, unknown]


def test_the_first_sample_of_a_pool_and_minute_counts(open_ledger: Callable[..., Ledger]) -> None:
    first, second = open_ledger(), open_ledger()
    first.fleet.record_samples([_FULL])
    other = replace(_FULL, pool="gpu")
    second.fleet.record_samples([replace(_FULL, busy_slots=1), other])
    assert first.fleet.samples(0, 4e9) == [_FULL, other]


def test_samples_are_found_by_half_open_ranges_of_minutes(ledger: Ledger) -> None:
    minutes = [replace(_FULL, minute=_FULL.minute + 60 * number) for number in range(4)]
    ledger.fleet.record_samples(minutes)
    assert ledger.fleet.samples(_FULL.minute + 60, _FULL.minute + 180) == minutes[1:3]
    assert ledger.fleet.samples(0, 10) == []


def test_recording_nothing_is_allowed(ledger: Ledger) -> None:
    ledger.fleet.record_samples([])
    assert ledger.fleet.samples(0, 4e9) == []
