"""Reads the one notice of an event."""

from __future__ import annotations

from typing import Any

from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import Notice, Parsed


def only(event: dict[str, Any]) -> Notice:
    result = parse_event(event)
    assert isinstance(result, Parsed), result
    (notice,) = result.notices
    return notice
