"""What ran on interrupted instances when their end was announced, and the work that did not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal_column, select, text

from eddyline.graph.db.schema import instances, starts
from eddyline.graph.instance import INTERRUPTION
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.fleet.machine_rows import raw_rows

WITHOUT_NOTICE_S = 300.0
"""Of an instance without a warning, the starts count that ended later than this long before its end."""

_LOST = (StartOutcome.INTERRUPTED.value, StartOutcome.LOST.value)
_ON_INSTANCES = text("starts.instance <> ''")  # the condition of the index
_REDONE = text("starts.outcome IN ('interrupted', 'lost')")  # likewise
_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")


class InterruptedWork(NamedTuple):
    """The starts of jobs that ended on an instance after its interruption was announced.

    A tuple of numbers, so that those of 100,000 instances become columns quickly.

    `drained` is when the last of them ended (seconds since 1970). `lost` of them were lost: the worker did
    not hand the job back in time. `redone` are those that did not count, with their `redone_s` until the end
    of the instance and the CPU seconds that workers reported (`unmeasured`: of how many none did).
    """

    drained: float
    lost: int
    redone: int
    redone_s: float
    redone_cpu_s: float
    unmeasured: int


@dataclass(frozen=True, kw_only=True)
class RedoneWork:
    """Starts that did not count, of one pool and outcome ("interrupted" or "lost"), on any machine."""

    pool: str
    outcome: str
    starts: int
    seconds: float
    cpu_s: float
    unmeasured: int


def of_interrupted_instances(
    connection: Connection, start: float, stop: float
) -> Mapping[str, InterruptedWork]:
    """The work, by instance, of the interrupted instances that ended from `start` to before `stop`.

    Of those with any.
    """
    noticed = func.coalesce(instances.c.warned_at, instances.c.terminated - WITHOUT_NOTICE_S)
    redone = starts.c.outcome.in_(_LOST)
    end = case((starts.c.ended < instances.c.terminated, starts.c.ended), else_=instances.c.terminated)
    length = case((end > starts.c.started, end - starts.c.started), else_=0.0)
    unmeasured = and_(redone, starts.c.cpu_s.is_(None))
    query = (
        select(
            instances.c.instance,
            func.max(starts.c.ended),
            func.sum(case((starts.c.outcome == StartOutcome.LOST.value, _ONE), else_=_ZERO)),
            func.sum(case((redone, _ONE), else_=_ZERO)),
            func.sum(case((redone, length), else_=0.0)),
            func.coalesce(func.sum(case((redone, starts.c.cpu_s))), 0.0),
            func.sum(case((unmeasured, _ONE), else_=_ZERO)),
        )
        .select_from(instances.join(starts, starts.c.instance == instances.c.instance))
        .where(
            _ON_INSTANCES,
            starts.c.ended >= noticed,
            instances.c.pool != "",
            instances.c.ended_by == INTERRUPTION,
            instances.c.terminated >= start,
            instances.c.terminated < stop,
        )
        .group_by(instances.c.instance)
    )
    return {
        name: InterruptedWork(
            float(drained), int(lost), int(redone), float(redone_s), float(redone_cpu_s), int(unmeasured)
        )
        for name, drained, lost, redone, redone_s, redone_cpu_s, unmeasured in raw_rows(connection, query)
    }


def redone_work(connection: Connection, start: float, stop: float) -> Sequence[RedoneWork]:
    """All starts that did not count and ended from `start` to before `stop`, by pool and outcome.

    Not only of interruptions: also of crashed workers, rollouts and cancelled jobs.
    """
    key = (starts.c.pool, starts.c.outcome)
    query = (
        select(
            *key,
            func.count(),
            func.sum(starts.c.ended - starts.c.started),
            func.coalesce(func.sum(starts.c.cpu_s), 0.0),
            func.count() - func.count(starts.c.cpu_s),
        )
        .where(_REDONE, starts.c.ended >= start, starts.c.ended < stop)
        .group_by(*key)
        .order_by(*key)
    )
    return [
        RedoneWork(
            pool=row[0],
            outcome=row[1],
            starts=int(row[2]),
            seconds=float(row[3]),
            cpu_s=float(row[4]),
            unmeasured=int(row[5]),
        )
        for row in raw_rows(connection, query)
    ]
