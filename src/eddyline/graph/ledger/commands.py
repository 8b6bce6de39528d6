"""Commands to workers: stored in the transaction that decides them, until they are delivered.

A row is removed when its command was delivered, or with its worker. Delivery is at least once: a command
names exactly one claim, by its fence, so receiving it twice has no further effect.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.db.schema import commands, workers

_COLUMNS = tuple(commands.c[name] for name in ("worker", "kind", "job_id", "fence", "over", "reason"))
_KEY = (
    (commands.c.worker == bindparam("the_worker"))
    & (commands.c.kind == bindparam("the_kind"))
    & (commands.c.job_id == bindparam("the_job"))
    & (commands.c.fence == bindparam("the_fence"))
)
_OF_WORKER = select(*_COLUMNS).where(commands.c.worker == bindparam("worker"))
_OF_WORKER = _OF_WORKER.order_by(commands.c.created, commands.c.job_id)
_DUE = select(*_COLUMNS).where(commands.c.taken <= bindparam("now"))
_DUE = _DUE.order_by(commands.c.created, commands.c.worker, commands.c.job_id).limit(bindparam("most"))
_TAKE = _DUE.with_for_update(skip_locked=True)
_REMOVE = delete(commands).where(_KEY)
_SET_TAKEN = update(commands).where(_KEY)
_KNOWN = select(workers.c.name).where(workers.c.name.in_(bindparam("names", expanding=True)))
_LOCK_WORKER = select(workers.c.name).where(workers.c.name == bindparam("name")).with_for_update()


def add(connection: Connection, added: Iterable[Command], now: float) -> None:
    """Store commands; one that is stored already becomes due again."""
    # In one order, which avoids deadlocks.
    ordered = sorted(set(added), key=_key)
    if not ordered:
        return
    remove(connection, ordered)
    rows = [
        {
            "worker": command.worker,
            "kind": str(command.kind),
            "job_id": command.job_id,
            "fence": command.fence,
            "over": command.over,
            "reason": command.reason,
            "created": now,
            "taken": 0.0,
        }
        for command in {_key(command): command for command in ordered}.values()
    ]
    connection.execute(insert(commands), rows)


def drain(connection: Connection, worker: str, reason: str, now: float) -> bool:
    """Store a command to drain a worker; False if the worker is unknown."""
    if connection.execute(_LOCK_WORKER, {"name": worker}).first() is None:
        return False
    add(connection, [Command(worker=worker, kind=CommandKind.DRAIN, reason=reason)], now)
    return True


def find(connection: Connection, worker: str) -> list[Command]:
    """The commands to a worker, oldest first."""
    return [_command(row) for row in connection.execute(_OF_WORKER, {"worker": worker})]


def are_due(connection: Connection, now: float) -> bool:
    """Whether `take` would find a command; cheap."""
    return connection.execute(_DUE, {"now": now, "most": 1}).first() is not None


def take(connection: Connection, *, limit: int, hold_s: float, now: float) -> list[Command]:
    """Take up to `limit` commands to deliver; others do not take them for `hold_s`."""
    found = [_command(row) for row in connection.execute(_TAKE, {"now": now, "most": limit})]
    _set_taken(connection, found, now + hold_s)
    return found


def remove(connection: Connection, delivered: Collection[Command]) -> None:
    """Remove commands that were delivered."""
    keys = _parameters(delivered)
    if keys:
        connection.execute(_REMOVE, keys)


def defer(connection: Connection, undelivered: Sequence[Command], until: float) -> None:
    """Make undelivered commands due again at `until`; removes those to workers that are gone."""
    names = sorted({command.worker for command in undelivered})
    known = set(connection.execute(_KNOWN, {"names": names}).scalars())
    remove(connection, [command for command in undelivered if command.worker not in known])
    _set_taken(connection, [command for command in undelivered if command.worker in known], until)


def remove_workers(connection: Connection, names: Collection[str]) -> None:
    """Remove all commands to these workers."""
    if names:
        connection.execute(delete(commands).where(commands.c.worker.in_(sorted(names))))


def _set_taken(connection: Connection, taken: Collection[Command], until: float) -> None:
    keys = _parameters(taken)
    if keys:
        connection.execute(_SET_TAKEN, [key | {"taken": until} for key in keys])


def _key(command: Command) -> tuple[str, str, str, int]:
    return command.worker, str(command.kind), command.job_id, command.fence


def _parameters(found: Collection[Command]) -> list[dict[str, Any]]:
    names = ("the_worker", "the_kind", "the_job", "the_fence")
    return [dict(zip(names, key, strict=True)) for key in sorted({_key(command) for command in found})]


def _command(row: Row[Any]) -> Command:
    return Command(
        worker=row.worker,
        kind=CommandKind(row.kind),
        job_id=row.job_id,
        fence=row.fence,
        over=bool(row.over),
        reason=row.reason,
    )
