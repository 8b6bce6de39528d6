"""Reads CSV lines `t_s,count`: how many units were available from a second on, as samples or as runs.

Times are relative to the first line. With an interval, the last line holds for it. Otherwise, three or more
lines at equal distances are samples, and the last one holds for the same distance; else the last line only
marks the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.core.formatting import short_repr
from eddyline.sim.market.parse import MAX_SECONDS, MAX_UNITS

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_FIELDS = 2
_MIN_SAMPLES = 3
_SAME_S = 1e-6


def read_count_rows(
    rows: Sequence[Sequence[str]], path: Path, interval_s: float | None
) -> tuple[Sequence[tuple[float, int]], float]:
    """The changes or samples (second, count) in the rows, and their length in seconds.

    Raises `UsageError` that names the line.
    """
    header = 1 if len(rows[0]) == _FIELDS and not _NUMBER.fullmatch(rows[0][0].strip()) else 0
    found: list[tuple[float, int]] = []
    for number, row in enumerate(rows[header:], header + 1):
        at, count = _values(row, number, path)
        if found and at <= found[-1][0]:
            raise _wrong(path, number, "the time is not after that of the line before")
        found.append((at, count))
    if not found:
        raise _wrong(path, 1, "no line has a time and a count")
    start = found[0][0]
    shifted = [(at - start, count) for at, count in found]
    if shifted[-1][0] > MAX_SECONDS:
        raise _wrong(path, len(rows), "the trace is longer than ten years")
    return _with_end(shifted, interval_s)


def _values(row: Sequence[str], number: int, path: Path) -> tuple[float, int]:
    fields = [field.strip() for field in row]
    if len(fields) != _FIELDS or not all(_NUMBER.fullmatch(field) for field in fields):
        raise _wrong(path, number, f"expected t_s,count, not {short_repr(','.join(row), 60)}")
    at, count = float(fields[0]), float(fields[1])
    if count != int(count) or count > MAX_UNITS:
        raise _wrong(path, number, f"the count is not a whole number from 0 to {MAX_UNITS:,}")
    return at, int(count)


def _with_end(
    rows: list[tuple[float, int]], interval_s: float | None
) -> tuple[Sequence[tuple[float, int]], float]:
    last = rows[-1][0]
    if interval_s is not None:
        return rows, last + interval_s
    steps = [until - at for (at, _), (until, _) in pairwise(rows)]
    if len(rows) >= _MIN_SAMPLES and max(steps) - min(steps) <= _SAME_S:
        return rows, last + steps[0]
    return rows[:-1], last


def _wrong(path: Path, number: int, problem: str) -> UsageError:
    return UsageError(f"{str(path)[:300]}, line {number}: {problem}", remedy="pass lines such as 600,4")
