"""The log of what happened to assets: readers follow it by sequence, as event streams and webhooks do.

Sequences become visible in their order: a reader that has seen one event never misses one with a smaller
sequence. SQLite has one writer. On PostgreSQL a sequence is drawn before its transaction commits, so another
one with a greater sequence could be visible earlier; a lock that is held from the insert to the commit
prevents that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from eddyline.core.identity import canonical
from eddyline.graph.db import fast_sql
from eddyline.graph.db.library_schema import events
from eddyline.graph.ledger.transactions import Transactions

KEEP_S = 7 * 86_400.0
"""How long events are kept."""
KEEP = 100_000
"""How many events are kept at most."""

_LOCK = 0xEDD1_0E7E  # a PostgreSQL advisory lock
_PRUNED_AT_ONCE = 5_000
_INSERT = insert(events)
_COLUMNS = (events.c.sequence, events.c.at, events.c.kind, events.c.owner, events.c.asset, events.c.body)
_AFTER = (
    select(*_COLUMNS)
    .where(events.c.sequence > bindparam("sequence"))
    .order_by(events.c.sequence)
    .limit(bindparam("most"))
)
_AFTER_OF_OWNER = _AFTER.where(events.c.owner == bindparam("owner"))
_LATEST = select(func.max(events.c.sequence))
_OLDEST = select(func.min(events.c.sequence))


@dataclass(frozen=True, kw_only=True)
class AssetEvent:
    """What happened to an asset; `at` is in seconds since 1970, `body` is JSON."""

    sequence: int
    at: float
    kind: str
    owner: str
    asset: str
    body: dict[str, Any]


def append(
    connection: Connection, *, kind: str, owner: str, asset: str, body: Mapping[str, Any], now: float
) -> None:
    """Append an event in the transaction of the connection; it is visible once that commits.

    On PostgreSQL other transactions that append wait until then: append late in a transaction.
    """
    if connection.dialect.name == "postgresql":
        fast_sql.fetch(connection, f"SELECT pg_advisory_xact_lock({_LOCK})")
    row = {"at": now, "kind": kind, "owner": owner, "asset": asset, "body": canonical(dict(body)).decode()}
    connection.execute(_INSERT, row)


class EventLog:
    """Reads the log, each method in one transaction. Safe from any thread."""

    def __init__(self, transactions: Transactions) -> None:
        self._database = transactions.database
        self._now: Callable[[], float] = transactions.clock.now

    def after(self, sequence: int, *, owner: str | None, limit: int) -> list[AssetEvent]:
        """At most `limit` events after `sequence`, in order; those of one owner, or of all (None)."""
        values: dict[str, int | str] = {"sequence": sequence, "most": limit}
        if owner is not None:
            values["owner"] = owner
        query = _AFTER if owner is None else _AFTER_OF_OWNER
        return self._database.read(lambda c: [_event(row) for row in c.execute(query, values)])

    def latest(self) -> int:
        """The sequence of the last event; 0 if there are none."""
        return self._database.read(lambda c: int(c.execute(_LATEST).scalar() or 0))

    def oldest(self) -> int:
        """The sequence of the oldest event that is kept; 0 if there are none.

        A reader that has last seen an event before `oldest() - 1` may have missed some.
        """
        return self._database.read(lambda c: int(c.execute(_OLDEST).scalar() or 0))

    def prune(self, *, keep_s: float = KEEP_S, keep: int = KEEP) -> int:
        """Delete events older than `keep_s`, and all but the last `keep`; returns how many.

        Uses short transactions, so that others do not wait. The last event always stays: it carries the
        sequence.
        """
        before = self._now() - keep_s
        total = 0
        while count := self._database.write(lambda c: _prune(c, before, keep), durable=False):
            total += count
        return total


def _prune(connection: Connection, before: float, keep: int) -> int:
    """Delete some of the oldest events, if they are too old or too many; returns how many."""
    latest = int(connection.execute(_LATEST).scalar() or 0)
    oldest = select(events.c.sequence, events.c.at).order_by(events.c.sequence).limit(_PRUNED_AT_ONCE)
    stop = 0
    for sequence, at in connection.execute(oldest):
        if sequence >= latest or (at >= before and sequence > latest - keep):
            break
        stop = sequence
    return int(connection.execute(delete(events).where(events.c.sequence <= stop)).rowcount) if stop else 0


def _event(row: Any) -> AssetEvent:  # noqa: ANN401 - a row of SQLAlchemy
    sequence, at, kind, owner, asset, body = row
    return AssetEvent(
        sequence=sequence, at=at, kind=kind, owner=owner, asset=asset, body=dict(json.loads(body))
    )
