"""Patterns of keys: `*` matches any characters but "/", `**` any characters, `?` one character but "/".

Keys are untrusted and up to 1024 bytes long, so matching takes time proportional to pattern x key: no regular
expression that backtracks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARTS = re.compile(r"\*+|\?|[^*?]+")
_MAX_LENGTH = 1024


@dataclass(frozen=True)
class KeyPattern:
    """A pattern for complete keys. Raises ValueError if it is empty, too long or contains `***`."""

    text: str

    def __post_init__(self) -> None:
        if not 0 < len(self.text) <= _MAX_LENGTH:
            raise ValueError(f"a pattern must have 1 to {_MAX_LENGTH} characters")
        if re.search(r"\*{3}", self.text):
            raise ValueError(
                f"{self.text!r}: *** is invalid; * stays within a directory, ** crosses directories"
            )

    @property
    def wildcards(self) -> int:
        """The number of texts in a match: one for each `*` and `**`."""
        return sum(part[0] == "*" for part in self._parts)

    @property
    def _parts(self) -> list[str]:
        return _PARTS.findall(self.text)

    def match(self, key: str) -> tuple[str, ...] | None:
        """The texts that each `*` and `**` matches, the earlier ones as short as possible; None: no match."""
        parts = self._parts
        positions = _match_positions(parts, key)
        if 0 not in positions[0]:
            return None
        found: list[str] = []
        at = 0
        for part, after in zip(parts, positions[1:], strict=True):
            if part[0] == "*":
                end = next(position for position in range(at, len(key) + 1) if position in after)
                found.append(key[at:end])
                at = end
            else:
                at += len(part)
        return tuple(found)


def _match_positions(parts: list[str], key: str) -> list[set[int]]:
    """For each part, and the end: the positions in `key` from which it and all following parts match."""
    positions = [{len(key)}]
    for part in reversed(parts):
        after = positions[0]
        if part[0] == "*":
            before = _positions_before_star(key, after, across=part == "**")
        elif part == "?":
            before = {position - 1 for position in after if position and key[position - 1] != "/"}
        else:
            before = {position - len(part) for position in after if key.endswith(part, 0, position)}
        positions.insert(0, before)
    return positions


def _positions_before_star(key: str, after: set[int], *, across: bool) -> set[int]:
    before = set()
    reachable = False
    for position in range(len(key), -1, -1):
        if position < len(key) and key[position] == "/" and not across:
            reachable = False
        reachable = reachable or position in after
        if reachable:
            before.add(position)
    return before
