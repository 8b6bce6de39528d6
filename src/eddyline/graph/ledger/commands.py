"""Commands to workers: stored in the transaction that decides them, until they are delivered.

A row is removed when its command was delivered, or with its worker. Delivery is at least once: a command
names exactly one claim, by its fence, so receiving it twice has no further effect. A worker has at most one
undelivered drain command, with the earliest deadline that was ordered; it honours the earliest of all that it
received.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Float, Row, bindparam, delete, insert, select, update

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.db.schema import commands, workers

_COLUMNS = tuple(
    commands.c[name] for name in ("worker", "kind", "job_id", "fence", "over", "reason", "deadline")
)
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
# A drain command whose deadline was tightened during its delivery remains, to be delivered with the new one.
_CONFIRM = _REMOVE.where(commands.c.deadline.is_not_distinct_from(bindparam("the_deadline", type_=Float(53))))
_SET_TAKEN = update(commands).where(_KEY)
_KNOWN = select(workers.c.name).where(workers.c.name.in_(bindparam("names", expanding=True)))
_OF_INSTANCE = select(workers.c.name).where(workers.c.instance == bindparam("instance"))
_OF_INSTANCE = _OF_INSTANCE.order_by(workers.c.proven.desc(), workers.c.name).limit(bindparam("most"))
_LOCK_WORKERS = select(workers.c.name).where(workers.c.name.in_(bindparam("names", expanding=True)))
_LOCK_WORKERS = _LOCK_WORKERS.order_by(workers.c.name).with_for_update()
_DRAINS = select(commands.c.worker, commands.c.deadline).where(
    commands.c.worker.in_(bindparam("names", expanding=True)), commands.c.kind == str(CommandKind.DRAIN)
)
_SET_REASON = update(commands).where(_KEY)

MAX_WORKERS_OF_INSTANCE = 64
"""Workers of one instance that a drain of it commands, those that have proven themselves first.

An instance runs one worker; heartbeats of unknown senders may claim any.
"""


def add(connection: Connection, added: Iterable[Command], now: float) -> None:
    """Store commands; one that is stored already becomes due again."""
    # In one order, which avoids deadlocks.
    ordered = sorted(set(added), key=_key)
    if not ordered:
        return
    _remove(connection, ordered)
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
            "deadline": command.deadline,
        }
        for command in {_key(command): command for command in ordered}.values()
    ]
    connection.execute(insert(commands), rows)


def drain(
    connection: Connection, names: Collection[str], *, deadline: float | None, reason: str, now: float
) -> tuple[str, ...]:
    """Store commands to drain these workers; returns those of them that are known.

    An undelivered drain command keeps its deadline if that is earlier, and gets the new reason.
    """
    known = tuple(connection.execute(_LOCK_WORKERS, {"names": sorted(names)}).scalars())
    drains = {row.worker: row.deadline for row in connection.execute(_DRAINS, {"names": known})}
    ordered = [
        Command(worker=name, kind=CommandKind.DRAIN, reason=reason, deadline=deadline) for name in known
    ]
    kept = [each for each in ordered if each.worker in drains and _is_at_least(deadline, drains[each.worker])]
    add(connection, [each for each in ordered if each not in kept], now)
    keys = _parameters(kept)
    if keys:
        connection.execute(_SET_REASON, [key | {"reason": reason} for key in keys])
    return known


def drain_instance(
    connection: Connection, instance: str, *, deadline: float | None, reason: str, now: float
) -> tuple[str, ...]:
    """Store commands to drain the workers of an EC2 instance; returns their names. See `drain`."""
    if not instance:
        return ()
    found = connection.execute(_OF_INSTANCE, {"instance": instance, "most": MAX_WORKERS_OF_INSTANCE})
    return drain(connection, list(found.scalars()), deadline=deadline, reason=reason, now=now)


def _is_at_least(deadline: float | None, other: float | None) -> bool:
    """Whether a drain by `deadline` asks for no more than one by `other`; None is the end of time."""
    return deadline is None or (other is not None and deadline >= other)


def find(connection: Connection, worker: str) -> list[Command]:
    """The commands to a worker, oldest first."""
    return [_command(row) for row in connection.execute(_OF_WORKER, {"worker": worker})]


def draining(connection: Connection) -> set[str]:
    """The workers with a drain command that is not delivered."""
    query = select(commands.c.worker).where(commands.c.kind == str(CommandKind.DRAIN))
    return set(connection.execute(query).scalars())


def are_due(connection: Connection, now: float) -> bool:
    """Whether `take` would find a command; cheap."""
    return connection.execute(_DUE, {"now": now, "most": 1}).first() is not None


def take(connection: Connection, *, limit: int, hold_s: float, now: float) -> list[Command]:
    """Take up to `limit` commands to deliver; others do not take them for `hold_s`."""
    found = [_command(row) for row in connection.execute(_TAKE, {"now": now, "most": limit})]
    _set_taken(connection, found, now + hold_s)
    return found


def remove(connection: Connection, delivered: Collection[Command]) -> None:
    """Remove commands that were delivered, unless their deadlines were tightened since."""
    deadlines = {_key(command): command.deadline for command in delivered}
    if deadlines:
        connection.execute(
            _CONFIRM, [_parameter(key) | {"the_deadline": deadlines[key]} for key in sorted(deadlines)]
        )


def _remove(connection: Connection, replaced: Collection[Command]) -> None:
    keys = _parameters(replaced)
    if keys:
        connection.execute(_REMOVE, keys)


def defer(connection: Connection, undelivered: Sequence[Command], until: float) -> None:
    """Make undelivered commands due again at `until`; removes those to workers that are gone."""
    names = sorted({command.worker for command in undelivered})
    known = set(connection.execute(_KNOWN, {"names": names}).scalars())
    _remove(connection, [command for command in undelivered if command.worker not in known])
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
    return [_parameter(key) for key in sorted({_key(command) for command in found})]


def _parameter(key: tuple[str, str, str, int]) -> dict[str, Any]:
    return dict(zip(("the_worker", "the_kind", "the_job", "the_fence"), key, strict=True))


def _command(row: Row[Any]) -> Command:
    return Command(
        worker=row.worker,
        kind=CommandKind(row.kind),
        job_id=row.job_id,
        fence=row.fence,
        over=bool(row.over),
        reason=row.reason,
        deadline=row.deadline,
    )
