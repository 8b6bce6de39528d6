"""What goes wrong, when, and to whom: all of it decided by a seed before anything begins."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate


class Kind(StrEnum):
    """What may be done to a fleet."""

    KILL_WORKER = "kill -9 of a worker"
    KILL_COORDINATOR = "kill -9 of a coordinator"
    TERM_WORKER = "SIGTERM to a worker"
    TERM_COORDINATOR = "SIGTERM to a coordinator"
    SPOT_WORKER = "spot notice to a worker"
    FREEZE_WORKER = "worker frozen past its lease"
    FREEZE_COORDINATOR = "coordinator frozen"
    CRASH_LEDGER = "PostgreSQL crashed"
    RESTART_LEDGER = "PostgreSQL restarted"
    WIPE_QUEUE = "queue server crashed, all messages lost"
    RESTART_QUEUE = "queue server restarted"
    GALE = "gale on the network of the queue"
    STORE_AWAY = "S3 unreachable"
    STORE_GALE = "gale on the network of S3"


class Mode(StrEnum):
    """How workers and ledger share jobs."""

    SQS = "sqs"
    DIRECT = "direct"


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """Something to do `at` seconds after the beginning.

    `victim` is the number of the worker or coordinator meant. `lasts_s`: how long it stays away, frozen or
    stormy; of a spot notice, how far ahead the end is announced. `busy`: rather one with a job in hand.
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
        Kind.FREEZE_WORKER: 2,
        Kind.FREEZE_COORDINATOR: 1,
        Kind.CRASH_LEDGER: 1,
        Kind.RESTART_LEDGER: 1,
        Kind.WIPE_QUEUE: 1,
        Kind.RESTART_QUEUE: 1,
        Kind.GALE: 1,
        Kind.STORE_AWAY: 1,
        Kind.STORE_GALE: 1,
    },
    Mode.DIRECT: {
        Kind.KILL_WORKER: 5,
        Kind.TERM_WORKER: 2,
        Kind.SPOT_WORKER: 1,
        Kind.FREEZE_WORKER: 3,
        Kind.CRASH_LEDGER: 2,
        Kind.RESTART_LEDGER: 1,
        Kind.STORE_AWAY: 1,
        Kind.STORE_GALE: 1,
    },
}
_APART_S = 3.0  # on the whole, one after another
_UNEVEN = (0.4, 1.6)
_DOWN_S = (0.3, 4.0)
_GALE_S = (4.0, 10.0)
_AWAY_S = (1.0, 9.0)
_NOTICE_S = (22.0, 30.0)  # the metadata is asked every 5 s, and 10 s are kept in hand before the end
_BUSY = 0.7
_LEASES = (1.3, 2.5)  # frozen for so many leases


def plan(
    seed: int, *, seconds: float, mode: Mode, lease_s: float, workers: int = 4, begin_s: float = 3.0
) -> tuple[Disturbance, ...]:
    """Everything that goes wrong within `seconds`, in order of time.

    In rounds that contain every kind, each round in a different order; the first is always complete.
    """
    rng = random.Random(seed)
    kinds = [kind for kind, times in _ROUNDS[mode].items() for _ in range(times)]
    round_s = min(_APART_S * len(kinds), seconds - begin_s)
    found = []
    for number in range(math.ceil((seconds - begin_s) / round_s)):
        gaps = [rng.uniform(*_UNEVEN) for _ in kinds]
        for kind, passed in zip(rng.sample(kinds, len(kinds)), accumulate(gaps, initial=0.0), strict=False):
            at = begin_s + round_s * (number + passed / sum(gaps))
            victim = rng.randrange(workers)
            lasts_s = _lasts(kind, lease_s, rng)
            busy = rng.random() < _BUSY
            found.append(Disturbance(at=at, kind=kind, victim=victim, lasts_s=lasts_s, busy=busy))
    return tuple(each for each in found if each.at < seconds)


def _lasts(kind: Kind, lease_s: float, rng: random.Random) -> float:
    if kind in {Kind.FREEZE_WORKER, Kind.FREEZE_COORDINATOR}:
        return lease_s * rng.uniform(*_LEASES)
    bounds = {
        Kind.GALE: _GALE_S,
        Kind.STORE_GALE: _GALE_S,
        Kind.STORE_AWAY: _AWAY_S,
        Kind.SPOT_WORKER: _NOTICE_S,
    }
    return rng.uniform(*bounds.get(kind, _DOWN_S))
