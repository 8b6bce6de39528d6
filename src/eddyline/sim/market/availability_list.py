"""Reads JSON lists of availability: one value for each interval, 0 or 1, or a number of units.

The form of the traces of "Can't Be Late" (https://github.com/skypilot-org/spot-traces). The same keys are in
use with two meanings: in that collection a value is the number of available units; the simulator of its
authors reads 1 as preempted. Which one a file has is an option of the import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eddyline.core.errors import UsageError
from eddyline.core.formatting import short_repr
from eddyline.sim.market.parse import MAX_SECONDS, MAX_UNITS
from eddyline.sim.market.strict_json import wrong_file


def read_availability(
    plain: Any,  # noqa: ANN401 - any JSON value
    path: Path,
    interval_s: float | None,
    *,
    units: int | None = None,
    preempted: bool = False,
) -> tuple[Sequence[tuple[float, int]], float]:
    """The samples (second, count) of a decoded list, and its length in seconds.

    `preempted`: the values count units that were not available, of `units`; None: of the largest value, and
    of at least one. Raises `UsageError` that names the value.
    """
    data = plain.get("data") if isinstance(plain, Mapping) else plain
    if isinstance(plain, Mapping) and plain.get("format") == "spot-market":
        raise UsageError(f"{path} is a market already", remedy="name it in a scenario")
    if not isinstance(data, list) or not data:
        raise wrong_file(path, 'expected a list of values, or an object with the list "data"')
    step = _interval(plain, path, interval_s)
    if step * len(data) > MAX_SECONDS:
        raise wrong_file(path, f"{len(data):,} values, each for {step:g} s, are more than ten years")
    most = units if preempted and units is not None else MAX_UNITS
    counts = [_count(value, number, most, path) for number, value in enumerate(data, 1)]
    if preempted:
        probed = units or max(1, *counts)
        counts = [probed - count for count in counts]
    return [(number * step, count) for number, count in enumerate(counts)], step * len(data)


def _interval(plain: Any, path: Path, given: float | None) -> float:  # noqa: ANN401 - any JSON value
    if given is not None:
        return given
    metadata = plain.get("metadata") if isinstance(plain, Mapping) else None
    step = metadata.get("gap_seconds") if isinstance(metadata, Mapping) else None
    if step is None:
        raise UsageError(
            f"{path} has no metadata.gap_seconds", remedy="pass the seconds between two values as --interval"
        )
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step <= MAX_SECONDS:
        raise wrong_file(path, f"metadata.gap_seconds: {short_repr(step)} is not a number of seconds")
    return float(step)


def _count(value: Any, number: int, most: int, path: Path) -> int:  # noqa: ANN401 - any JSON value
    if not isinstance(value, int | float) or not 0 <= value <= most or value != int(value):
        raise wrong_file(
            path, f"value {number}: expected a whole number from 0 to {most:,}, not {short_repr(value)}"
        )
    return int(value)
