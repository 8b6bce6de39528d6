"""The ledger: the SQL database of jobs, their dependencies and states. Each method is one transaction."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection

from eddyline.core.clock import Clock
from eddyline.core.closeable import Closeable
from eddyline.core.stop import Stop
from eddyline.graph.command import Command
from eddyline.graph.db.asset_locks import lock_assets
from eddyline.graph.db.server_clock import clock_for
from eddyline.graph.db.sqlite_commits import CommitWatcher
from eddyline.graph.db.transactions import Database, as_url
from eddyline.graph.job import Addition, Claim, Job, NewJob, Settlement
from eddyline.graph.ledger import archive, cancel, commands, complete, leases, queries, submit
from eddyline.graph.ledger.archive import Archived
from eddyline.graph.ledger.catalogue.catalogue import Catalogue
from eddyline.graph.ledger.catalogue.events import EventLog
from eddyline.graph.ledger.dependencies import dependants
from eddyline.graph.ledger.fleet.fleet_record import FleetRecord
from eddyline.graph.ledger.leases import Expired
from eddyline.graph.ledger.outbox import entries
from eddyline.graph.ledger.outbox.publications import Publications
from eddyline.graph.ledger.progress import ProgressLog
from eddyline.graph.ledger.queries import Stats, WorkerRow
from eddyline.graph.ledger.reports.apply import Applied, ReportRules, apply
from eddyline.graph.ledger.spawned_jobs import ANY_OF_ITS_ASSET, SpawnRules
from eddyline.graph.ledger.starts import StartHistory
from eddyline.graph.ledger.transactions import Transactions
from eddyline.graph.machine import UNKNOWN_MACHINE, Machine
from eddyline.graph.messages import WorkerReport
from eddyline.graph.retry import RetryPolicy
from eddyline.graph.states import State

T = TypeVar("T")

POISON_AFTER = 5
"""Consecutive worker losses before a job is treated as poison."""


class Ledger(Closeable):
    """Jobs on SQLite or PostgreSQL. Safe from any thread and any number of processes; not across a fork.

    `publications` is for coordinators: it publishes jobs to queues. `fleet` is the record of instances,
    `starts` the history of the starts of jobs, `progress` that of running jobs, `catalogue` the assets,
    `events` what happened to them.
    """

    def __init__(self, transactions: Transactions, *, policy: RetryPolicy, poison_after: int) -> None:
        self.publications = Publications(transactions)
        self.fleet = FleetRecord(transactions)
        self.starts = StartHistory(transactions)
        self.progress = ProgressLog(transactions)
        self.catalogue = Catalogue(transactions)
        self.events = EventLog(transactions)
        self._transactions = transactions
        self._database = transactions.database
        self._policy = policy
        self._poison_after = poison_after

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        policy: RetryPolicy | None = None,
        poison_after: int = POISON_AFTER,
        publishes: bool = False,
    ) -> Self:
        """Open, or create, a ledger at a path (SQLite) or a `postgresql://` URL; raises `LedgerError`.

        If it `publishes`, its workers have no access to the database: every job that becomes ready is put in
        the outbox in the same transaction. Without a `clock`, the database server's is used, or else the
        machine's.
        """
        rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        database = Database(as_url(location), rng)
        transactions = Transactions(
            database,
            clock=clock or clock_for(database.engine),
            rng=rng,
            on_ready=entries.enqueue if publishes else None,
        )
        return cls(transactions, policy=policy or RetryPolicy(), poison_after=poison_after)

    @property
    def publishes(self) -> bool:
        """Whether jobs that become ready are put in the outbox."""
        return self._transactions.publishes

    def close(self) -> None:
        """Close all connections."""
        self._transactions.close()

    def now(self) -> float:
        """The time by which the ledger keeps leases, in seconds since 1970."""
        return self._transactions.clock.now()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change made through this object; returns the function that ends that.

        On PostgreSQL it is also called soon after another process made a job ready or cancelled one.
        """
        return self._transactions.subscribe(listener)

    def watch_commits(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` soon after a commit of another process, on SQLite; returns the function to end it.

        For coordinators: many workers on one file would wake each other with every claim.
        """
        return CommitWatcher(self._database, listener).close

    # Submission

    def submit(self, additions: Sequence[Addition]) -> int:
        """Add jobs and links; returns how many jobs were new, so that submitting twice adds nothing.

        A dependency that is done is met; one that is dead or cancelled cancels the job, with the reason.
        Raises `GraphError`, and adds nothing, for unknown dependencies, cycles and links to started jobs.
        """

        def work(connection: Connection) -> int:
            lock_assets(connection, {each.asset for each in additions if isinstance(each, NewJob)})
            return submit.add(connection, additions, self.now())

        count = self._transactions.write(work)
        self._transactions.changed()
        return count

    # Workers

    def register(
        self, worker: str, host: str, pid: int, lease_s: float = 30.0, *, machine: Machine = UNKNOWN_MACHINE
    ) -> None:
        """Register a worker and its machine, if known."""
        self._transactions.write(
            lambda c: leases.register(c, worker, host, pid, lease_s=lease_s, now=self.now(), machine=machine),
            durable=False,
        )

    def claim(
        self,
        worker: str,
        *,
        pools: Sequence[str],
        limit: int,
        lease_s: float,
        most_weight: Mapping[str, float] | None = None,
    ) -> list[Claim]:
        """Claim up to `limit` due jobs of these pools for a worker, whose lease is extended.

        With `most_weight`, only jobs whose kinds are its keys, of at most these weights.
        """
        if limit < 1:
            return []
        now, rng = self.now(), self._transactions.rng
        return self._transactions.write(
            lambda c: leases.claim(
                c,
                worker,
                pools=pools,
                limit=limit,
                lease_s=lease_s,
                now=now,
                rng=rng,
                most_weight=most_weight,
            ),
            # A power failure ends the worker too: a lost claim only leaves the job ready.
            durable=False,
        )

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Record results in one durable transaction; False for those with an outdated fence, ignored.

        The jobs that a done job spawns are added before its dependants are released.
        """
        if not settlements:
            return []
        # The same for every run of the transaction: it identifies these results if the server is lost.
        now = self.now()

        def work(connection: Connection) -> list[bool]:
            return complete.settle(
                connection, settlements, now=now, policy=self._policy, rng=self._transactions.rng
            )

        accepted = self._transactions.write(work)
        self._transactions.changed()
        return accepted

    def heartbeat(self, worker: str, lease_s: float, *, machine: Machine = UNKNOWN_MACHINE) -> dict[str, int]:
        """Extend a worker's lease; returns the jobs that it still holds, with their fences.

        A known `machine` is recorded, for a worker whose row was removed while it was silent.
        """

        def work(connection: Connection) -> dict[str, int]:
            leases.extend(connection, worker, lease_s, self.now(), machine)
            return leases.held_jobs(connection, worker)

        return self._transactions.write(work, durable=False)

    def held_jobs(self, worker: str) -> dict[str, int]:
        """The jobs that a worker holds, with their fences."""
        return self._database.read(lambda c: leases.held_jobs(c, worker))

    def expire_leases(self) -> Expired:
        """Take jobs back from workers whose leases ran out, and remove these workers.

        The jobs are ready at once with no attempt spent, or dead if they keep losing their workers. Where
        jobs are published they are not published again: the queue shows their messages again.
        """
        write = self._database.write if self.publishes else self._transactions.write
        expired = write(lambda c: leases.expire(c, poison_after=self._poison_after, now=self.now()))
        if expired.jobs:
            self._transactions.changed()
        return expired

    def release_worker(self, worker: str) -> int:
        """Take back at once the jobs of a worker that is known to be gone; returns how many."""
        released = self._transactions.write(
            lambda c: leases.release(c, [worker], poison_after=self._poison_after, now=self.now())
        )
        self._transactions.changed()
        return len(released)

    def deregister(self, worker: str) -> None:
        """Remove a worker that ended, unless it still holds jobs: then its lease must run out."""
        self._database.write(lambda c: leases.deregister(c, worker), durable=False)

    def apply_reports(
        self, reports: Sequence[WorkerReport], *, lease_s: float, spawn: SpawnRules = ANY_OF_ITS_ASSET
    ) -> Applied:
        """Record reports in one durable transaction; extends the lease of each sender by `lease_s`.

        `spawn` bounds what their jobs may add.
        """

        def work(connection: Connection) -> Applied:
            rules = ReportRules(
                policy=self._policy,
                rng=self._transactions.rng,
                poison_after=self._poison_after,
                lease_s=lease_s,
                now=self.now(),
                spawn=spawn,
            )
            return apply(connection, reports, rules)

        applied = self._database.write(work)
        if applied.counted or applied.commands:
            self._transactions.changed()
        return applied

    # Commands

    def cancel(
        self, *, job: str | None = None, asset: str | None = None, reason: str = "cancelled"
    ) -> list[str]:
        """Cancel one job or all open jobs of an asset, and their dependants; returns the former's ids.

        Later results of workers that run them are ignored, and these workers get a command to cancel them.
        """
        now = self.now()
        cancelled = self._transactions.write(
            lambda c: cancel.cancel(c, job=job, asset=asset, reason=reason, now=now)
        )
        self._transactions.notify_processes()
        self._transactions.changed()
        return cancelled

    def drain(
        self, worker: str, reason: str = "drained by an operator", *, deadline: float | None = None
    ) -> bool:
        """Command a worker to finish or hand back its jobs and exit; False if the worker is unknown.

        `deadline` (seconds since 1970) is when it must have ended; None: it finishes its jobs.
        """
        return bool(
            self._drain(
                lambda c: commands.drain(c, [worker], deadline=deadline, reason=reason, now=self.now())
            )
        )

    def drain_instance(self, instance: str, deadline: float | None, reason: str) -> tuple[str, ...]:
        """Command the workers of an EC2 instance to drain, as `drain` does; returns their names.

        Idempotent: repeated, it adds no second command; an earlier deadline replaces a later one, and is sent
        again if that was delivered. Workers honour the earliest that they received.
        """
        return self._drain(
            lambda c: commands.drain_instance(c, instance, deadline=deadline, reason=reason, now=self.now())
        )

    def _drain(self, work: Callable[[Connection], tuple[str, ...]]) -> tuple[str, ...]:
        names = self._transactions.write(work)
        if names:
            self._transactions.notify_processes()
            self._transactions.changed()
        return names

    def commands(self, worker: str) -> list[Command]:
        """The commands to a worker that are not confirmed, oldest first."""
        return self._database.read(lambda c: commands.find(c, worker))

    def take_commands(self, *, limit: int, hold_s: float) -> list[Command]:
        """Take commands to deliver; they are due again unless confirmed within `hold_s`."""
        if not self._database.read(lambda c: commands.are_due(c, self.now())):
            return []
        return self._database.write(
            lambda c: commands.take(c, limit=limit, hold_s=hold_s, now=self.now()), durable=False
        )

    def confirm_commands(self, delivered: Sequence[Command]) -> None:
        """Remove commands that were delivered."""
        if delivered:
            self._database.write(lambda c: commands.remove(c, delivered), durable=False)

    def defer_commands(self, undelivered: Sequence[Command], pause_s: float) -> None:
        """Make commands due again in `pause_s`; removes those to workers that are gone."""
        if undelivered:
            until = self.now() + pause_s
            self._database.write(lambda c: commands.defer(c, undelivered, until), durable=False)

    def redrive(self, *ids: str) -> list[str]:
        """Give dead jobs new attempts and undo cancellations by operators; returns all restored jobs.

        Jobs that were cancelled because of them wait again, unless another dependency has failed too.
        """
        restored = self._transactions.write(lambda c: dependants.redrive(c, ids, self.now()))
        self._transactions.changed()
        return restored

    # Queries

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run a query on one consistent view of the ledger (`overview` has some)."""
        return self._database.read(work)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run a change in one durable transaction; it may run again after a failure of the database."""
        found = self._transactions.write(work)
        self._transactions.changed()
        return found

    def find_jobs(self, name: str, *, limit: int = 10) -> list[Job]:
        """The job with this id, or else at most `limit` jobs whose ids start with `name`."""
        return self._database.read(lambda c: queries.by_id_or_prefix(c, name, limit))

    def job(self, job_id: str) -> Job | None:
        """One job, or None if it is unknown."""
        return self._database.read(lambda c: queries.by_id(c, job_id))

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
        """Jobs by state in this order, then by id, in pages of at most `size`; at most `limit` in all.

        Each page is a separate query, which bounds memory. A job that changes its state meanwhile may be
        missing or listed twice.
        """
        return queries.pages(self._database.read, states, asset=asset, kind=kind, limit=limit, size=size)

    def counts(self, asset: str | None = None, kind: str | None = None) -> dict[State, int]:
        """The number of jobs in each state, of one asset or all, of one kind or all."""
        return self._database.read(lambda c: queries.counts(c, asset, kind))

    def weights(self, asset: str | None = None) -> dict[State, float]:
        """The sum of weights in each state, of one asset or all."""
        return self._database.read(lambda c: queries.weights(c, asset))

    def has_open(self, asset: str | None = None) -> bool:
        """Whether any job is open; the cost does not grow with the number of jobs."""
        return self._database.read(lambda c: queries.has_open(c, asset))

    def stats(self, asset: str | None = None) -> Stats:
        """Interruptions and repeated starts, of one asset or all."""
        return self._database.read(lambda c: queries.stats(c, asset))

    def workers(self) -> list[WorkerRow]:
        """The registered workers."""
        return self._database.read(queries.list_workers)

    def next_wakeup(self, pools: Sequence[str] | None = None) -> float | None:
        """When the next job is due or the next lease runs out, perhaps in the past; None if there is none."""
        return self._database.read(lambda c: queries.next_wakeup(c, pools))

    def archived(self, asset: str) -> list[Archived]:
        """The archived jobs of an asset."""
        return self._database.read(lambda c: archive.find(c, asset))

    # Housekeeping

    def archive(
        self,
        *,
        older_than_s: float,
        assets_at_once: int = 20,
        pause_s: float = 0.0,
        stop: Stop | None = None,
    ) -> int:
        """Move the jobs of assets that ended `older_than_s` ago to the archive; returns how many jobs.

        Uses short transactions of a few assets with a pause after each, so that workers do not wait. May be
        killed at any time, and run concurrently; ends early, between two transactions, on `stop`.
        """
        return archive.archive_old(
            self._transactions,
            older_than_s=older_than_s,
            assets_at_once=assets_at_once,
            pause_s=pause_s,
            stop=stop or Stop(),
        )

    def compact(self) -> None:
        """Return the space of archived jobs to the file system, and refresh the planner's statistics.

        SQLite writes the file again, and writers wait for that; PostgreSQL does it concurrently.
        """
        self._database.compact()
