"""What can be asked of a ledger: the half of it that changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from eddyline.core.clock import Clock
from eddyline.graph.db.transactions import Database
from eddyline.graph.job import Job
from eddyline.graph.ledger import archive, queries
from eddyline.graph.ledger.archive import Archived
from eddyline.graph.ledger.queries import Stats, WorkerRow
from eddyline.graph.states import State

T = TypeVar("T")


class Inquiries:
    """Questions to a ledger's database; each is answered from one consistent view."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> float:
        """The time by which the ledger keeps leases and moments, in seconds since 1970."""
        return self._clock.now()

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds in one consistent view of the ledger (`overview` has such questions)."""
        return self._database.read(work)

    def find(self, name: str, *, limit: int = 10) -> list[Job]:
        """The job with this id, or else those whose ids begin so, at most `limit`."""
        exact = self.job(name)
        if exact is not None:
            return [exact]
        query = queries.by_beginning(name, limit)
        return self._database.read(lambda c: queries.find(c, query))

    def job(self, job_id: str) -> Job | None:
        """One job, or None if there is no such job."""
        return next(iter(self._database.read(lambda c: queries.find(c, queries.by_ids([job_id])))), None)

    def jobs(
        self, asset: str | None = None, state: State | None = None, kind: str | None = None
    ) -> list[Job]:
        """Jobs by asset, state and kind, in the order in which they were added."""
        query = queries.by_filter(asset=asset, state=state, kind=kind)
        return self._database.read(lambda c: queries.find(c, query))

    def job_pages(
        self,
        states: Sequence[State],
        *,
        asset: str | None = None,
        kind: str | None = None,
        limit: int | None = None,
        size: int = 500,
    ) -> Iterator[list[Job]]:
        """Jobs state by state in this order, then by id, in pages of at most `size`; at most `limit` in all.

        Each page is a query of its own, so that memory stays bounded whatever the number of jobs. A job that
        changes its state meanwhile may be missing, or be listed twice.
        """
        left = limit
        for state in states:
            after = ""
            while left is None or left > 0:
                wanted = size if left is None else min(size, left)
                query = queries.page(asset=asset, state=state, kind=kind, after=after, limit=wanted)
                found = self._database.read(partial(queries.find, query=query))
                if found:
                    yield found
                    after = found[-1].id
                    left = None if left is None else left - len(found)
                if len(found) < wanted:
                    break

    def late(self) -> list[Job]:
        """Open jobs past their deadline, the latest first; cheap, whatever the number of jobs."""
        query = queries.late(self._clock.now())
        return self._database.read(lambda c: queries.find(c, query))

    def counts(self, asset: str | None = None, kind: str | None = None) -> dict[State, int]:
        """The number of jobs in each state, of one asset or of all, of one kind or of all."""
        return self._database.read(lambda c: queries.counts(c, asset, kind))

    def weights(self, asset: str | None = None) -> dict[State, float]:
        """The sum of weights in each state, of one asset or of all."""
        return self._database.read(lambda c: queries.weights(c, asset))

    def has_open(self, asset: str | None = None) -> bool:
        """Whether anything is still to be done; cheap, whatever the number of jobs."""
        return self._database.read(lambda c: queries.has_open(c, asset))

    def stats(self, asset: str | None = None) -> Stats:
        """Interruptions and redone starts, of one asset or of all."""
        return self._database.read(lambda c: queries.stats(c, asset))

    def workers(self) -> list[WorkerRow]:
        """The workers whose leases have not been taken back."""
        return self._database.read(queries.list_workers)

    def next_wakeup(self, pools: Sequence[str] | None = None) -> float | None:
        """When the next job is due or the next lease runs out (it may be past); None: nothing to wait for."""
        return self._database.read(lambda c: queries.next_wakeup(c, pools))

    def archived(self, asset: str) -> list[Archived]:
        """What the archive holds of an asset."""
        return self._database.read(lambda c: archive.find(c, asset))
