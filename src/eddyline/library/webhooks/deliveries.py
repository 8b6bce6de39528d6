"""Deliveries: each event for each webhook once, due at a time, until its receiver accepts it.

The rows are the queue. A server takes due deliveries by moving their due time, as a queue does with a
visibility timeout: if it is killed, another one sends them again. Receivers recognise a repetition by the id.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from eddyline.core.errors import UsageError
from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.library_schema import events, webhook_deliveries, webhooks
from eddyline.graph.ledger.ledger import Ledger

RETRIES_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds after each failed attempt until the next, as Standard Webhooks recommends; then it is given up."""

KEEP_S = 30 * 86_400.0
"""How long deliveries are kept, in seconds; until then they can be replayed."""

HOLD_S = 120.0
"""Seconds after which a delivery that was taken and not answered is due again."""

_EVENTS_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event for one webhook. Times are in seconds since 1970.

    `due` is when it is sent next; None: it was `delivered`, or given up after `attempts`. `status` is the
    HTTP status of the last answer, `error` why the last attempt failed.
    """

    id: str
    webhook: str
    sequence: int
    kind: str
    body: str
    created: float
    attempts: int
    due: float | None
    delivered: float | None
    status: int | None
    error: str | None


class Deliveries:
    """The deliveries of a ledger. Safe from any thread and from several servers."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add_new(self) -> int:
        """Add a delivery for each new event and each enabled webhook that subscribed to it; returns how many.

        The ids derive from webhook and event, so servers that do this at once add each delivery once.
        """
        now = self._ledger.now()
        newest = select(func.max(events.c.sequence)).scalar_subquery()
        behind = select(webhooks).where(webhooks.c.disabled.is_(None), webhooks.c.sequence < newest)
        if not self._ledger.read(lambda c: c.execute(behind).all()):
            return 0

        def work(connection: Connection) -> int:
            return sum(_add(connection, row, now) for row in connection.execute(behind).all())

        return self._ledger.write(work)

    def take(self, limit: int) -> list[Delivery]:
        """Take up to `limit` due deliveries of enabled webhooks; they are due again in `HOLD_S`."""
        now = self._ledger.now()
        enabled = select(webhooks.c.id).where(webhooks.c.disabled.is_(None))
        due = and_(webhook_deliveries.c.due <= now, webhook_deliveries.c.webhook.in_(enabled))
        query = select(webhook_deliveries).where(due)
        query = query.order_by(webhook_deliveries.c.due, webhook_deliveries.c.id).limit(limit)
        if not self._ledger.read(lambda c: c.execute(query.limit(1)).first()):
            return []

        def work(connection: Connection) -> list[Delivery]:
            found = [_delivery(row) for row in connection.execute(query.with_for_update(skip_locked=True))]
            ids = [each.id for each in found]
            hold = update(webhook_deliveries).where(webhook_deliveries.c.id.in_(ids))
            connection.execute(hold.values(due=now + HOLD_S))
            return found

        return self._ledger.write(work)

    def succeed(self, delivery: Delivery, status: int) -> None:
        """Record that the receiver accepted a delivery."""
        self._record(
            delivery,
            due=None,
            delivered=self._ledger.now(),
            status=status,
            error=None,
            attempts=_next(delivery),
        )

    def fail(self, delivery: Delivery, error: str, status: int | None = None) -> bool:
        """Record a failed attempt; returns False if it was the last one."""
        attempts = _next(delivery)
        again = attempts <= len(RETRIES_S)
        due = self._ledger.now() + RETRIES_S[attempts - 1] if again else None
        self._record(delivery, due=due, status=status, error=error[:300], attempts=attempts)
        return again

    def _record(self, delivery: Delivery, **values: object) -> None:
        statement = update(webhook_deliveries).where(webhook_deliveries.c.id == delivery.id)
        self._ledger.write(lambda c: c.execute(statement.values(**values)))

    def of_webhook(self, webhook: str, *, limit: int, after: str = "") -> tuple[list[Delivery], str]:
        """The deliveries of a webhook, newest first, and the cursor of the next page ("": the last page).

        Raises `UsageError` for an invalid cursor.
        """
        table = webhook_deliveries.c
        query = select(webhook_deliveries).where(table.webhook == webhook)
        if after:
            created, _, name = after.partition("~")
            try:
                before = float(created)
            except ValueError as error:
                raise UsageError("invalid cursor", remedy="use the cursor of the previous page") from error
            query = query.where(or_(table.created < before, and_(table.created == before, table.id < name)))
        query = query.order_by(table.created.desc(), table.id.desc()).limit(limit + 1)
        found = self._ledger.read(lambda c: [_delivery(row) for row in c.execute(query)])
        page = found[:limit]
        return page, f"{page[-1].created!r}~{page[-1].id}" if len(found) > limit else ""

    def replay(self, webhook: str, *, delivery: str | None = None, since: float | None = None) -> int:
        """Send again at once: one delivery, or the failed ones since a time; returns how many."""
        table = webhook_deliveries.c
        chosen = [table.webhook == webhook]
        if delivery is not None:
            chosen.append(table.id == delivery)
        else:
            chosen += [table.delivered.is_(None), table.created >= (since or 0.0)]
        again = update(webhook_deliveries).where(and_(*chosen))
        again = again.values(due=self._ledger.now(), attempts=0, delivered=None)
        return self._ledger.write(lambda c: int(c.execute(again).rowcount))

    def prune(self) -> int:
        """Delete deliveries that are older than `KEEP_S` and not due; returns how many."""
        table = webhook_deliveries.c
        old = delete(webhook_deliveries).where(
            table.created < self._ledger.now() - KEEP_S, table.due.is_(None)
        )
        return self._ledger.write(lambda c: int(c.execute(old).rowcount))


def _add(connection: Connection, webhook: Any, now: float) -> int:  # noqa: ANN401 - a row of SQLAlchemy
    """Add the deliveries of the next events to one webhook."""
    query = select(events).where(events.c.sequence > webhook.sequence)
    found = connection.execute(query.order_by(events.c.sequence).limit(_EVENTS_AT_ONCE)).all()
    if not found:
        return 0
    kinds = set(json.loads(webhook.kinds))
    wanted = [
        event
        for event in found
        if event.kind in kinds and (webhook.all_owners or event.owner == webhook.owner)
    ]
    rows = [
        {
            "id": f"msg_{webhook.id.removeprefix('wh_')}_{event.sequence}",
            "webhook": webhook.id,
            "sequence": event.sequence,
            "kind": event.kind,
            "body": payload(event.kind, event.at, event.owner, event.asset, json.loads(event.body)),
            "created": now,
            "attempts": 0,
            "due": now,
            "delivered": None,
            "status": None,
            "error": None,
        }
        for event in wanted
    ]
    insert_if_absent(connection, webhook_deliveries, rows)
    advance = update(webhooks).where(webhooks.c.id == webhook.id, webhooks.c.sequence < found[-1].sequence)
    connection.execute(advance.values(sequence=found[-1].sequence))
    return len(rows)


def payload(kind: str, at: float, owner: str, asset: str, body: dict[str, Any]) -> str:
    """The body of a delivery as JSON: type, timestamp and data, as Standard Webhooks recommends."""
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = {**body, "asset": asset, "owner": owner}
    return json.dumps({"type": kind, "timestamp": moment, "data": data}, ensure_ascii=False, sort_keys=True)


def _next(delivery: Delivery) -> int:
    return delivery.attempts + 1


def _delivery(row: Any) -> Delivery:  # noqa: ANN401 - a row of SQLAlchemy
    return Delivery(**row._mapping)  # noqa: SLF001 - its public name
