"""Decides which workers of a pool to drain next in a rollout. Pure.

A new task revision or image reaches a worker when its task starts again. ECS does not stop a task that is
protected from scale-in, and a worker under load is protected all the time. A rollout therefore drains the
workers that are older than it, a few at a time: each finishes its jobs and exits, and its service starts the
new revision in its place. The state of a rollout is the ledger's list of workers: after a kill, a repeated
rollout with the same start time goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class LiveWorker:
    """A worker with a valid lease; `registered` in seconds since 1970."""

    name: str
    registered: float


@dataclass(frozen=True, kw_only=True)
class RolloutRules:
    """`at_a_time`: workers that may be missing at once. Times in seconds.

    `replace_s`: how long to wait for the replacement of a worker that has exited; its instance may have been
    terminated. `drain_s`: how long a worker may take to drain before the rollout stops.
    """

    at_a_time: int = 1
    replace_s: float = 300.0
    drain_s: float = 7200.0


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """The progress of a rollout that replaces all workers registered before `before`.

    `expected`: the number of workers that the pool should have. `draining`: the workers that were commanded
    to drain and when. `alive`: the workers at the last step, which changed at `changed`.
    """

    before: float
    expected: int
    changed: float
    alive: frozenset[str]
    draining: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class RolloutStep:
    """What to do now: drain `drain`. `old` workers are still to be replaced, the `stuck` ones do not exit."""

    drain: tuple[str, ...] = ()
    old: int = 0
    stuck: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether no old worker is left."""
        return not self.old


def start_rollout(workers: Collection[LiveWorker], *, before: float, now: float) -> Rollout:
    """The start of a rollout of these workers of one pool."""
    alive = frozenset(worker.name for worker in workers)
    return Rollout(before=before, expected=len(alive), changed=now, alive=alive)


def next_step(
    rollout: Rollout, workers: Sequence[LiveWorker], rules: RolloutRules, *, now: float
) -> tuple[Rollout, RolloutStep]:
    """The next step at `now`, with the live workers of the pool, and the progress after it.

    Workers that drain, and workers that exited without a replacement, count as missing. If nothing changes
    for `replace_s`, the rollout stops waiting for the replacements.
    """
    alive = frozenset(worker.name for worker in workers)
    draining = {name: since for name, since in rollout.draining if name in alive}
    if alive != rollout.alive:
        rollout = replace(rollout, alive=alive, changed=now, expected=max(rollout.expected, len(alive)))
    elif len(alive) < rollout.expected and now - rollout.changed >= rules.replace_s:
        rollout = replace(rollout, expected=len(alive))
    old = sorted(
        (worker for worker in workers if worker.registered < rollout.before),
        key=lambda worker: (worker.registered, worker.name),
    )
    missing = rollout.expected - len(alive) + len(draining)
    waiting = [worker.name for worker in old if worker.name not in draining]
    chosen = tuple(waiting[: max(rules.at_a_time - missing, 0)])
    draining |= dict.fromkeys(chosen, now)
    return (
        replace(rollout, draining=tuple(sorted(draining.items()))),
        RolloutStep(
            drain=chosen,
            old=len(old),
            stuck=tuple(name for name, since in sorted(draining.items()) if now - since >= rules.drain_s),
        ),
    )
