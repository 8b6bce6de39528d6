"""Each minute, computes demand and capacity of every pool, stores them, and publishes them.

Every coordinator does so: their values of a minute are nearly equal, the first sample in the ledger counts,
and CloudWatch averages what all published. None of them has to be chosen, and none replaced when it ends.
"""

from __future__ import annotations

import math
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from eddyline.app.observability import Observation
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.core.background_loop import keep_running
from eddyline.core.clock import Clock
from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.fleet.pools import Pools
from eddyline.fleet.record.samples import PoolSample, minute_of
from eddyline.fleet.scaling.demand import ARRIVAL_WINDOW_S, PoolDemand, pool_demand
from eddyline.fleet.scaling.metric_names import DIMENSIONS, METRICS, NAMESPACE, PERIOD_S
from eddyline.fleet.scaling.policies import WARMUP_S
from eddyline.fleet.scaling.pool_bounds import bounds_of
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.db.server_clock import clock_for
from eddyline.graph.db.transactions import Database, as_url
from eddyline.graph.ledger.fleet import load, samples, scaler_decisions
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision
from eddyline.graph.pool_load import Load

if TYPE_CHECKING:
    from eddyline.aws.cloudwatch_metrics import CloudWatchMetrics, Value
    from eddyline.observe.coordinator_metrics import CoordinatorMetrics
    from eddyline.observe.pool_gauges import PoolGauges

_MARGIN_S = 120.0  # the history read beyond what is computed from it
_JOIN_S = 5.0
_OFFSET_S = 1.0  # after the start of a minute: clocks of coordinators differ by milliseconds


class FleetMetrics:
    """Computes the demand of all pools, with the rates of earlier readings."""

    def __init__(self, database: Database, pools: Pools) -> None:
        self._database = database
        self._pools = pools
        self._bounds = {name: bounds_of(pool.capacity) for name, pool in pools.pools.items()}
        self._rates = WorkRates()
        after_s = max(bounds.on_demand_after_s for bounds in self._bounds.values())
        self._history_s = max(ARRIVAL_WINDOW_S, after_s) + _MARGIN_S

    def read(self, now: float) -> list[PoolDemand]:
        """Compute and store the demand at `now`, in the order of pools.yaml. Raises `LedgerError`."""
        minute = minute_of(now)

        def work(connection: Connection) -> tuple[Load, list[PoolSample], dict[str, PoolDecision]]:
            found = load.read_load(connection, now, ready_after_s=WARMUP_S)
            earlier = samples.find(connection, minute - self._history_s, minute)
            return found, earlier, scaler_decisions.find(connection)

        found, earlier, decisions = self._database.read(work)
        self._rates.measure(found.ended)
        history: defaultdict[str, list[PoolSample]] = defaultdict(list)
        for sample in earlier:
            history[sample.pool].append(sample)
        demands = [
            pool_demand(
                name,
                found,
                slot_vcpu=pool.slot.vcpu,
                bounds=self._bounds[name],
                rates=self._rates,
                history=history[name],
                minute=minute,
                decided_at=decisions[name].decided if name in decisions else None,
            )
            for name, pool in self._pools.pools.items()
        ]
        recorded = [demand.sample for demand in demands]
        self._database.write(lambda connection: samples.record(connection, recorded), durable=False)
        return demands


class Publisher:
    """Shows the demand that `read` computes, and publishes `values` of it to CloudWatch."""

    def __init__(
        self,
        read: Callable[[float], list[PoolDemand]],
        *,
        gauges: PoolGauges,
        cloudwatch: CloudWatchMetrics | None,
        values: Callable[[Sequence[PoolDemand]], list[Value]],
    ) -> None:
        self._read = read
        self._gauges = gauges
        self._cloudwatch = cloudwatch
        self._values = values

    def publish(self, now: float) -> bool:
        """Read and publish once; False if the ledger is unavailable.

        Then nothing is published: an old value would make Auto Scaling act on it, and hide the outage.
        """
        try:
            demands = self._read(now)
        except EddylineError:  # an outage, which the database logs
            self._gauges.failures += 1
            return False
        _show(self._gauges, demands, at=now)
        if self._cloudwatch is not None:
            self._cloudwatch.publish(self._values(demands), at=minute_of(now))
            self._gauges.publish_failures = self._cloudwatch.failures
        return True


@contextmanager
def publish_fleet_metrics(
    shared: SharedServices, observation: Observation[CoordinatorMetrics], pools: Pools
) -> Iterator[None]:
    """Store and publish the demand of all pools once a minute, within this context."""
    from eddyline.observe.pool_gauges import Gauge, PoolGauges  # requires an extra

    cloudwatch = _cloudwatch(shared)
    # A separate connection, so that no other work waits for it.
    database = Database(as_url(shared.ledger_address()), random.Random())  # noqa: S311 - jitter, not a secret
    clock = clock_for(database.engine)
    gauges = PoolGauges(
        (Gauge(name=metric.gauge, meaning=metric.meaning) for metric in METRICS if metric.gauge), clock=clock
    )
    observation.metrics.registry.register(gauges)
    publisher = Publisher(
        FleetMetrics(database, pools).read,
        gauges=gauges,
        cloudwatch=cloudwatch,
        values=lambda demands: cloudwatch_values(demands, pools, shared.queues),
    )
    stop = Stop()
    thread = _start(publisher, stop=stop, clock=clock)
    try:
        yield
    finally:
        stop.request("the process ends")
        thread.join(timeout=_JOIN_S)
        database.close()


def cloudwatch_values(demands: Sequence[PoolDemand], pools: Pools, prefix: str) -> list[Value]:
    """The values of all pools that may have machines on AWS."""
    from eddyline.aws.cloudwatch_metrics import Value  # requires an extra

    return [
        Value(
            metric=metric.name,
            unit=metric.unit,
            dimensions=dict(zip(DIMENSIONS, (prefix, demand.sample.pool), strict=True)),
            value=demand.metrics[metric.name],
        )
        for demand in demands
        if pools[demand.sample.pool].capacity.has_machines
        for metric in METRICS
        if metric.name in demand.metrics
    ]


def _show(gauges: PoolGauges, demands: Sequence[PoolDemand], *, at: float) -> None:
    values: Mapping[str, Mapping[str, float]] = {
        demand.sample.pool: {
            metric.gauge: demand.metrics[metric.name] for metric in METRICS if metric.name in demand.metrics
        }
        for demand in demands
    }
    gauges.update(values, at=at)


def _cloudwatch(shared: SharedServices) -> CloudWatchMetrics | None:
    if not shared.settings.cloudwatch:
        return None
    with require_extra("aws", "CloudWatch"):
        from eddyline.aws.cloudwatch_metrics import CloudWatchMetrics
    return CloudWatchMetrics(shared.client("cloudwatch"), namespace=NAMESPACE)


def _start(publisher: Publisher, *, stop: Stop, clock: Clock) -> threading.Thread:
    """Publish in a daemon thread: at once, and then in each minute of the clock."""

    def run() -> None:
        while not stop.requested:
            keep_running("fleet metrics", lambda: publisher.publish(clock.now()))
            stop.wait(seconds_to_next_minute(clock.now()))

    thread = threading.Thread(target=run, name="fleet metrics", daemon=True)
    thread.start()
    return thread


def seconds_to_next_minute(now: float) -> float:
    """Seconds until shortly after the next minute begins, so that no minute is left out or counted twice."""
    return (math.floor(now / PERIOD_S) + 1) * PERIOD_S - now + _OFFSET_S
