"""Formats values for people: printable names, shortened values, sizes, durations and counts."""

from __future__ import annotations

import unicodedata
from typing import Final

# Control, format (includes bidirectional overrides), surrogate, private-use and unassigned characters, line
# and paragraph separators: all that can move a cursor, hide a part of a name or reverse it.
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")  # meaningful in names of many scripts and in emoji
_MAX_REPR_LENGTH: Final = 80
_LARGE_INT: Final = 10**30


def printable(name: object) -> str:
    """A name or message as one line; replaces each invisible character (a newline) with its escape."""
    text = str(name)
    if text.isprintable():
        return text
    return "".join(
        char
        if char in _JOINERS or unicodedata.category(char) not in _HIDDEN_CATEGORIES
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def printable_line(text: str, max_length: int) -> str:
    """An untrusted title or name as one line of at most `max_length` printable characters."""
    return "".join(char for char in text if char.isprintable()).strip()[:max_length]


def short_repr(value: object, max_length: int = _MAX_REPR_LENGTH) -> str:
    """An untrusted value as printable ASCII of at most `max_length` characters; never raises.

    Containers are represented by their type only: the text of a deeply nested one would exhaust the stack,
    and Python refuses to convert a very large integer to text.
    """
    if isinstance(value, str):
        return ascii(value[:max_length])[:max_length]
    if isinstance(value, int) and not -_LARGE_INT < value < _LARGE_INT:
        return "a very large integer"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return f"a value of type {type(value).__name__[:max_length]}"


def format_size(size: int) -> str:
    """A number of bytes in powers of 1000, as file managers display it: "512 B", "1.2 kB", "38 MB"."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 1000:  # noqa: PLR2004 - bytes of a kB
            break
        value, unit = value / 1000, larger
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"  # noqa: PLR2004 - two digits


def format_duration(seconds: float) -> str:
    """A duration: "0.4 s", "12 s", "3:05", "1:02:03"."""
    if seconds < 10:  # noqa: PLR2004 - two digits
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 frame", "1,802 frames"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
