"""Runs the scaler of Eddyline in a coordinator, for the pools that choose it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING
from uuid import uuid4

from eddyline.app.fleet.record import repeat
from eddyline.app.fleet.scaler import FleetScaler, is_scaled
from eddyline.app.optional_dependencies import require_extra
from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision
from eddyline.graph.ledger.ledger import Ledger

if TYPE_CHECKING:
    from eddyline.app.observability import Observation
    from eddyline.app.shared_services import SharedServices
    from eddyline.aws.autoscaling_groups import AutoScalingGroups
    from eddyline.observe.coordinator_metrics import CoordinatorMetrics

EVERY_S = 30.0
"""Between two decisions: the deciders are tuned for it."""
_JOIN_S = 3.0


@contextmanager
def scale_pools(
    shared: SharedServices, ledger: Ledger, pools: Pools, observation: Observation[CoordinatorMetrics]
) -> Iterator[None]:
    """Scale the pools with `scaling: eddyline` within this context, in a thread; nothing without such pools.

    Only one coordinator does so at a time. What fails is logged once, counted, and tried again.
    """
    if not any(is_scaled(pools, name) for name in pools.pools):
        yield
        return
    stop = Stop()
    scaler = FleetScaler(
        ledger,
        cache(lambda: _open_groups(shared)),  # a client is safe from any thread, and slow to create
        prefix=shared.queues,
        pools=pools,
        owner=f"{platform.node()}:{os.getpid()}:{uuid4().hex[:8]}",
        on_decision=_Reporter(observation),
    )

    def step() -> bool:
        try:
            return scaler.step()
        except EddylineError:
            observation.metrics.record_action("scaling failed", 1)
            raise

    def warn(error: str) -> None:
        observation.log.warning("pools not scaled", error=error)

    def run() -> None:
        repeat("scaler", step, stop=stop, warn=warn, pause_s=EVERY_S)
        try:
            scaler.resign()
        except EddylineError as error:  # another coordinator leads once the lease has ended
            observation.log.warning("pools not scaled", error=str(error))

    thread = Thread(target=run, name="scaler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.request("the process ends")
        thread.join(_JOIN_S)


class _Reporter:
    """Logs decisions that change something, and problems when they begin; counts both."""

    def __init__(self, observation: Observation[CoordinatorMetrics]) -> None:
        self._observation = observation
        self._problems: dict[str, str] = {}

    def __call__(self, decision: PoolDecision, changed: bool) -> None:  # noqa: FBT001 - a callback
        record = self._observation.metrics.record_action
        record("pools kept" if decision.problem else "pools decided", 1)
        record("instances scaled in", decision.drained if not decision.problem else 0)
        if decision.problem and self._problems.get(decision.pool) != decision.problem:
            self._observation.log.warning("capacity kept", pool=decision.pool, reason=decision.problem)
        elif changed and not decision.problem:
            self._observation.log.info(
                "pool scaled",
                pool=decision.pool,
                wanted_vcpu=decision.wanted_vcpu,
                spot_vcpu=decision.spot_vcpu,
                on_demand_vcpu=decision.on_demand_vcpu,
                drained=decision.drained,
            )
        self._problems[decision.pool] = decision.problem


def _open_groups(shared: SharedServices) -> AutoScalingGroups:
    with require_extra("aws", "EC2 Auto Scaling"):
        from eddyline.aws.autoscaling_groups import AutoScalingGroups
    return AutoScalingGroups(shared.client("autoscaling"))
