"""How values read to people: names that cannot harm a terminal, sizes, times and counts."""

from __future__ import annotations

import unicodedata

# Control, format (bidirectional overrides among them), surrogate, private, line and paragraph separators:
# all that could move a cursor, hide a part of a name or turn it around.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # meaningful in names of many scripts and in emoji
_STEP = 1000
_MINUTE = 60
_TEN_S = 10


def shown(name: object) -> str:
    """A name or message as one line; a character that is not visible (a newline) becomes its escape."""
    text = str(name)
    if text.isprintable():
        return text
    return "".join(
        char if char in _JOINERS or unicodedata.category(char) not in _HIDDEN else _escaped(char)
        for char in text
    )


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def size(count: int) -> str:
    """Bytes as people read them: "512 B", "1.2 kB", "38 MB" (powers of 1000, as file managers show them)."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < _STEP:
            break
        value, unit = value / _STEP, larger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}" if value < _TEN_S else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """Seconds as people read them: "0.4 s", "12 s", "3:05", "1:02:03"."""
    if seconds < _TEN_S:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 frame", "1,802 frames"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
