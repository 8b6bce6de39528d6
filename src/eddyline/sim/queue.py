"""The queue of one pool in memory: it claims the jobs that the ledger would claim, in the same order.

The ledger's queue (`graph/ledger/leases.py` and `fair_queue.py`) is in SQL, which is too slow for a simulated
month. This one keeps the same order: priority, start tag, time at which a job became ready, id; jobs with
deadlines take half of the places. A differential test holds it to the ledger.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import chain, islice
from operator import attrgetter
from typing import Any

from eddyline.graph.ledger.fair_queue import alternate
from eddyline.graph.ledger.leases import LOOK_AHEAD
from eddyline.sim.fair_shares import MIN_WEIGHT, Entry, FairShares, move_to_front
from eddyline.sim.queued_job import Place, QueuedJob, illegal

__all__ = ["Place", "QueuedJob", "SimQueue", "claim_from"]

_EVEN = 0.5
_SLACK = 64
# Reading a member of an enumeration takes longer than a comparison.
_NEW, _WAITING, _DELAYED, _RUNNING, _DONE = (int(place) for place in Place)
_BY_ID = attrgetter("id")
_FAIR = attrgetter("priority", "start_tag", "ready_at", "id")
_URGENT = attrgetter("priority", "deadline", "id")


class SimQueue:
    """The jobs of one pool that wait, and the order in which they are claimed. Times never decrease.

    `rng` decides, for each claim while jobs with deadlines wait, whether their order or the fair one is
    first, as in the ledger. Every method raises `IllegalTransition` for a job that is not where it must be.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random(0)  # noqa: S311 - a simulation must be repeatable
        self._fair = FairShares()
        self._urgent: list[tuple[int, float, int | str, QueuedJob]] = []
        self._delayed: list[tuple[float, int | str, QueuedJob]] = []
        self._ready: deque[tuple[float, QueuedJob]] = deque()
        self._count = 0
        self._work = 0.0
        self._submitted = 0

    def __len__(self) -> int:
        """The number of waiting jobs, those that wait for their next attempt included."""
        return self._count

    def waiting_work(self) -> float:
        """The sum of the weights of the waiting jobs, in reference slot-seconds."""
        return self._work

    def oldest_ready(self) -> float | None:
        """When the oldest job became ready that could be claimed at the last operation; None without one."""
        ready = self._ready
        while ready and not _is_ready_since(*ready[0]):
            ready.popleft()
        return ready[0][0] if ready else None

    @property
    def has_deadlines(self) -> bool:
        """Whether a job with a deadline may wait."""
        return bool(self._urgent)

    # Jobs that become ready

    def submit(self, now: float, jobs: Sequence[QueuedJob]) -> None:
        """Add new jobs that may be claimed at once, as one submission to the ledger does."""
        self._promote(now)
        if jobs and _are_in_order(jobs):
            self._submit_in_order(now, jobs)
            return
        fronts: dict[int, float] = {}
        ends: dict[tuple[int, int | str], float] = {}
        for job in sorted(jobs, key=_BY_ID) if len(jobs) > 1 else jobs:
            if job.place != _NEW:
                raise illegal(job, "submitted")
            key = job.priority, job.owner
            tag = ends.get(key)
            if tag is None:
                tag = self._following(job.priority, job.owner, fronts)
            job.start_tag = tag
            ends[key] = tag + max(job.weight, MIN_WEIGHT)
        for job in jobs:
            self._submitted += 1
            job.order = self._submitted
            self._insert(job, now)

    def _submit_in_order(self, now: float, jobs: Sequence[QueuedJob]) -> None:
        """Add new jobs of one owner and priority, without deadlines, whose ids ascend: in one go."""
        tag = self._following(jobs[0].priority, jobs[0].owner, {})
        work = 0.0
        for order, job in enumerate(jobs, self._submitted + 1):
            if job.place != _NEW:
                raise illegal(job, "submitted")
            weight = job.weight
            job.start_tag = tag
            job.ready_at = now
            job.order = order
            tag += max(MIN_WEIGHT, weight)
            work += weight
        self._submitted += len(jobs)
        self._count += len(jobs)
        self._work += work
        self._fair.insert_all(jobs)
        self._note_ready(now, jobs)

    def interrupt(self, now: float, jobs: Sequence[QueuedJob]) -> None:
        """Add running jobs that were handed back, or whose worker was lost, again: they go to the front.

        The jobs of one call are those of one transaction of the ledger.
        """
        self._promote(now)
        _check_running(jobs)
        move_to_front(jobs, self._fair.front)
        for job in jobs:
            self._insert(job, now)

    def take_back(self, now: float, jobs: Sequence[QueuedJob], worker: object = None) -> None:  # noqa: ARG002 - for `LedgerQueue`
        """Add the running jobs of a lost worker again, as `interrupt` does."""
        self.interrupt(now, jobs)

    def retry(self, now: float, job: QueuedJob, at: float) -> None:
        """Add a running job that failed again; it may be claimed from `at`."""
        self._promote(now)
        _check_running([job])
        at = max(at, now)
        move_to_front([job], partial(self._front_at, at=at))
        self._count += 1
        self._work += job.weight
        job.place = _DELAYED
        job.ready_at = at
        job.share = self._fair.share(job.priority, job.owner)
        job.share.delayed.append(job)
        heappush(self._delayed, (at, job.id, job))

    def complete(self, job: QueuedJob) -> None:
        """End a running job."""
        if job.place != _RUNNING:
            raise illegal(job, "completed")
        job.place = _DONE

    # Claims

    def claim_one(self, now: float, worker: object = None) -> QueuedJob | None:  # noqa: ARG002 - for `LedgerQueue`
        """The next job, which then runs; None if none can be claimed."""
        if not self._count:
            return None
        if self._delayed:
            self._promote(now)
        entry = self._fair.first()
        if entry is None:
            return None
        if self._urgent:
            urgent = self._first_urgent()
            # The coin is tossed for every claim while a job with a deadline waits, as in the ledger.
            if urgent is not None and self._rng.random() < _EVEN and urgent.priority == entry[3].priority:
                self.take(urgent)
                return urgent
        return self._take_first(entry)

    def claim(
        self,
        now: float,
        limit: int,
        worker: object = None,  # noqa: ARG002 - for `LedgerQueue`
        *,
        most_weight: float | None = None,
    ) -> list[QueuedJob]:
        """Up to `limit` jobs, which then run, in the order in which one claim of the ledger returns them.

        With `most_weight`, only jobs of at most this weight, as a draining worker claims them.
        """
        return claim_from([self], now, limit, self._rng, most_weight=most_weight)

    def take_fair(self, now: float, most: int) -> list[QueuedJob]:
        """The first `most` jobs in the fair order, which then run."""
        self._promote(now)
        taken: list[QueuedJob] = []
        while len(taken) < most and (entry := self._fair.first()) is not None:
            taken.append(self._take_first(entry))
        return taken

    def first_fair(self, now: float, most: int, most_weight: float | None) -> list[QueuedJob]:
        """The first `most` jobs in the fair order, of at most this weight; they are not claimed."""
        self._promote(now)
        looked_at = islice(self._fair.in_order(), None if most_weight is None else most + LOOK_AHEAD)
        return list(islice((job for job in looked_at if _fits(job, most_weight)), most))

    def urgent(self, now: float, most: int) -> list[QueuedJob]:
        """The first `most` waiting jobs in the order of their deadlines; they are not claimed."""
        self._promote(now)
        found: list[QueuedJob] = []
        while len(found) < most and self._first_urgent() is not None:
            found.append(heappop(self._urgent)[3])
        for job in found:
            heappush(self._urgent, _urgent_entry(job))
        return found

    def take(self, job: QueuedJob) -> None:
        """Claim one waiting job out of its turn."""
        share = job.share
        if job.place != _WAITING or share is None:
            raise illegal(job, "claimed")
        is_first = share.entries[share.head][3] is job
        self._start(job)
        if is_first:
            share.remove_first()

    # The order

    def _front_at(self, priority: int, *, at: float) -> float | None:
        """The smallest start tag of the jobs that can be claimed at `at`."""
        tags = [job.start_tag for due, _, job in self._delayed if due <= at and job.priority == priority]
        front = self._fair.front(priority)
        return min(tags if front is None else [front, *tags], default=None)

    def _following(self, priority: int, owner: int | str, fronts: dict[int, float]) -> float:
        """The start tag of the next new job of an owner; `fronts` are those before this submission."""
        front = fronts.get(priority)
        if front is None:
            front = fronts[priority] = self._fair.front(priority) or 0.0
        end = self._fair.end(priority, owner)
        return front if end is None else max(front, end)

    # Entering and leaving

    def _insert(self, job: QueuedJob, ready_at: float) -> None:
        """Add a job that became ready to those that can be claimed."""
        job.ready_at = ready_at
        self._count += 1
        self._work += job.weight
        self._fair.insert(job)
        if job.deadline is not None and not job.listed:
            job.listed = True
            heappush(self._urgent, _urgent_entry(job))
        self._note_ready(ready_at, (job,))

    def _note_ready(self, ready_at: float, jobs: Sequence[QueuedJob]) -> None:
        self._ready.extend([(ready_at, job) for job in jobs])
        if len(self._ready) > 2 * self._count + _SLACK:
            self._ready = deque(each for each in self._ready if _is_ready_since(*each))

    def _promote(self, now: float) -> None:
        """Let the jobs be claimed that are due for their next attempt."""
        delayed = self._delayed
        while delayed and delayed[0][0] <= now:
            at, _, job = heappop(delayed)
            if job.share is not None:
                job.share.delayed.remove(job)
            self._count -= 1
            self._work -= job.weight
            self._insert(job, at)

    def _take_first(self, entry: Entry) -> QueuedJob:
        """Claim the job of the first entry."""
        job = entry[3]
        share = job.share
        # As `_start`; a call takes as long as half of this.
        job.place = _RUNNING
        job.starts += 1
        job.share = None
        self._count -= 1
        self._work = self._work - job.weight if self._count else 0.0
        if share is not None:
            share.remove_first()
        return job

    def _start(self, job: QueuedJob) -> None:
        job.place = _RUNNING
        job.starts += 1
        job.share = None
        self._count -= 1
        # Without jobs, no rounding error remains.
        self._work = self._work - job.weight if self._count else 0.0

    def _first_urgent(self) -> QueuedJob | None:
        heap = self._urgent
        while heap:
            job = heap[0][3]
            if job.place == _WAITING:
                return job
            job.listed = False
            heappop(heap)
        return None


def claim_from(
    queues: Sequence[SimQueue],
    now: float,
    limit: int,
    rng: random.Random,
    *,
    most_weight: float | None = None,
) -> list[QueuedJob]:
    """Claim up to `limit` jobs of several pools, whose ids are all different, as one claim of the ledger.

    With `most_weight`, only jobs of at most this weight, among the first ones.
    """
    if limit < 1:
        return []
    further = 0 if most_weight is None else LOOK_AHEAD
    urgent = [queue.urgent(now, (limit + 1) // 2 + further) for queue in queues]
    if len(queues) == 1 and not urgent[0] and most_weight is None:
        return queues[0].take_fair(now, limit)
    fair = [queue.first_fair(now, limit, most_weight) for queue in queues]
    queue_of = {
        job.id: queue for queue, *lists in zip(queues, fair, urgent, strict=True) for job in chain(*lists)
    }
    all_fair = sorted(chain(*fair), key=_FAIR)
    all_urgent = sorted((job for job in chain(*urgent) if _fits(job, most_weight)), key=_URGENT)
    first = bool(all_urgent) and rng.random() < _EVEN
    chosen: list[QueuedJob] = alternate(all_fair, all_urgent, limit, urgent_first=first)
    for job in chosen:
        queue_of[job.id].take(job)
    return chosen


def _are_in_order(jobs: Sequence[QueuedJob]) -> bool:
    """Whether jobs are of one owner and priority, without deadlines, and their ids ascend."""
    first = jobs[0]
    owner, priority = first.owner, first.priority
    last: Any = None
    for job in jobs:
        if job.owner != owner or job.priority != priority or job.deadline is not None:
            return False
        if last is not None and job.id <= last:
            return False
        last = job.id
    return True


def _fits(job: QueuedJob, most_weight: float | None) -> bool:
    return most_weight is None or 0 < job.weight <= most_weight


def _check_running(jobs: Sequence[QueuedJob]) -> None:
    for job in jobs:
        if job.place != _RUNNING:
            raise illegal(job, "handed back")


def _urgent_entry(job: QueuedJob) -> tuple[int, float, int | str, QueuedJob]:
    return job.priority, 0.0 if job.deadline is None else job.deadline, job.id, job


def _is_ready_since(ready_at: float, job: QueuedJob) -> bool:
    """Whether a job can be claimed since `ready_at`, and was not claimed in between."""
    return job.place == _WAITING and job.ready_at == ready_at
