"""Small scenarios that run with real processes and in the simulator: jobs, and the lives of machines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from eddyline.fleet.drain.choice import DrainRules

SCALE = 10.0
"""All times of production are divided by it: chunks of 40 s take 4 s, notices come 12 s before the end."""

LEASE_S = 30.0 / SCALE
NOTICE_S = 120.0 / SCALE
METADATA_POLL_S = 5.0 / SCALE
_PRODUCTION = DrainRules()
DRAIN_RULES = DrainRules(
    margin_s=_PRODUCTION.margin_s / SCALE,
    container_stop_s=_PRODUCTION.container_stop_s / SCALE,
    scale_in_s=_PRODUCTION.scale_in_s / SCALE,
    unknown_s=_PRODUCTION.unknown_s / SCALE,
    rebalance_s=_PRODUCTION.rebalance_s / SCALE,
    starving_s=_PRODUCTION.starving_s / SCALE,
    probe_s=_PRODUCTION.probe_s / SCALE,
    start_s=_PRODUCTION.start_s / SCALE,
)


@dataclass(frozen=True, kw_only=True)
class MachineLife:
    """The life of a machine, in seconds.

    It is launched `launch_s` after the submission, and killed `lives_s` after its worker was ready (None: it
    outlives the run), with a notice `notice_s` before (0: without one).
    """

    launch_s: float = 0.0
    lives_s: float | None = None
    notice_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Jobs that are submitted at once, and take these seconds; machines with `slots` slots."""

    jobs: Sequence[float]
    machines: Sequence[MachineLife]
    slots: int = 2


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a run showed, real or simulated. Times in seconds; sums over slots in slot-seconds.

    `makespan_s`: from the submission to the last end of a job. `redone_s`: the time that starts took which
    were handed back, or ended with their machine. `drains_s`: of each machine with a notice, from the notice
    to the exit of its worker. `handed_back` and `lost` count the former two kinds of starts, `done` the jobs.
    """

    makespan_s: float
    redone_s: float
    drains_s: tuple[float, ...]
    handed_back: int
    lost: int
    done: int


@dataclass(frozen=True, kw_only=True)
class PastLife:
    """What happened to a machine, in seconds after the submission.

    `ready`: its worker began to ask for jobs. `notice`: the metadata showed the notice; None without one.
    `exited`: its worker ended by itself. `killed`: SIGKILL. `ends` is what the notice announced, or the time
    of the SIGKILL.
    """

    ready: float
    notice: float | None = None
    exited: float | None = None
    killed: float | None = None
    ends: float | None = None


def short() -> Scenario:
    """One run takes about 25 s. No event is near a limit of a decision, so that noise changes no decision.

    All jobs but the first two are equal, so that the phases of slots do not depend on who claims which job.
    """
    return Scenario(
        jobs=(10.0, 10.0, *[4.0] * 28),
        machines=(
            MachineLife(lives_s=8.2, notice_s=5.0),  # a late notice: the two long jobs are handed back
            # They are launched before the others, and so take the long jobs.
            MachineLife(launch_s=1.0),
            MachineLife(launch_s=1.0),
            MachineLife(launch_s=2.2, lives_s=18.0, notice_s=NOTICE_S),  # takes further jobs, loses nothing
            MachineLife(launch_s=2.2, lives_s=10.0),  # loses two jobs
        ),
    )


def generated(seed: int) -> Scenario:
    """One run takes about a minute: 440 jobs of different lengths, 27 machines of which 24 are interrupted.

    Of those, a third each has a notice in time, a late one, and none.
    """
    rng = random.Random(f"validation/{seed}")
    lives = [MachineLife(launch_s=0.3 * number) for number in range(3)]
    for number in range(24):
        notice_s = (NOTICE_S, 0.0, rng.uniform(2.0, NOTICE_S))[number % 3]
        lives.append(
            MachineLife(
                launch_s=1.0 + 1.4 * number + rng.uniform(0.0, 1.4),
                lives_s=notice_s + rng.uniform(2.0, 16.0),
                notice_s=notice_s,
            )
        )
    return Scenario(
        jobs=tuple(round(min(4.0 * rng.lognormvariate(0.0, 0.3), 12.0), 3) for _ in range(440)),
        machines=tuple(lives),
        slots=4,
    )
