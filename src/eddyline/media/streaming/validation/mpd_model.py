"""An MPD as it is written, valid or not: its elements, and the segments of each representation."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from eddyline.core.numbers import parse_whole
from eddyline.media.streaming.mpd_tree import (
    NAMESPACE,
    expand_timeline,
    fill_template,
    parse_duration,
    parse_tree,
)

_TEMPLATE = f"{NAMESPACE}SegmentTemplate"
_MAX_SEGMENTS = 1_000_000
NO_TEMPLATE = "it has no SegmentTemplate"


@dataclass(frozen=True, kw_only=True)
class Segments:
    """The segments of a representation, [start, end) in ticks of 1/`timescale` s, with their URLs.

    `problem` says why they cannot be computed.
    """

    timescale: int = 1
    offset: int = 0
    init: str = ""
    spans: tuple[tuple[int, int], ...] = ()
    urls: tuple[str, ...] = ()
    problem: str = ""

    @cached_property
    def durations(self) -> list[Fraction]:
        """Seconds of each segment."""
        return [Fraction(end - start, self.timescale) for start, end in self.spans]

    @property
    def start_s(self) -> Fraction:
        """The start of the first segment in its period, in seconds."""
        return Fraction(self.spans[0][0] - self.offset, self.timescale) if self.spans else Fraction(0)

    @property
    def end_s(self) -> Fraction:
        """The end of the last segment in its period, in seconds."""
        return Fraction(self.spans[-1][1] - self.offset, self.timescale) if self.spans else Fraction(0)


@dataclass(frozen=True, kw_only=True)
class Representation:
    """A representation with its adaptation set and period; `place` names it in findings."""

    element: ET.Element
    parent: ET.Element
    place: str
    segments: Segments
    kind: str

    def get(self, name: str) -> str:
        """An attribute of the representation, or else of its adaptation set; "" if both lack it."""
        return self.element.get(name, "") or self.parent.get(name, "")

    def child(self, name: str) -> ET.Element | None:
        """A child element of the representation, or else of its adaptation set."""
        found = self.element.find(f"{NAMESPACE}{name}")
        return self.parent.find(f"{NAMESPACE}{name}") if found is None else found


@dataclass(frozen=True, kw_only=True)
class AdaptationSet:
    """An adaptation set; `kind` is video, audio, text, image or ""."""

    element: ET.Element
    place: str
    kind: str
    representations: tuple[Representation, ...]


@dataclass(frozen=True, kw_only=True)
class Period:
    """A period: its start in seconds, and its duration, None if it is unknown."""

    element: ET.Element
    place: str
    start: Fraction
    duration: Fraction | None
    sets: tuple[AdaptationSet, ...]


@dataclass(frozen=True, kw_only=True)
class Mpd:
    """The MPD; `root` is None if it is not XML, and `problem` says why."""

    name: str
    root: ET.Element | None
    periods: tuple[Period, ...] = ()
    problem: str = ""

    def get(self, name: str) -> str:
        """An attribute of the root element; "" if it is missing."""
        return "" if self.root is None else self.root.get(name, "")

    @property
    def static(self) -> bool:
        """Whether all segments are available at once."""
        return self.get("type") != "dynamic"

    @property
    def sets(self) -> Iterator[AdaptationSet]:
        """The adaptation sets of all periods."""
        return (each for period in self.periods for each in period.sets)

    @property
    def representations(self) -> Iterator[Representation]:
        """The representations of all periods."""
        return (each for found in self.sets for each in found.representations)


def parse_mpd(text: str, name: str) -> Mpd:
    """The model of an MPD; never raises for an invalid one."""
    try:
        root = parse_tree(text)
    except ValueError as error:
        return Mpd(name=name, root=None, problem=str(error))
    if root.tag != f"{NAMESPACE}MPD":
        return Mpd(name=name, root=None, problem=f"the root element is {root.tag[:80]}")
    return Mpd(name=name, root=root, periods=tuple(_periods(root)))


def seconds(value: str | None) -> Fraction | None:
    """The seconds of a duration; None if it is missing or invalid."""
    try:
        return parse_duration(value) if value else None
    except ValueError:
        return None


def _periods(root: ET.Element) -> Iterator[Period]:
    elements = root.findall(f"{NAMESPACE}Period")
    total = seconds(root.get("mediaPresentationDuration"))
    starts: list[Fraction] = []
    for place, element in enumerate(elements):
        start = seconds(element.get("start"))
        if start is None:
            before = seconds(elements[place - 1].get("duration")) if place else None
            start = starts[-1] + (before or 0) if starts else Fraction(0)
        starts.append(start)
    for place, (element, start) in enumerate(zip(elements, starts, strict=True)):
        duration = seconds(element.get("duration"))
        if duration is None:
            end = starts[place + 1] if place + 1 < len(starts) else total
            duration = None if end is None else end - start
        name = f"Period[{place}]"
        sets = tuple(
            _adaptation_set(each, element, f"{name}/AdaptationSet[{number}]", duration)
            for number, each in enumerate(element.findall(f"{NAMESPACE}AdaptationSet"))
        )
        yield Period(element=element, place=name, start=start, duration=duration, sets=sets)


def _adaptation_set(
    element: ET.Element, period: ET.Element, place: str, duration: Fraction | None
) -> AdaptationSet:
    found = element.findall(f"{NAMESPACE}Representation")
    kind = element.get("contentType") or _kind(element, found)
    representations = tuple(
        Representation(
            element=each,
            parent=element,
            place=f"{place}/Representation[{number}]",
            segments=_segments(each, element, period, duration),
            kind=kind,
        )
        for number, each in enumerate(found)
    )
    return AdaptationSet(element=element, place=place, kind=kind, representations=representations)


def _kind(element: ET.Element, representations: list[ET.Element]) -> str:
    """The content type that the MIME type implies."""
    types = [element.get("mimeType", ""), *(each.get("mimeType", "") for each in representations)]
    kind = next((each for each in types if each), "").partition("/")[0]
    return "text" if kind == "application" else kind


@dataclass(kw_only=True)
class _Template:
    """A segment template with the attributes of those of the elements above it."""

    attributes: dict[str, str] = field(default_factory=dict)
    timeline: ET.Element | None = None


def _template(levels: tuple[ET.Element, ...]) -> _Template | None:
    """The template that applies, from the period down (ISO/IEC 23009-1 section 5.3.9.1)."""
    found: _Template | None = None
    for level in levels:
        element = level.find(_TEMPLATE)
        if element is None:
            continue
        found = found or _Template()
        found.attributes |= element.attrib
        if element.find(f"{NAMESPACE}SegmentTimeline") is not None:
            found.timeline = element
    return found


def _segments(
    element: ET.Element, parent: ET.Element, period: ET.Element, duration: Fraction | None
) -> Segments:
    template = _template((period, parent, element))
    if template is None:
        return Segments(problem=NO_TEMPLATE)
    try:
        return _from_template(template, element, duration)
    except ValueError as error:
        return Segments(problem=str(error))


def _from_template(template: _Template, element: ET.Element, duration: Fraction | None) -> Segments:
    stated = template.attributes
    timescale = parse_whole(stated.get("timescale", "1"))
    offset = parse_whole(stated.get("presentationTimeOffset", "0"))
    first = parse_whole(stated.get("startNumber", "1"))
    if not timescale:
        raise ValueError("the timescale is 0")
    if template.timeline is not None:
        until = None if duration is None else offset + int(duration * timescale)
        spans = expand_timeline(template.timeline, until)
    else:
        spans = _constant(parse_whole(stated.get("duration", "")), timescale, offset, duration)
    name, bandwidth = element.get("id", ""), element.get("bandwidth", "")
    media = stated.get("media", "")
    urls = (
        fill_template(media, number=first + place, time=start, name=name, bandwidth=bandwidth)
        for place, (start, _) in enumerate(spans)
    )
    return Segments(
        timescale=timescale,
        offset=offset,
        init=fill_template(stated.get("initialization", ""), name=name, bandwidth=bandwidth),
        spans=tuple(spans),
        urls=tuple(urls) if media else (),
    )


def _constant(length: int, timescale: int, offset: int, duration: Fraction | None) -> list[tuple[int, int]]:
    """Segments of equal duration, up to the end of the period."""
    if length <= 0:
        raise ValueError("the duration of the segments is 0")
    if duration is None:
        raise ValueError("the duration of the period is unknown")
    end = offset + int(duration * timescale)
    count = -(-(end - offset) // length)
    if count > _MAX_SEGMENTS:
        raise ValueError(f"more than {_MAX_SEGMENTS:,} segments")
    return [(offset + length * each, min(offset + length * (each + 1), end)) for each in range(count)]
