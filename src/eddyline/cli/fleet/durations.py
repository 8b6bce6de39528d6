"""Durations on the command line: "90s", "10m", "24h", "30d"."""

from __future__ import annotations

import re

from eddyline.core.errors import UsageError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd])")
_NAMES = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def parse_duration(text: str, option: str, *, longest_s: float) -> float:
    """The seconds of a duration; raises `UsageError` naming the `option`."""
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= longest_s:
        raise UsageError(
            f"{option} {text[:40]!r} is not a duration",
            remedy=f"pass a number with s, m, h or d, such as 10m or 30d, of at most {describe(longest_s)}",
        )
    return seconds


def describe(seconds: float) -> str:
    """A duration in its largest whole unit: "30 days", "90 seconds"."""
    unit = next((unit for unit in "dhm" if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0), "s")
    number = seconds / _UNITS[unit]
    return f"{number:g} {_NAMES[unit]}{'' if number == 1 else 's'}"
