"""The lines of HLS playlists (RFC 8216 section 4): tags with their values and attribute lists, and URIs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from eddyline.core.errors import FormatError

MAX_TEXT = 64 * 1024 * 1024  # bytes of a playlist or MPD
MAX_LINES = 500_000

# RFC 8216 section 4.2. Names in lower case and unquoted commas are invalid, so that they end a list.
_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_VALUE = re.compile(r'"[^"]*"|[^",\s]+')


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its 1-based number: `name` is "#EXTINF" and `value` what follows the colon.

    A URI has an empty name. A comment has the name "#".
    """

    number: int
    name: str
    value: str


def split_lines(text: str, name: str) -> Iterator[Line]:
    """The lines that are not blank. Raises `FormatError` for a playlist with too many lines."""
    if text.count("\n") > MAX_LINES:
        raise FormatError(f"the playlist has more than {MAX_LINES:,} lines", path=name)
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line.startswith("#EXT"):
            tag, _, value = line.partition(":")
            yield Line(number, tag, value)
        elif line.startswith("#"):
            yield Line(number, "#", line)
        elif line:
            yield Line(number, "", line)


def attribute_pairs(value: str) -> list[tuple[str, str]]:
    """The attributes of a list in their order, values as written, with their quotation marks."""
    return _ATTRIBUTE.findall(value)


def attributes(value: str) -> dict[str, str]:
    """The attributes of a list by name, without quotation marks."""
    return {name: text.strip('"') for name, text in attribute_pairs(value)}


def is_attribute_list(value: str) -> bool:
    """Whether all of `value` is a list of attributes, each with a name and a value."""
    rest = _ATTRIBUTE.sub(lambda found: "=" if _VALUE.fullmatch(found[2]) else "?", value)
    return bool(re.fullmatch(r"=(?:,\s*=)*", rest.strip()))
