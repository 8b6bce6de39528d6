"""The schedule of disturbances: which, when, and of which process, determined by a seed in advance."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate


class Kind(StrEnum):
    """The kinds of disturbances of a fleet."""

    KILL_WORKER = "kill -9 of a worker"
    KILL_COORDINATOR = "kill -9 of a coordinator"
    TERM_WORKER = "SIGTERM to a worker"
    TERM_COORDINATOR = "SIGTERM to a coordinator"
    SPOT_WORKER = "spot notice to a worker"
    SPOT_STORM = "spot notice to a whole pool"
    RECLAIM_POOL = "whole pool reclaimed without notice"
    FREEZE_WORKER = "worker frozen past its lease"
    FREEZE_COORDINATOR = "coordinator frozen"
    CRASH_LEDGER = "PostgreSQL crashed"
    RESTART_LEDGER = "PostgreSQL restarted"
    WIPE_QUEUE = "queue server crashed, all messages lost"
    RESTART_QUEUE = "queue server restarted"
    QUEUE_FAULTS = "many network errors on the way to the queue"
    STORE_UNAVAILABLE = "S3 unreachable"
    STORE_FAULTS = "many network errors on the way to S3"


class Mode(StrEnum):
    """How workers receive jobs: from queues, or from the ledger directly."""

    SQS = "sqs"
    DIRECT = "direct"


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """A disturbance `at` seconds after the beginning.

    `victim` is the number of the worker or coordinator; of a whole pool, of one of its workers.
    `lasts_s`: the duration; of a Spot notice, the time between the notice and the interruption.
    `busy`: prefer a process with a running job.
    """

    at: float
    kind: Kind
    victim: int
    lasts_s: float
    busy: bool = False


# The number of each per round. Direct workers need neither coordinators nor a queue.
_ROUNDS: Mapping[Mode, Mapping[Kind, int]] = {
    Mode.SQS: {
        Kind.KILL_WORKER: 4,
        Kind.KILL_COORDINATOR: 2,
        Kind.TERM_WORKER: 2,
        Kind.TERM_COORDINATOR: 1,
        Kind.SPOT_WORKER: 1,
        Kind.SPOT_STORM: 1,
        Kind.RECLAIM_POOL: 1,
        Kind.FREEZE_WORKER: 2,
        Kind.FREEZE_COORDINATOR: 1,
        Kind.CRASH_LEDGER: 1,
        Kind.RESTART_LEDGER: 1,
        Kind.WIPE_QUEUE: 1,
        Kind.RESTART_QUEUE: 1,
        Kind.QUEUE_FAULTS: 1,
        Kind.STORE_UNAVAILABLE: 1,
        Kind.STORE_FAULTS: 1,
    },
    Mode.DIRECT: {
        Kind.KILL_WORKER: 5,
        Kind.TERM_WORKER: 2,
        Kind.SPOT_WORKER: 1,
        Kind.SPOT_STORM: 1,
        Kind.RECLAIM_POOL: 1,
        Kind.FREEZE_WORKER: 3,
        Kind.CRASH_LEDGER: 2,
        Kind.RESTART_LEDGER: 1,
        Kind.STORE_UNAVAILABLE: 1,
        Kind.STORE_FAULTS: 1,
    },
}
_APART_S = 3.0  # on average
_UNEVEN = (0.4, 1.6)
_DOWN_S = (0.3, 4.0)
_FAULTS_S = (4.0, 10.0)
_UNAVAILABLE_S = (1.0, 9.0)
_NOTICE_S = (
    22.0,
    30.0,
)  # workers poll the metadata every 5 s, and keep 10 s in reserve before the interruption
_BUSY = 0.7
_LEASES = (1.3, 2.5)  # the duration of a freeze, in leases


def plan(
    seed: int, *, seconds: float, mode: Mode, lease_s: float, workers: int = 4, begin_s: float = 3.0
) -> tuple[Disturbance, ...]:
    """All disturbances within `seconds`, in order of time.

    In rounds that contain every kind, each round in a different order; the first is always complete.
    """
    rng = random.Random(seed)
    kinds = [kind for kind, times in _ROUNDS[mode].items() for _ in range(times)]
    round_s = min(_APART_S * len(kinds), seconds - begin_s)
    found = []
    for number in range(math.ceil((seconds - begin_s) / round_s)):
        gaps = [rng.uniform(*_UNEVEN) for _ in kinds]
        for kind, offset in zip(rng.sample(kinds, len(kinds)), accumulate(gaps, initial=0.0), strict=False):
            at = begin_s + round_s * (number + offset / sum(gaps))
            victim = rng.randrange(workers)
            lasts_s = _lasts(kind, lease_s, rng)
            busy = rng.random() < _BUSY
            found.append(Disturbance(at=at, kind=kind, victim=victim, lasts_s=lasts_s, busy=busy))
    return tuple(each for each in found if each.at < seconds)


def _lasts(kind: Kind, lease_s: float, rng: random.Random) -> float:
    if kind in {Kind.FREEZE_WORKER, Kind.FREEZE_COORDINATOR}:
        return lease_s * rng.uniform(*_LEASES)
    bounds = {
        Kind.QUEUE_FAULTS: _FAULTS_S,
        Kind.STORE_FAULTS: _FAULTS_S,
        Kind.STORE_UNAVAILABLE: _UNAVAILABLE_S,
        Kind.SPOT_WORKER: _NOTICE_S,
        Kind.SPOT_STORM: _NOTICE_S,
    }
    return rng.uniform(*bounds.get(kind, _DOWN_S))
