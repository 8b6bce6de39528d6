"""The ledger: every job, what it needs and how it stands, in SQL; each method is one transaction."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from eddyline.core.clock import Clock
from eddyline.core.stop import Stop
from eddyline.graph.command import Command
from eddyline.graph.db.asset_locks import lock_assets
from eddyline.graph.db.server_clock import clock_for
from eddyline.graph.db.transactions import Database, as_url
from eddyline.graph.job import Addition, Claim, NewJob, Settlement
from eddyline.graph.ledger import archive as archiving
from eddyline.graph.ledger import cancel as cancelling
from eddyline.graph.ledger import commands, dependencies, leases
from eddyline.graph.ledger.changes import Changes
from eddyline.graph.ledger.complete import Settling
from eddyline.graph.ledger.ready_jobs import OnReady
from eddyline.graph.ledger.submit import add
from eddyline.graph.retry import RetryPolicy

_PAGE = 200  # assets looked at in one transaction
POISON_AFTER = 5
"""So many times in a row may a job's worker vanish before the job is held to be the reason."""


class Ledger(Changes):
    """Jobs on SQLite or PostgreSQL. Safe from any thread and any number of processes; not across a fork."""

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        policy: RetryPolicy | None = None,
        poison_after: int = POISON_AFTER,
        on_ready: OnReady | None = None,
    ) -> Self:
        """Open, or make, a ledger at a path (SQLite) or a `postgresql://` URL; raises `LedgerError`.

        `on_ready(connection, ids)` is called in every transaction that leaves jobs ready, before it commits.
        Without a `clock`, a server's own is used where there is one, else the machine's.
        """
        rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        database = Database(as_url(location), rng)
        return cls(
            database,
            clock=clock or clock_for(database.engine),
            rng=rng,
            policy=policy or RetryPolicy(),
            poison_after=poison_after,
            on_ready=on_ready,
        )

    # Jobs in

    def submit(self, additions: Sequence[Addition]) -> int:
        """Add jobs (and links); returns how many were new, so that submitting twice adds nothing.

        A need that is done already is met, one that is dead or cancelled cancels the job with that reason.
        Raises `GraphError`, and adds nothing, for unknown needs, circles and links to started jobs.
        """
        count = self._write(lambda c: self._submit(c, additions))
        self._changed()
        return count

    def _submit(self, connection: Connection, additions: Sequence[Addition]) -> int:
        lock_assets(connection, {each.asset for each in additions if isinstance(each, NewJob)})
        return add(connection, additions, self._clock.now())

    # For workers

    def register(self, worker: str, host: str, pid: int, lease_s: float = 30.0) -> None:
        """Make a worker known."""
        self._write(
            lambda c: leases.register(c, worker, host, pid, lease_s, self._clock.now()), durable=False
        )

    def claim(self, worker: str, *, pools: Sequence[str], limit: int, lease_s: float) -> list[Claim]:
        """Lend up to `limit` due jobs of these classes, by priority, readiness and id; extends the lease."""
        if limit < 1:
            return []
        now = self._clock.now()
        return self._write(
            lambda c: leases.claim(
                c, worker, pools=pools, limit=limit, lease_s=lease_s, now=now, rng=self._rng
            ),
            # A power cut takes the worker along: an undone claim is only a job that is ready again.
            durable=False,
        )

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Record answers, in one durable transaction; False: out of date (fence), ignored.

        What a done job spawns is added before the jobs that need it are released.
        """
        if not settlements:
            return []
        # Once, however often it is run: it tells these answers from others if the server is lost.
        now = self._clock.now()
        accepted = self._write(lambda c: Settling(c, now, self._policy, self._rng).apply(settlements))
        self._changed()
        return accepted

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Extend a worker's lease; returns what it still holds: job ids with their fences."""

        def beat(connection: Connection) -> dict[str, int]:
            leases.extend(connection, worker, lease_s, self._clock.now())
            return leases.held(connection, worker)

        return self._write(beat, durable=False)

    def held(self, worker: str) -> dict[str, int]:
        """What a worker holds: job ids with their fences."""
        return self._database.read(lambda c: leases.held(c, worker))

    def expire(self) -> list[str]:
        """Take jobs back from workers whose lease ran out; returns the ids.

        They are ready at once with no attempt spent, or dead if they keep taking their workers with them.
        """
        lost = self._write(lambda c: leases.expire(c, poison_after=self._poison_after, now=self._clock.now()))
        if lost.jobs:
            self._changed()
        return list(lost.jobs)

    def abandon(self, worker: str) -> int:
        """Take back at once what a worker held that is surely gone; returns how many jobs."""
        lost = self._write(
            lambda c: leases.take_back(c, [worker], poison_after=self._poison_after, now=self._clock.now())
        )
        self._changed()
        return len(lost)

    def leave(self, worker: str) -> None:
        """Forget a worker that ends in good order; one that holds jobs all the same is waited for."""
        self._database.write(lambda c: leases.leave(c, worker), durable=False)

    # For people

    def cancel(
        self, *, job: str | None = None, asset: str | None = None, reason: str = "cancelled"
    ) -> list[str]:
        """Cancel one job or all open jobs of an asset, and what needs them; returns the ids named so.

        Answers of workers that run them no longer count, and these workers are ordered to give them up.
        """
        now = self._clock.now()
        cancelled = self._write(lambda c: cancelling.cancel(c, job=job, asset=asset, reason=reason, now=now))
        self._bell.ring()
        self._changed()
        return cancelled

    def drain(self, worker: str, reason: str = "told to drain") -> bool:
        """Have a worker end what it can, hand back the rest and exit; False: no such worker is known."""
        known = self._write(lambda c: commands.drain(c, worker, reason, self._clock.now()))
        self._bell.ring()
        self._changed()
        return known

    def orders(self, worker: str) -> list[Command]:
        """What is wanted of a worker, the oldest first, until `heeded`."""
        return self._database.read(lambda c: commands.find(c, worker))

    def heeded(self, told: Sequence[Command]) -> None:
        """The worker knows of these."""
        if told:
            self._database.write(lambda c: commands.forget(c, told), durable=False)

    def redrive(self, *ids: str) -> list[str]:
        """Give dead jobs new attempts and take back cancellations by a person; returns all that came back.

        What was cancelled because of them waits again, unless another of its needs has failed too.
        """
        back = self._write(lambda c: dependencies.redrive(c, ids, self._clock.now()))
        self._changed()
        return back

    # For housekeeping

    def archive(
        self,
        *,
        older_than_s: float,
        assets_at_once: int = 20,
        pause_s: float = 0.0,
        stop: Stop | None = None,
    ) -> int:
        """Move the jobs of assets that ended so long ago to the archive; returns how many jobs.

        In short transactions of a few assets, with a pause after each: workers are not held up. May be
        killed at any moment, and run beside itself; ends early, between two transactions, once `stop` is
        raised.
        """
        stop = stop or Stop()
        before = self._clock.now() - older_than_s
        moved = 0
        after: str | None = ""
        while after is not None and not stop.requested:
            look = partial(archiving.page, after=after, before=before, most=_PAGE)
            ended, after = self._database.read(look)
            for first in range(0, len(ended), assets_at_once):
                if stop.wait(0.0):
                    break
                some = ended[first : first + assets_at_once]
                move = partial(archiving.move, assets=some, before=before, now=self._clock.now())
                moved += self._write(move)
                self._clock.sleep(pause_s)
        return moved

    def compact(self) -> None:
        """Give back the space that archived jobs took, and let the planner look at what is left.

        On SQLite the file is written anew, and whoever writes waits for that; PostgreSQL does it beside work.
        """
        self._database.compact()
