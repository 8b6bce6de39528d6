"""Which workers are known, and which reports are really theirs.

Anybody who can send to the queue of reports can claim to be a worker. A worker is *proven* once one of its
reports has carried the token of a publication, which only receivers of job messages know. With that its own
`key` is noted, and while its lease lasts only reports with that key speak for it. A name that nobody has
proven is kept for a short lease, so that it can be shown, and is never counted as capacity.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, func, insert, select, update

from eddyline.graph.db.bulk import many, rows_for
from eddyline.graph.db.schema import workers

MOST_UNPROVEN = 1000
"""Unproven worker names kept at a time; further ones are ignored until they are proven."""

_COLUMNS = (
    workers.c.name,
    workers.c.host,
    workers.c.pid,
    workers.c.deadline,
    workers.c.key,
    workers.c.proven,
)
_KNOWN = select(*_COLUMNS).order_by(workers.c.name).with_for_update()
_KNOWN = _KNOWN.where(workers.c.name.in_(bindparam("ids", expanding=True)))
_UNPROVEN = select(func.count()).select_from(workers).where(workers.c.proven.is_(False))
_KEEP = update(workers).where(workers.c.name == bindparam("worker"))
_KEPT = ("worker", "host", "pid", "deadline", "key", "proven")
_ADD = insert(workers)

Speaker: TypeAlias = tuple[str, str]
"""The name that a report gives, and the key that it carries."""


@dataclass(frozen=True, kw_only=True)
class Alive:
    """A worker that reported, its lease's new deadline and, where it said so, its host and process.

    `proven`: one of these very reports carried the token of a publication. `unproven_deadline` counts
    instead of `deadline` for a worker that never was.
    """

    worker: str
    deadline: float
    whereabouts: tuple[str, int] | None = None
    key: str = ""
    proven: bool = True
    unproven_deadline: float | None = None


def keep(
    connection: Connection,
    heard: Collection[Alive],
    now: float,
    proofs: Callable[[], Collection[Speaker]] = frozenset,
) -> set[Speaker]:
    """Keep the leases of those that really spoke, in few statements for any number; returns who did.

    A proven name belongs to its key until its lease runs out: a report with a token and another key (of a
    worker started again under the same name) keeps the lease, and does no more. An unproven name goes to
    whoever shows a token. `proofs` says who did, and is asked only where a key is not known already.
    """
    known = {row.name: row for row in rows_for(connection, _KNOWN, {each.worker for each in heard})}
    if not all(each.proven or _is_known(known.get(each.worker), each.key) for each in heard):
        shown = proofs()
        heard = [replace(each, proven=each.proven or (each.worker, each.key) in shown) for each in heard]
    room = _room(connection, heard, known)
    rows: dict[str, dict[str, Any]] = {}
    believed: set[Speaker] = set()
    for each in sorted(heard, key=lambda alive: _rank(alive, known.get(alive.worker))):
        before = known.get(each.worker)
        if each.worker in rows:
            continue
        if before is not None and before.proven and not _same(before.key, each.key):
            if each.proven:
                rows[each.worker] = _kept_alive(each, before)
            continue
        if not each.proven:
            if before is None:
                room -= 1
            if room < 0 or (before is not None and not _same(before.key, each.key)):
                continue
        believed.add((each.worker, each.key))
        rows[each.worker] = _row(each, before)
    ordered = [rows[name] for name in sorted(rows)]
    many(connection, _KEEP, _KEPT, [row | {"worker": row["name"]} for row in ordered if row["name"] in known])
    fresh = [{**row, "registered": now} for row in ordered if row["name"] not in known]
    many(connection, _ADD, (*_KEPT[1:], "name", "registered"), fresh)
    return believed


def _rank(alive: Alive, before: Any) -> tuple[bool, bool, str]:  # noqa: ANN401 - as `_is_known`
    """Of several with one name: first the one that is known, then one with a token."""
    return not _is_known(before, alive.key), not alive.proven, alive.worker


def _kept_alive(alive: Alive, before: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of `_KNOWN`
    return {
        "name": alive.worker,
        "host": before.host,
        "pid": before.pid,
        "deadline": max(before.deadline, alive.unproven_deadline or alive.deadline),
        "key": before.key,
        "proven": True,
    }


def _is_known(row: Any, key: str) -> bool:  # noqa: ANN401 - a row of `_KNOWN`, or None
    return row is not None and bool(row.proven) and _same(row.key, key)


def _room(connection: Connection, heard: Iterable[Alive], known: Mapping[str, Any]) -> int:
    """How many further unproven names there is room for; asked only where there are any."""
    if all(each.proven or each.worker in known for each in heard):
        return 0
    return MOST_UNPROVEN - int(connection.execute(_UNPROVEN).scalar_one())


def _row(alive: Alive, before: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of `_KNOWN`, or None
    host, pid = alive.whereabouts or (("", 0) if before is None else (before.host, before.pid))
    proven = alive.proven or (before is not None and bool(before.proven))
    limited = not proven and alive.unproven_deadline is not None
    return {
        "name": alive.worker,
        "host": host,
        "pid": pid,
        "deadline": min(alive.deadline, alive.unproven_deadline or 0.0) if limited else alive.deadline,
        "key": alive.key,
        "proven": proven,
    }


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
