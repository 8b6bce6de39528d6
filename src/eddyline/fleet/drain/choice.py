"""Which jobs a draining worker hands back, and which further jobs it takes, on plain numbers.

`policy.decide` uses it for a worker, the simulator for every slot of a machine that ends. Numbers only:
nothing is allocated but the answer.

What a slot loses between the notice and the end is the time that leads to no result: of jobs that do not end,
and idle time. Of a machine that was interrupted, every slot is paid for until the end. So a job runs on as
long as it is expected to end (handing it back would leave the slot idle, and its work be done again), and a
slot that is free takes further jobs that surely end. A machine that is scaled in ends sooner if its jobs
end sooner: there, jobs must surely end, and no further ones are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_METADATA_WAIT_S = 8.0
"""A poll of the instance metadata (every 5 s) and its requests, each of which takes up to 1 s."""


class DrainTimes(Protocol):
    """The drain times of a pool (`capacity` in pools.yaml), in seconds."""

    @property
    def stop_s(self) -> float:
        """From SIGTERM to SIGKILL, if nothing else is known."""
        ...

    @property
    def hook_s(self) -> float:
        """The time that a scale-in grants to running jobs: the heartbeat timeout of the lifecycle hook."""
        ...


@dataclass(frozen=True, kw_only=True)
class DrainRules:
    """Times in seconds.

    `margin_s`: jobs must end this long before the drain deadline, to leave time to settle and exit.
    `container_stop_s`: time from SIGTERM to SIGKILL; ECS on Spot guarantees at most 110.
    `scale_in_s`: time that a scale-in grants: the heartbeat timeout of the lifecycle hook, if there is one.
    `scale_in_wait_s`: after SIGTERM no job is handed back for this long, because the notice of the scale-in
    that caused it may follow, which grants more time.
    `unknown_s`: a job whose remaining time is unknown is handed back once no more than this is left.
    `rebalance_s`: how long a rebalance recommendation applies if no interruption follows.
    `starving_s`: a job that has waited this long shows that no other worker can take it.
    `probe_s`: where waiting times are unknown, new jobs are accepted for this long in every `starving_s`.
    `pessimism`: factor by which estimates of remaining time are multiplied.
    `start_s`: a further job starts at most this long after the decision to take it.
    """

    margin_s: float = 10.0
    container_stop_s: float = 110.0
    scale_in_s: float = 110.0
    scale_in_wait_s: float = 0.0
    unknown_s: float = 110.0
    rebalance_s: float = 1800.0
    starving_s: float = 60.0
    probe_s: float = 4.0
    pessimism: float = 1.25
    start_s: float = 1.0

    @classmethod
    def for_pool(cls, times: DrainTimes, *, has_metadata: bool) -> DrainRules:
        """The rules of a pool; `has_metadata`: the instance metadata would announce a scale-in."""
        may_be_extended = has_metadata and times.hook_s > times.stop_s
        return cls(
            container_stop_s=times.stop_s,
            scale_in_s=times.hook_s,
            scale_in_wait_s=_METADATA_WAIT_S if may_be_extended else 0.0,
        )


def late_jobs(
    remaining_s: Sequence[float | None], left_s: float, rules: DrainRules, *, interrupted: bool
) -> list[int]:
    """The indexes of the jobs to hand back at once, `left_s` before the worker exits.

    `remaining_s` are the expected times that running jobs still need (None: unknown). `interrupted`: the
    machine ends at a time that nothing can change.
    """
    if left_s <= 0:
        return list(range(len(remaining_s)))
    factor = 1.0 if interrupted else rules.pessimism
    unknown_s = rules.unknown_s
    return [
        index
        for index, needed_s in enumerate(remaining_s)
        if (unknown_s if needed_s is None else needed_s * factor) >= left_s
    ]


def accepted_s(left_s: float, rules: DrainRules) -> float:
    """The longest expected time of a further job that an interrupted worker takes; 0: it takes none."""
    return max(left_s - rules.start_s, 0.0) / rules.pessimism


def drain_choice(
    remaining_s: Sequence[float | None], left_s: float, rules: DrainRules, *, interrupted: bool = True
) -> tuple[list[int], float]:
    """The indexes of the jobs to hand back, and the longest expected time of further jobs (0: none).

    See `late_jobs` for the arguments.
    """
    late = late_jobs(remaining_s, left_s, rules, interrupted=interrupted)
    return late, accepted_s(left_s, rules) if interrupted else 0.0
