"""What people want of a worker: noted in the transaction that decides it, until the worker has been told.

A row goes once its order was delivered, and with the row of its worker. Delivery is at least once: an order
names exactly what it means (a claim, by its fence), so hearing it twice does nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.db.schema import commands, workers

_COLUMNS = (
    commands.c.worker,
    commands.c.kind,
    commands.c.job_id,
    commands.c.fence,
    commands.c.over,
    commands.c.reason,
)
_KEY = (
    (commands.c.worker == bindparam("the_worker"))
    & (commands.c.kind == bindparam("the_kind"))
    & (commands.c.job_id == bindparam("the_job"))
    & (commands.c.fence == bindparam("the_fence"))
)
_OF = select(*_COLUMNS).where(commands.c.worker == bindparam("worker"))
_OF = _OF.order_by(commands.c.created, commands.c.job_id)
_DUE = select(*_COLUMNS).where(commands.c.taken <= bindparam("now"))
_DUE = _DUE.order_by(commands.c.created, commands.c.worker, commands.c.job_id).limit(bindparam("most"))
_TAKE = _DUE.with_for_update(skip_locked=True)
_FORGET = delete(commands).where(_KEY)
_RELEASE = update(commands).where(_KEY)
_KNOWN = select(workers.c.name).where(workers.c.name.in_(bindparam("names", expanding=True)))
_LOCK_WORKER = select(workers.c.name).where(workers.c.name == bindparam("name")).with_for_update()


def give(connection: Connection, wanted: Iterable[Command], now: float) -> None:
    """Note orders; one that is noted already begins anew."""
    # In one order, so that no two transactions wait for each other.
    ordered = sorted(set(wanted), key=_place)
    if not ordered:
        return
    forget(connection, ordered)
    rows = [
        {
            "worker": order.worker,
            "kind": str(order.kind),
            "job_id": order.job_id,
            "fence": order.fence,
            "over": order.over,
            "reason": order.reason,
            "created": now,
            "taken": 0.0,
        }
        for order in {_place(order): order for order in ordered}.values()
    ]
    connection.execute(insert(commands), rows)


def drain(connection: Connection, worker: str, reason: str, now: float) -> bool:
    """Order a worker to end itself; False: no such worker is known."""
    if connection.execute(_LOCK_WORKER, {"name": worker}).first() is None:
        return False
    give(connection, [Command(worker=worker, kind=CommandKind.DRAIN, reason=reason)], now)
    return True


def find(connection: Connection, worker: str) -> list[Command]:
    """What is wanted of a worker, the oldest first."""
    return [_order(row) for row in connection.execute(_OF, {"worker": worker})]


def are_due(connection: Connection, now: float) -> bool:
    """Whether `take` would find something; cheap."""
    return connection.execute(_DUE, {"now": now, "most": 1}).first() is not None


def take(connection: Connection, *, limit: int, hold_s: float, now: float) -> list[Command]:
    """Up to `limit` orders to be delivered; nobody else takes them for `hold_s`."""
    found = [_order(row) for row in connection.execute(_TAKE, {"now": now, "most": limit})]
    _set(connection, found, now + hold_s)
    return found


def forget(connection: Connection, told: Collection[Command]) -> None:
    """These have been delivered."""
    keys = _keys(told)
    if keys:
        connection.execute(_FORGET, keys)


def defer(connection: Connection, undelivered: Sequence[Command], until: float) -> None:
    """These could not be delivered; they may be tried again from then on, unless their worker is gone."""
    names = sorted({order.worker for order in undelivered})
    known = set(connection.execute(_KNOWN, {"names": names}).scalars())
    forget(connection, [order for order in undelivered if order.worker not in known])
    _set(connection, [order for order in undelivered if order.worker in known], until)


def forget_workers(connection: Connection, names: Collection[str]) -> None:
    """Nothing is wanted of these any more."""
    if names:
        connection.execute(delete(commands).where(commands.c.worker.in_(sorted(names))))


def _set(connection: Connection, taken: Collection[Command], until: float) -> None:
    keys = _keys(taken)
    if keys:
        connection.execute(_RELEASE, [key | {"taken": until} for key in keys])


def _place(order: Command) -> tuple[str, str, str, int]:
    return order.worker, str(order.kind), order.job_id, order.fence


def _keys(found: Collection[Command]) -> list[dict[str, Any]]:
    names = ("the_worker", "the_kind", "the_job", "the_fence")
    return [dict(zip(names, place, strict=True)) for place in sorted({_place(order) for order in found})]


def _order(row: Row[str, str, str, int, bool, str]) -> Command:
    return Command(
        worker=row.worker,
        kind=CommandKind(row.kind),
        job_id=row.job_id,
        fence=row.fence,
        over=bool(row.over),
        reason=row.reason,
    )
