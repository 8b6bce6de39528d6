"""Which of several coordinators leads a task: it holds a lease, and a term that grows with each change.

A periodic task (periodic_tasks.py) may change hands at each run. A task that remembers something between its
runs has a leader, which keeps the task while it renews the lease. What a leader writes must name its term:
`holds` refuses that of an earlier leader, which was stalled while its lease ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, select, update

from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.schema import leaders


@dataclass(frozen=True, kw_only=True)
class Leadership:
    """`owner` leads the task `name` in this term until a time (seconds since 1970) unless it renews."""

    name: str
    owner: str
    term: int
    until: float


def take(connection: Connection, name: str, owner: str, *, lease_s: float, now: float) -> Leadership | None:
    """Take or renew the lease for `lease_s`; None while another owner holds it."""
    insert_if_absent(connection, leaders, [{"name": name, "owner": "", "term": 0, "until": 0.0}])
    is_own = (leaders.c.owner == owner) & (leaders.c.until > now)
    # Another transaction that changes the row is waited for; then these conditions are evaluated again.
    changed = connection.execute(
        update(leaders)
        .where(leaders.c.name == name, is_own | (leaders.c.until <= now))
        .values(
            owner=owner,
            term=leaders.c.term + case((is_own, 0), else_=1),
            until=now + lease_s,
        )
    )
    if not changed.rowcount:
        return None
    term = connection.execute(select(leaders.c.term).where(leaders.c.name == name)).scalar_one()
    return Leadership(name=name, owner=owner, term=int(term), until=now + lease_s)


def holds(connection: Connection, leadership: Leadership, *, now: float) -> bool:
    """Whether this is still the term of the task, and its lease has not ended.

    It locks the row until the transaction ends: no other process becomes the leader before its commit.
    """
    same = (leaders.c.name == leadership.name) & (leaders.c.term == leadership.term)
    changed = connection.execute(
        update(leaders)
        .where(same, leaders.c.owner == leadership.owner, leaders.c.until > now)
        .values(owner=leadership.owner)
    )
    return bool(changed.rowcount)


def release(connection: Connection, leadership: Leadership) -> None:
    """End the lease, so that another process can lead at once; no effect in a later term."""
    same = (leaders.c.name == leadership.name) & (leaders.c.term == leadership.term)
    connection.execute(update(leaders).where(same, leaders.c.owner == leadership.owner).values(until=0.0))
