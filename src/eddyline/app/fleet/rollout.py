"""Replaces the workers of a pool one after the other, through drain commands in the ledger."""

from __future__ import annotations

from collections.abc import Callable

from eddyline.core.errors import TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.fleet.pool_coverage import pool_of_worker
from eddyline.fleet.rollout import LiveWorker, RolloutRules, RolloutStep, next_step, start_rollout
from eddyline.graph.ledger.ledger import Ledger

_POLL_S = 2.0
_REASON = "replaced by a rollout"


def roll_out(
    ledger: Ledger,
    pool: str,
    *,
    before: float | None,
    rules: RolloutRules,
    stop: Stop,
    on_step: Callable[[RolloutStep], None],
    poll_s: float = _POLL_S,
) -> int:
    """Drain the workers of `pool` that registered before `before` (None: now); returns how many it drained.

    `on_step` gets every step that drains workers, and the last one. A repeated call with the same `before`
    goes on. Raises `UsageError` if the pool has no workers, `TransientError` if one does not exit in time.
    """
    before = ledger.now() if before is None else before
    workers = live_workers(ledger, pool)
    if not workers:
        raise UsageError(
            f"pool {pool} has no workers", remedy="check the name of the pool with `eddyline status`"
        )
    rollout = start_rollout(workers, before=before, now=ledger.now())
    drained = 0
    while not stop.requested:
        rollout, step = next_step(rollout, live_workers(ledger, pool), rules, now=ledger.now())
        for name in step.drain:
            drained += ledger.drain(name, _REASON)
        if step.drain or step.is_done:
            on_step(step)
        if step.is_done:
            break
        if step.stuck:
            raise TransientError(
                f"{step.stuck[0]} has not exited {rules.drain_s:.0f} s after its drain command",
                remedy="see what it runs with `eddyline jobs list --state running`, then repeat the rollout",
            )
        stop.wait(poll_s)
    return drained


def live_workers(ledger: Ledger, pool: str) -> list[LiveWorker]:
    """The workers of a pool whose leases are valid."""
    now = ledger.now()
    return [
        LiveWorker(name=worker.name, registered=worker.registered)
        for worker in ledger.workers()
        if worker.deadline >= now and (worker.machine.pool or pool_of_worker(worker.name)) == pool
    ]
