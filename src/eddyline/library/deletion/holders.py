"""Which workers may still run a cancelled job of an asset: its files are deleted once none does.

A worker learns of a cancellation with its next heartbeat or by a command, and then stops the job within about
a second. So it is done when its lease was renewed after the cancellation, its commands are delivered, and a
few seconds have passed; or when its lease has ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from eddyline.graph.db.schema import commands, jobs, starts, workers
from eddyline.graph.ledger.ended_starts import StartOutcome

_GRACE_S = 3.0  # from the worker's heartbeat until its handler has stopped
_ENDED = (StartOutcome.INTERRUPTED.value, StartOutcome.LOST.value)
_RECENT_S = 6 * 3600.0  # starts that ended earlier belong to workers that have long noticed


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A worker that may still run a job of the asset; `deadline` is the end of its lease."""

    worker: str
    deadline: float
    has_commands: bool


def read_holders(connection: Connection, asset: str, now: float) -> list[Holder]:
    """The workers whose lease lasts and from which jobs of the asset were taken."""
    query = (
        select(workers.c.name, workers.c.deadline)
        .distinct()
        .select_from(
            jobs.join(starts, starts.c.job_id == jobs.c.id).join(workers, workers.c.name == starts.c.worker)
        )
        .where(
            jobs.c.asset == asset,
            starts.c.outcome.in_(_ENDED),
            starts.c.ended > now - _RECENT_S,
            workers.c.deadline >= now,
            workers.c.registered <= starts.c.ended,
        )
    )
    latest = {row.name: float(row.deadline) for row in connection.execute(query)}
    pending = set(
        connection.execute(
            select(commands.c.worker).where(
                # Workers that use the ledger itself learn of cancellations without their commands.
                commands.c.worker.in_(select(workers.c.name).where(workers.c.key != "")),
                commands.c.worker.in_(sorted(latest)),
                commands.c.job_id.in_(select(jobs.c.id).where(jobs.c.asset == asset)),
            )
        ).scalars()
    )
    return [
        Holder(worker=name, deadline=deadline, has_commands=name in pending)
        for name, deadline in sorted(latest.items())
    ]


class HolderWatch:
    """Decides for one asset which workers still hold its jobs, from repeated readings."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._renewed_at: dict[str, float] = {}

    def still_held(self, holders: list[Holder], now: float) -> list[str]:
        """The workers that may still run a job; `now` is the time of the reading."""
        held = []
        for each in holders:
            first = self._first.setdefault(each.worker, each.deadline)
            if each.deadline > first:
                self._renewed_at.setdefault(each.worker, now)
            renewed_at = self._renewed_at.get(each.worker)
            if each.has_commands or renewed_at is None or now - renewed_at < _GRACE_S:
                held.append(each.worker)
        return held
