"""The waiting jobs by priority and owner, each owner's in the order in which they are claimed.

Jobs of one owner become ready almost always in the order in which they are claimed, so each owner has a
sorted list, and each priority a heap with the first entry of every list: its size is the number of owners,
not that of jobs. Jobs are in reference cycles only while they wait: a simulation may disable the collector of
cycles, which would look at all waiting jobs again and again.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush, heapreplace
from operator import attrgetter
from typing import TypeAlias

from eddyline.sim.queued_job import Place, QueuedJob

MIN_WEIGHT = 0.001
"""As in the ledger's `fair_queue`."""
_COMPACT = 64  # entries that were claimed, before their list is shortened
_WAITING = int(Place.WAITING)  # reading a member of an enumeration takes longer than a comparison
_PRIORITY = attrgetter("priority")

Entry: TypeAlias = tuple[float, float, int | str, QueuedJob]
"""The start tag, `ready_at`, id, and the job: entries compare as the ledger orders jobs of one priority."""


class Share:
    """The waiting jobs of one owner and priority, ascending from `head`.

    The entry at `head` is that of a waiting job. Entries after it may be of jobs that were claimed because of
    their deadlines: they are skipped. `delayed` jobs wait for their next attempt.
    """

    __slots__ = ("delayed", "entries", "head", "level", "owner")

    def __init__(self, level: Level, owner: int | str) -> None:
        self.level = level
        self.owner = owner
        self.entries: list[Entry] = []
        self.head = 0
        self.delayed: list[QueuedJob] = []

    def end(self) -> float | None:
        """Where the last job ends: its start tag plus its weight; None without jobs."""
        entries = self.entries
        while entries and not _is_current(entries[-1]):
            entries.pop()
        if not self.delayed:
            if not entries:
                return None
            if len(entries) == 1 or entries[-2][0] != entries[-1][0]:
                tag, _, _, job = entries[-1]
                return tag + max(MIN_WEIGHT, job.weight)
        # Of equal start tags, the ledger's index has the row last that was inserted last.
        last = [entries[-1][3]] if entries else []
        for at in range(len(entries) - 2, self.head - 1, -1):
            if entries[at][0] != entries[-1][0]:
                break
            if _is_current(entries[at]):
                last.append(entries[at][3])
        job = max((*last, *self.delayed), key=lambda each: (each.start_tag, each.order))
        return job.start_tag + max(MIN_WEIGHT, job.weight)

    def next_current(self, at: int) -> int | None:
        """The place of the next entry of a waiting job after that at `at`; None if there is none."""
        entries = self.entries
        for after in range(at + 1, len(entries)):
            if _is_current(entries[after]):
                return after
        return None

    def remove_first(self) -> None:
        """Remove the entry at `head`, whose job was claimed, and those after it that were claimed before."""
        entries, heads = self.entries, self.level.heads
        is_top = heads[0] is entries[self.head]
        head, size = self.head + 1, len(entries)
        while head < size:
            # As `_is_current`; a call takes longer.
            tag, ready_at, _, job = entries[head]
            if job.place == _WAITING and job.ready_at == ready_at and job.start_tag == tag:
                break
            head += 1
        if head == size:
            entries.clear()
            self.head = 0
            self.level.remove_if_empty(self)
            if is_top:
                heappop(heads)
            return
        if head > _COMPACT and 2 * head > size:
            del entries[:head]
            head = 0
        self.head = head
        if is_top:
            heapreplace(heads, entries[head])
        else:
            heappush(heads, entries[head])


class Level:
    """The waiting jobs of one priority: the shares by owner, and a heap with the first entry of each.

    The heap also has entries that are not the first of their share any more; they are skipped.
    """

    __slots__ = ("heads", "priority", "shares")

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.shares: dict[int | str, Share] = {}
        self.heads: list[Entry] = []

    def first(self) -> Entry | None:
        """The entry to claim next, or None."""
        heads = self.heads
        while heads:
            entry = heads[0]
            share = entry[3].share
            if share is not None and share.entries and share.entries[share.head] is entry:
                return entry
            heappop(heads)
        return None

    def in_order(self) -> Iterator[QueuedJob]:
        """The jobs in the order in which they would be claimed.

        It follows the tree of the heap, and the list of each share, only as far as it is asked.
        """
        heads = self.heads
        # Entries to come, with their places in the heap, or in the list of their share (then negative).
        ahead = [(entry, 0) for entry in heads[:1]]
        last = None
        while ahead:
            entry, place = heappop(ahead)
            share = entry[3].share
            if place >= 0:
                for child in (2 * place + 1, 2 * place + 2):
                    if child < len(heads):
                        heappush(ahead, (heads[child], child))
                is_first = share is not None and share.entries and share.entries[share.head] is entry
                if not is_first or entry is last:
                    continue
            if share is None:
                continue
            # A job that was handed back when it was claimed has two entries that are equal.
            if last is None or entry[3] is not last[3]:
                yield entry[3]
            last = entry
            after = share.next_current(share.head if place >= 0 else -place)
            if after is not None:
                heappush(ahead, (share.entries[after], -after))

    def share(self, owner: int | str) -> Share:
        """The share of an owner, created if it has none."""
        share = self.shares.get(owner)
        if share is None:
            share = self.shares[owner] = Share(self, owner)
        return share

    def remove_if_empty(self, share: Share) -> None:
        """Remove a share without jobs: there may be many owners, few at a time."""
        if not share.entries and not share.delayed:
            del self.shares[share.owner]


class FairShares:
    """All jobs that can be claimed, by priority and owner."""

    def __init__(self) -> None:
        self._levels: dict[int, Level] = {}
        self._active: list[Level] = []  # those with jobs, or emptied since; by priority

    def first(self) -> Entry | None:
        """The entry to claim next, of all priorities; None if there is none."""
        active = self._active
        while active:
            entry = active[0].first()
            if entry is not None:
                return entry
            del active[0]
        return None

    def in_order(self) -> Iterator[QueuedJob]:
        """The jobs in the order in which they would be claimed; nothing may change meanwhile."""
        for level in self._active:
            yield from level.in_order()

    def front(self, priority: int) -> float | None:
        """The smallest start tag of the jobs of a priority that can be claimed."""
        level = self._levels.get(priority)
        entry = None if level is None else level.first()
        return None if entry is None else entry[0]

    def end(self, priority: int, owner: int | str) -> float | None:
        """Where the last job of an owner ends, delayed ones included; None without jobs."""
        level = self._levels.get(priority)
        share = None if level is None else level.shares.get(owner)
        return None if share is None else share.end()

    def share(self, priority: int, owner: int | str) -> Share:
        """The share of an owner, created if it has none."""
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = Level(priority)
        return level.share(owner)

    def insert(self, job: QueuedJob) -> None:
        """Add a job, whose `start_tag` and `ready_at` are set, to those that can be claimed."""
        level = self._levels.get(job.priority)
        share = None if level is None else level.shares.get(job.owner)
        if share is None:
            share = self.share(job.priority, job.owner)
        job.place = _WAITING
        job.share = share
        entry = (job.start_tag, job.ready_at, job.id, job)
        entries = share.entries
        if entries and entries[-1] < entry:
            entries.append(entry)
            return
        insort(entries, entry, lo=share.head)
        if entries[share.head] is entry:
            if not share.level.heads and share.level not in self._active:
                insort(self._active, share.level, key=_PRIORITY)
            heappush(share.level.heads, entry)

    def insert_all(self, jobs: Sequence[QueuedJob]) -> None:
        """Add jobs of one owner and priority in the order in which they are claimed."""
        first = jobs[0]
        self.insert(first)
        share = first.share
        if share is None or share.entries[-1][3] is not first:
            for job in jobs[1:]:
                self.insert(job)
            return
        append = share.entries.append
        for job in jobs[1:]:
            job.place = _WAITING
            job.share = share
            append((job.start_tag, job.ready_at, job.id, job))


def move_to_front(jobs: Iterable[QueuedJob], front_of: Callable[[int], float | None]) -> None:
    """Set the start tags of jobs that ran: they have used their shares already, so they go to the front.

    `front_of` is the smallest start tag of a priority, before any of them is added.
    """
    groups: dict[tuple[int, int | str], list[QueuedJob]] = {}
    for job in jobs:
        groups.setdefault((job.priority, job.owner), []).append(job)
    for (priority, _), own in groups.items():
        front = front_of(priority)
        if front is None:
            front = min(job.start_tag for job in own)
        for job in own:
            job.start_tag = front


def _is_current(entry: Entry) -> bool:
    """Whether an entry is that of a waiting job, not one that was claimed since."""
    tag, ready_at, _, job = entry
    return job.place == _WAITING and job.ready_at == ready_at and job.start_tag == tag
