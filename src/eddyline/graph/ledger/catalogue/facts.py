"""The facts of a published asset as its publishing job reports them; they are checked, not trusted.

A worker on queues has no database: what it reports comes through a queue. A value that is not one of these
types, or not within these bounds, is left out; it does not undo the publication.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from eddyline.core.name_rules import is_plain_path

RESULT_KEY = "catalogue"
"""The key of the facts in the result of the job that publishes."""

_MAX_TIME = 1e11  # seconds since 1970
_MAX_BYTES = 1 << 60
_MAX_TEXT = 300
_MAX_SHORT_TEXT = 100  # of columns that are part of an index, whose rows PostgreSQL limits
_BOX = ("min_lat", "min_lon", "max_lat", "max_lon")
_NOT_STORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def _number(low: float, high: float) -> Callable[[object], float | None]:
    def parse(value: object) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if low <= value <= high and math.isfinite(value) else None

    return parse


def _count(high: int) -> Callable[[object], int | None]:
    def parse(value: object) -> int | None:
        return value if type(value) is int and 0 <= value <= high else None

    return parse


def _text(value: object) -> str | None:
    """Printable text, cut to 300 characters; None if nothing is left."""
    if not isinstance(value, str):
        return None
    return _NOT_STORABLE.sub("", value[: 4 * _MAX_TEXT])[:_MAX_TEXT] or None


def _short_text(value: object) -> str | None:
    text = _text(value)
    return text and text[:_MAX_SHORT_TEXT]


def _path(value: object) -> str | None:
    return str(value) if is_plain_path(value) else None


_PARSERS: dict[str, Callable[[object], Any]] = {
    "captured": _number(-_MAX_TIME, _MAX_TIME),
    "duration_s": _number(0, 1e9),
    "source_bytes": _count(_MAX_BYTES),
    "stored_bytes": _count(_MAX_BYTES),
    "width": _count(1 << 20),
    "height": _count(1 << 20),
    "fps": _number(0, 1e6),
    "codec": _short_text,
    "camera": _short_text,
    "min_lat": _number(-90, 90),
    "min_lon": _number(-180, 180),
    "max_lat": _number(-90, 90),
    "max_lon": _number(-180, 180),
    "distance_m": _number(0, 1e9),
    "top_speed_m_s": _number(0, 1e5),
    "poster": _path,
    "storyboard": _path,
    "cpu_s": _number(0, 1e12),
    "redone": _count((1 << 31) - 1),
}
FACTS = tuple(_PARSERS)
"""The names of the facts, which are columns of the table `assets`."""


def parse_facts(reported: object) -> dict[str, Any]:
    """All facts by name, None where unknown or invalid, from the reported JSON value."""
    values: Mapping[str, Any] = reported if isinstance(reported, dict) else {}
    facts = {name: parse(values.get(name)) for name, parse in _PARSERS.items()}
    box = [facts[name] for name in _BOX]
    if None in box or facts["min_lat"] > facts["max_lat"]:
        facts |= dict.fromkeys(_BOX)
    return facts


def parse_text(value: object) -> str:
    """A name or address as the catalogue stores it: printable, at most 300 characters."""
    return _text(value) or ""
