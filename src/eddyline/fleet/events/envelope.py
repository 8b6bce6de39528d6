"""The envelope of an EventBridge event, and readers of its fields that check type and length."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eddyline.core.formatting import printable_line, short_repr
from eddyline.fleet.notices import INSTANCE_ID, Notice, NoticeKind, Parsed, parse_time

Fields = Mapping[str, Any]

MAX_BYTES = 1024 * 1024
"""The bound of an event given as text; EventBridge and SQS allow 256 KiB and 1 MiB."""

MAX_TEXT = 2048
_MAX_REASON = 255
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)


class EventError(Exception):
    """A part of an event differs from the documentation."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The fields that all events have. `at` is in seconds since 1970; absent texts are empty."""

    id: str
    account: str
    region: str
    at: float
    detail: Fields

    def notice(self, kind: NoticeKind, **fields: Any) -> Notice:  # noqa: ANN401 - the fields of Notice
        """A notice with the fields of the envelope."""
        return Notice(
            kind=kind, at=self.at, event_id=self.id, account=self.account, region=self.region, **fields
        )

    def parsed(self, kind: NoticeKind, **fields: Any) -> Parsed:  # noqa: ANN401 - the fields of Notice
        """The result for an event that is one notice."""
        return Parsed(notices=(self.notice(kind, **fields),))


def parse_envelope(body: Fields) -> Envelope:
    """Read the envelope; raises `EventError` if the time is missing or invalid."""
    try:
        at = parse_time(body.get("time"))
    except ValueError as error:
        raise EventError(f"time: {error}") from None
    account, region = optional_text(body, "account"), optional_text(body, "region")
    return Envelope(
        id=optional_text(body, "id"),
        account=account if _ACCOUNT.fullmatch(account) else "",
        region=region if _REGION.fullmatch(region) else "",
        at=at,
        detail=detail_of(body),
    )


def parse_json(event: str | bytes) -> Fields:
    """Parse an event given as text; raises `EventError` if it is too long or not a JSON object."""
    if len(event) > MAX_BYTES:
        raise EventError(f"{len(event)} bytes; an event has at most {MAX_BYTES}")
    try:
        body = json.loads(event)
    except (ValueError, RecursionError) as error:
        raise EventError(f"not JSON: {short_repr(str(error), 200)}") from None
    if not isinstance(body, dict):
        raise EventError("not a JSON object")
    return body


def detail_of(body: Fields) -> Fields:
    """The event's own fields."""
    return fields_of(body, "detail")


def text(fields: Fields, key: str) -> str:
    """A text that must be there; raises `EventError`."""
    found = fields.get(key)
    if not isinstance(found, str) or not 0 < len(found) <= MAX_TEXT:
        raise EventError(f"detail.{key} is missing or not a text: {short_repr(found)}")
    return found


def instance_id(fields: Fields, key: str) -> str:
    """An EC2 instance id that must be there; raises `EventError`."""
    found = text(fields, key)
    if not INSTANCE_ID.fullmatch(found):
        raise EventError(f"detail.{key} is not an instance id: {found[:80]!r}")
    return found


def optional_text(fields: Fields, key: str) -> str:
    """A text, or the empty one if the field is absent or has another type; at most `MAX_TEXT` characters."""
    found = fields.get(key)
    return found[:MAX_TEXT] if isinstance(found, str) else ""


def optional_reason(fields: Fields, *keys: str) -> str:
    """The first of the texts that is not empty, as one printable line."""
    for key in keys:
        found = printable_line(optional_text(fields, key), _MAX_REASON)
        if found:
            return found
    return ""


def fields_of(fields: Fields, key: str) -> Fields:
    """An object, or the empty one if the field is absent or has another type."""
    found = fields.get(key)
    return found if isinstance(found, Mapping) else {}


def items_of(fields: Fields, key: str, most: int) -> Sequence[object] | None:
    """The list `items` of a CloudTrail set; None if it is absent, not a list, or longer than `most`."""
    return list_of(fields_of(fields, key), "items", most)


def list_of(fields: Fields, key: str, most: int) -> Sequence[object] | None:
    """A list; None if it is absent, not a list, or longer than `most`."""
    found = fields.get(key)
    return found if isinstance(found, list) and len(found) <= most else None
