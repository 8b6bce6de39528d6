"""Keeps the fleet record of a coordinator's ledger: events, what they missed, and the end of old entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from eddyline.app.fleet.events import FleetEventConsumer
from eddyline.app.fleet.upkeep import FleetUpkeep
from eddyline.core.background_loop import keep_running
from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.fleet.pools import Pools
from eddyline.fleet.record.drains import InstanceDrain
from eddyline.graph.ledger.ledger import Ledger

if TYPE_CHECKING:
    from eddyline.app.observability import Observation
    from eddyline.app.shared_services import SharedServices
    from eddyline.aws.sqs.client import SqsClient
    from eddyline.observe.coordinator_metrics import CoordinatorMetrics

_LONG_POLL_S = 1.0  # how soon a stop is noticed
_UPKEEP_S = 30.0
_BACKOFF = BackoffPolicy(base_s=0.5, cap_s=60.0)
_JOIN_S = 3.0


@contextmanager
def keep_fleet_record(
    shared: SharedServices,
    ledger: Ledger,
    queues: SqsClient,
    pools: Pools,
    observation: Observation[CoordinatorMetrics],
) -> Iterator[None]:
    """Consume fleet events and keep the record within this context, in threads.

    A coordinator works without any of that: a fleet may have no Lambda functions, or machines outside AWS.
    What is not available is logged once, and tried again.
    """
    stop = Stop()
    hooks = {name: float(pool.capacity.hook_s) for name, pool in pools.pools.items()}
    loops = (
        _events(ledger, queues, hooks, observation, stop),
        *_upkeep(shared, ledger, pools, observation, stop),
    )
    threads = [Thread(target=loop, name="fleet record", daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.request("the process ends")
        for thread in threads:
            thread.join(_JOIN_S)


def repeat(
    name: str, step: Callable[[], object], *, stop: Stop, warn: Callable[[str], None], pause_s: float = 0.0
) -> None:
    """Repeat a step every `pause_s` until `stop`; after a failure with backoff.

    `warn` gets the first failure, and the first one after each success. A step that returns False had nothing
    to do, which is neither.
    """
    backoff = Backoff(_BACKOFF, wait=stop.wait)
    failing = False

    def once() -> None:
        nonlocal failing
        try:
            done = step()
        except EddylineError as error:
            if not failing:
                warn(str(error))
            failing = True
            backoff.pause()
        else:
            failing = failing and done is False
            backoff.reset()
            stop.wait(pause_s)

    while not stop.requested:
        if not keep_running(name, once):
            backoff.pause()


def _events(
    ledger: Ledger,
    queues: SqsClient,
    hooks: Mapping[str, float],
    observation: Observation[CoordinatorMetrics],
    stop: Stop,
) -> Callable[[], None]:
    from eddyline.aws.fleet_queue import FleetQueue

    def on_drain(drain: InstanceDrain, workers: Sequence[str]) -> None:
        observation.metrics.record_action("instances drained", 1)
        observation.log.warning(
            "instance drained",
            instance=drain.instance,
            workers=list(workers),
            deadline=drain.deadline,
            reason=drain.reason,
        )

    consumer = FleetEventConsumer(
        ledger, FleetQueue(queues), prefix=queues.naming.prefix, hooks=hooks, on_drain=on_drain
    )
    exists = False

    def step() -> None:
        nonlocal exists
        if not exists:
            queues.ensure_fleet_queues()
        exists = False  # until the step succeeds
        observation.metrics.record_action("fleet events recorded", consumer.step(_LONG_POLL_S))
        exists = True

    def warn(error: str) -> None:
        observation.log.warning("fleet events unavailable", error=error)

    return lambda: repeat("fleet events", step, stop=stop, warn=warn)


def _upkeep(
    shared: SharedServices,
    ledger: Ledger,
    pools: Pools,
    observation: Observation[CoordinatorMetrics],
    stop: Stop,
) -> Sequence[Callable[[], None]]:
    def on_action(action: str, count: int) -> None:
        if count:
            observation.metrics.record_action(action, count)
            observation.log.info("fleet record repaired", action=action, count=count)

    scaled = [pool.capacity for pool in pools.pools.values() if pool.capacity.scaling == "eddyline"]
    upkeep = FleetUpkeep(
        ledger,
        prefix=shared.queues,
        pools=pools.pools,
        priced={name for capacity in scaled for name in capacity.types},  # the scaler orders them
        on_action=on_action,
    )

    def describe() -> bool:
        return upkeep.repair(shared.ec2_instances)

    def record_prices() -> bool:
        return upkeep.record_prices(shared.spot_price_history)

    def warn(error: str) -> None:
        observation.log.warning("fleet record not repaired", error=error)

    def warn_of_prices(error: str) -> None:
        observation.log.warning("Spot prices not read", error=error)

    def warn_of_instances(error: str) -> None:
        observation.log.warning("instances not described", error=error)

    return (
        lambda: repeat("fleet record", upkeep.step, stop=stop, warn=warn, pause_s=_UPKEEP_S),
        lambda: repeat("instances", describe, stop=stop, warn=warn_of_instances, pause_s=_UPKEEP_S),
        lambda: repeat("Spot prices", record_prices, stop=stop, warn=warn_of_prices, pause_s=_UPKEEP_S),
    )
