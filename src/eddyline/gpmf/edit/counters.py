"""Updates KLVs that count or contain a time (TSMP, STMP, TICK, TOCK, GPSU)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from eddyline.gpmf.format.klv import Klv

_GPSU_LENGTH = 16


def with_number(node: Klv, value: int) -> Klv:
    """The KLV with another number; unchanged if the number is the same or does not fit."""
    width = len(node.data)
    if node.type not in "LJ" or width not in {4, 8} or not 0 <= value < 1 << 8 * width:
        return node
    data = value.to_bytes(width, "big")
    return node if data == node.data else replace(node, data=data)


def advance_ticks(node: Klv, by: float) -> Klv:
    """A clock reading (TICK, TOCK) advanced by this many ticks."""
    return with_number(node, int.from_bytes(node.data, "big") + round(by))


def advance_utc(node: Klv, by_s: float) -> Klv:
    """GPSU, "yymmddhhmmss.sss", advanced by this many seconds."""
    if len(node.data) != _GPSU_LENGTH:
        return node
    text = node.data.decode("latin-1")
    try:
        moment = datetime.strptime(text + "000", "%y%m%d%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return node  # without a fix, cameras write invalid dates
    moment += timedelta(seconds=by_s, microseconds=500)
    data = f"{moment:%y%m%d%H%M%S}.{moment.microsecond // 1000:03}".encode()
    return replace(node, data=data)
