"""Answers to requests with an idempotency key: a repeated request gets the first answer and does nothing.

A key belongs to an owner and a route, and is kept for 24 hours. A request that failed leaves no key: it may
be repeated with the same one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from eddyline.core.errors import EddylineError
from eddyline.graph.db.library_schema import idempotency_keys as table
from eddyline.graph.ledger.ledger import Ledger

KEEP_S = 86_400.0
ABANDONED_S = 300.0
"""A request that has not ended after this time was cut off, for example by a restart of the server."""


class KeyReusedError(EddylineError):
    """The key was used for another request."""

    default_remedy = "use a new key for another request"


class KeyInUseError(EddylineError):
    """The first request with this key has not ended."""

    default_remedy = "repeat the request in some seconds"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to a request: its HTTP status, headers and JSON body."""

    status: int
    headers: dict[str, str]
    body: Any


class IdempotencyKeys:
    """The keys of a ledger; each method is one transaction. `digest` identifies owner, route and key."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def begin(self, digest: str, request: str) -> Answer | None:
        """Begin a request with the digest `request`; returns the answer if there is one already.

        Raises `KeyReusedError`, `KeyInUseError`.
        """
        now = self._ledger.now()

        def work(connection: Connection) -> Answer | None:
            connection.execute(delete(table).where(table.c.at < now - KEEP_S))
            row = connection.execute(select(table).where(table.c.digest == digest)).one_or_none()
            if row is None:
                connection.execute(insert(table), {"digest": digest, "request": request, "at": now})
                return None
            if row.request != request:
                raise KeyReusedError("the idempotency key was used for another request")
            if row.status is not None:
                return _answer(row.status, row.body)
            if row.at >= now - ABANDONED_S:
                raise KeyInUseError("the first request with this idempotency key has not ended")
            taken = connection.execute(
                update(table).where(table.c.digest == digest, table.c.at == row.at).values(at=now)
            )
            if not taken.rowcount:
                raise KeyInUseError("another request with this idempotency key has not ended")
            return None

        try:
            return self._ledger.write(work)
        except IntegrityError as error:  # another server inserted it in the same moment
            raise KeyInUseError("another request with this idempotency key has not ended") from error

    def finish(self, digest: str, answer: Answer) -> None:
        """Keep the answer to a request."""
        body = json.dumps({"headers": answer.headers, "body": answer.body})
        self._ledger.write(
            lambda c: c.execute(
                update(table).where(table.c.digest == digest).values(status=answer.status, body=body)
            )
        )

    def abandon(self, digest: str) -> None:
        """Forget a request that failed."""
        self._ledger.write(
            lambda c: c.execute(delete(table).where(table.c.digest == digest, table.c.status.is_(None)))
        )


def _answer(status: int, body: str) -> Answer:
    values = json.loads(body)
    return Answer(status=status, headers=values["headers"], body=values["body"])
