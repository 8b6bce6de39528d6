"""Webhooks: where events are posted, which ones, and the secret that signs them."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from eddyline.core.errors import UsageError
from eddyline.graph.db.library_schema import events, webhook_deliveries, webhooks
from eddyline.graph.ledger.ledger import Ledger
from eddyline.store.http_ranges import parse_url

KINDS = ("asset.created", "asset.progress", "asset.ready", "asset.failed", "asset.cancelled", "asset.deleted")
"""The kinds of events that can be subscribed to."""

MAX_WEBHOOKS = 20
"""The maximum number of webhooks of one owner."""

_MAX_URL = 2000
_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One webhook; `disabled` says why it is disabled, or is None.

    `secret` is what its receiver verifies signatures with ("whsec_" and base64). With `all_owners`, it
    receives the events of all owners, else those of its `owner`. `created` is in seconds since 1970.
    """

    id: str
    owner: str
    all_owners: bool
    url: str
    secret: str
    kinds: tuple[str, ...]
    created: float
    disabled: str | None
    sequence: int


class Webhooks:
    """The webhooks of a ledger. Safe from any thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def create(self, owner: str, url: str, kinds: Sequence[str] = (), *, all_owners: bool = False) -> Webhook:
        """Add a webhook for events from now on; no `kinds` means all but asset.progress.

        Whether the address of `url` is public is checked at each delivery. Raises `UsageError`.
        """
        if len(url) > _MAX_URL:
            raise UsageError(f"the URL has more than {_MAX_URL} characters", remedy="use a shorter URL")
        parse_url(url)
        webhook = Webhook(
            id=f"wh_{secrets.token_hex(8)}",
            owner=owner,
            all_owners=all_owners,
            url=url,
            secret=_new_secret(),
            kinds=_checked(kinds),
            created=self._ledger.now(),
            disabled=None,
            sequence=0,
        )

        def work(connection: Connection) -> Webhook:
            own = select(func.count()).select_from(webhooks).where(webhooks.c.owner == owner)
            if connection.execute(own).scalar_one() >= MAX_WEBHOOKS:
                raise UsageError(
                    f"there are {MAX_WEBHOOKS} webhooks already",
                    remedy="delete one that is not used any more",
                )
            last = connection.execute(select(func.max(events.c.sequence))).scalar() or 0
            connection.execute(insert(webhooks), {**_row(webhook), "sequence": last})
            return webhook

        return self._ledger.write(work)

    def list(self, owner: str | None) -> list[Webhook]:
        """The webhooks of an owner (None: all), oldest first."""
        query = select(webhooks).order_by(webhooks.c.created, webhooks.c.id)
        if owner is not None:
            query = query.where(webhooks.c.owner == owner)
        return self._ledger.read(lambda c: [_webhook(row) for row in c.execute(query)])

    def get(self, name: str) -> Webhook | None:
        """One webhook by its id."""
        query = select(webhooks).where(webhooks.c.id == name)
        row = self._ledger.read(lambda c: c.execute(query).first())
        return None if row is None else _webhook(row)

    def change(self, name: str, *, url: str | None = None, kinds: Sequence[str] | None = None) -> None:
        """Change the URL or the kinds of a webhook. Raises `UsageError`."""
        values: dict[str, Any] = {}
        if url is not None:
            parse_url(url)
            values["url"] = url
        if kinds is not None:
            values["kinds"] = json.dumps(_checked(kinds))
        if values:
            statement = update(webhooks).where(webhooks.c.id == name).values(**values)
            self._ledger.write(lambda c: c.execute(statement))

    def enable(self, name: str) -> None:
        """Enable a webhook. Events that happened while it was disabled are delivered if they are kept."""
        self._set_disabled(name, None)

    def disable(self, name: str, reason: str) -> None:
        """Disable a webhook: events are delivered once it is enabled again."""
        self._set_disabled(name, reason)

    def delete(self, name: str) -> None:
        """Delete a webhook and its deliveries."""

        def work(connection: Connection) -> None:
            connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook == name))
            connection.execute(delete(webhooks).where(webhooks.c.id == name))

        self._ledger.write(work)

    def _set_disabled(self, name: str, reason: str | None) -> None:
        statement = update(webhooks).where(webhooks.c.id == name).values(disabled=reason)
        self._ledger.write(lambda c: c.execute(statement))


def _checked(kinds: Sequence[str]) -> tuple[str, ...]:
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise UsageError(f"unknown kind of event {unknown[0]!r}", remedy=f"choose from {', '.join(KINDS)}")
    return tuple(sorted(set(kinds))) or tuple(kind for kind in KINDS if kind != "asset.progress")


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _row(webhook: Webhook) -> dict[str, Any]:
    return {**vars(webhook), "kinds": json.dumps(webhook.kinds)}


def _webhook(row: Any) -> Webhook:  # noqa: ANN401 - a row of SQLAlchemy
    values = dict(row._mapping)  # noqa: SLF001 - its public name
    return Webhook(**{**values, "kinds": tuple(json.loads(values["kinds"]))})
