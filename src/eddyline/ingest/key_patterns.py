"""Patterns of keys: `*` is any run of letters within one folder, `**` one across folders, `?` one letter.

A key may be whatever a stranger chose, 1024 bytes of it, so matching takes time in proportion to pattern x
key and never more: no regular expression that backtracks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARTS = re.compile(r"\*+|\?|[^*?]+")
_LONGEST = 1024


@dataclass(frozen=True)
class KeyPattern:
    """A pattern for whole keys. Raises ValueError for one that is empty, too long or has `***`."""

    text: str

    def __post_init__(self) -> None:
        if not 0 < len(self.text) <= _LONGEST:
            raise ValueError(f"a pattern has 1 to {_LONGEST} letters")
        if re.search(r"\*{3}", self.text):
            raise ValueError(f"{self.text!r}: * stays within a folder, ** crosses folders; there is no ***")

    @property
    def wildcards(self) -> int:
        """How many values a match gives: one for each `*` and `**`."""
        return sum(part[0] == "*" for part in self._parts)

    @property
    def _parts(self) -> list[str]:
        return _PARTS.findall(self.text)

    def match(self, key: str) -> tuple[str, ...] | None:
        """What each `*` and `**` stands for, the earlier ones as short as can be; None: no match."""
        parts = self._parts
        fits = _places(parts, key)
        if 0 not in fits[0]:
            return None
        found: list[str] = []
        at = 0
        for part, after in zip(parts, fits[1:], strict=True):
            if part[0] == "*":
                end = next(place for place in range(at, len(key) + 1) if place in after)
                found.append(key[at:end])
                at = end
            else:
                at += len(part)
        return tuple(found)


def _places(parts: list[str], key: str) -> list[set[int]]:
    """For each part, and the end, the places in `key` from which it and all that follow it match."""
    fits = [{len(key)}]
    for part in reversed(parts):
        after = fits[0]
        if part[0] == "*":
            before = _before_star(key, after, across=part == "**")
        elif part == "?":
            before = {place - 1 for place in after if place and key[place - 1] != "/"}
        else:
            before = {place - len(part) for place in after if key.endswith(part, 0, place)}
        fits.insert(0, before)
    return fits


def _before_star(key: str, after: set[int], *, across: bool) -> set[int]:
    before = set()
    reachable = False
    for place in range(len(key), -1, -1):
        if place < len(key) and key[place] == "/" and not across:
            reachable = False
        reachable = reachable or place in after
        if reachable:
            before.add(place)
    return before
