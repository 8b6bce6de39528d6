"""Gauges of the pools of a fleet."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from eddyline.core.clock import ManualClock
from eddyline.observe.pool_gauges import Gauge, PoolGauges


def exported(gauges: PoolGauges) -> list[str]:
    registry = CollectorRegistry()
    registry.register(gauges)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_each_pool_has_a_value_unless_it_is_undefined() -> None:
    clock = ManualClock(1000.0)
    gauges = PoolGauges(
        [Gauge(name="vcpu_wanted", meaning="a"), Gauge(name="ratio", meaning="b")], clock=clock
    )
    gauges.update({"cpu": {"vcpu_wanted": 64.0, "ratio": 0.5}, "light": {"vcpu_wanted": 0.0}}, at=1000.0)
    clock.advance(70.0)
    found = exported(gauges)
    assert 'eddyline_vcpu_wanted{class="cpu"} 64.0' in found
    assert 'eddyline_vcpu_wanted{class="light"} 0.0' in found
    assert [line for line in found if "ratio" in line] == ['eddyline_ratio{class="cpu"} 0.5']
    assert "eddyline_pool_reading_age_seconds 70.0" in found


def test_before_the_first_reading_only_failures_are_known() -> None:
    gauges = PoolGauges([Gauge(name="vcpu_wanted", meaning="a")], clock=ManualClock())
    gauges.failures = 2
    assert exported(gauges) == [
        "eddyline_pool_reading_failures_total 2.0",
        "eddyline_cloudwatch_failures_total 0.0",
    ]
