"""The XML of an MPD (ISO/IEC 23009-1): its tree, durations, segment timelines and URL templates."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from fractions import Fraction

from eddyline.core.numbers import parse_rational, parse_whole

NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"
_MAX_ELEMENTS = 500_000
_MAX_SEGMENTS = 1_000_000
_MAX_WIDTH = 20  # digits of a number in a URL
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?", re.ASCII)
IDENTIFIER = re.compile(r"\$(?:(RepresentationID|Number|Bandwidth|Time)(?:%0(\d{1,2})d)?)?\$", re.ASCII)


def parse_tree(text: str) -> ET.Element:
    """The root element. Raises `ValueError` for text that is not XML, has entities or too many elements."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("unexpected entity declarations")
    if text.count("<") > _MAX_ELEMENTS:
        raise ValueError(f"more than {_MAX_ELEMENTS:,} elements")
    try:
        return ET.fromstring(text)  # noqa: S314 - without entities and of bounded size
    except ET.ParseError as error:
        raise ValueError(f"not XML: {error}") from error


def parse_duration(value: str) -> Fraction:
    """The seconds of an xs:duration of the form P1DT1H2M3.5S. Raises `ValueError`."""
    match = _DURATION.fullmatch(value)
    if match is None or not any(match.groups()):
        raise ValueError(f"{value[:24]!r} is not a duration")
    days, hours, minutes, seconds = (parse_rational(part or "0") for part in match.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds


def expand_timeline(template: ET.Element, until: int | None = None) -> list[tuple[int, int]]:
    """The [start, end) of each segment in ticks, from S elements (ISO/IEC 23009-1 section 5.3.9.6).

    A negative repeat count fills the time up to the next S, or up to tick `until`. Raises `ValueError`.
    """
    rows = [
        (entry.attrib.get("t"), parse_whole(entry.attrib["d"]), entry.attrib.get("r", "0"))
        for entry in template.iter(f"{NAMESPACE}S")
    ]
    found: list[tuple[int, int]] = []
    for place, (start, length, repeat) in enumerate(rows):
        at = parse_whole(start) if start is not None else (found[-1][1] if found else 0)
        if length <= 0:
            raise ValueError("a segment of the timeline has no duration")
        if repeat.startswith("-"):
            following = rows[place + 1][0] if place + 1 < len(rows) else None
            stop = parse_whole(following) if following is not None else until
            if stop is None:
                raise ValueError("the segment timeline has no end")
            count = max(-((at - stop) // length), 1)
        else:
            count = parse_whole(repeat) + 1
        if len(found) + count > _MAX_SEGMENTS:
            raise ValueError(f"more than {_MAX_SEGMENTS:,} segments")
        found += [(at + length * each, at + length * (each + 1)) for each in range(count)]
    return found


def fill_template(
    template: str, *, number: int = 0, time: int = 0, name: str = "", bandwidth: str = ""
) -> str:
    """The URL of a template with its identifiers replaced (ISO/IEC 23009-1 table 21)."""
    values = {"Number": str(number), "Time": str(time), "RepresentationID": name, "Bandwidth": bandwidth}

    def replace(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return values[found[1]].zfill(min(int(found[2] or 0), _MAX_WIDTH))

    return IDENTIFIER.sub(replace, template)
