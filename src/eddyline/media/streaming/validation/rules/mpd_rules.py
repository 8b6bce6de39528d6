"""Rules of the MPD as a whole: profiles, durations, periods, ids, base URLs (ISO/IEC 23009-1 section 5.3)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from fractions import Fraction
from urllib.parse import urlsplit

from eddyline.media.streaming.mpd_tree import NAMESPACE
from eddyline.media.streaming.validation.mpd_model import Mpd, seconds
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.stream_model import Stream

_PROFILES = re.compile(
    r"urn:(?:mpeg:dash|dvb:dash|hbbtv:dash|[a-z0-9-]+):profile:\S+|https?://dashif\.org/\S+"
)
_DURATIONS = ("mediaPresentationDuration", "minBufferTime", "maxSegmentDuration", "minimumUpdatePeriod")
_ROLES = frozenset(
    {
        *("caption", "subtitle", "main", "alternate", "supplementary", "commentary", "dub", "description"),
        *("sign", "metadata", "enhanced-audio-intelligibility", "emergency", "forced-subtitle", "easyreader"),
        *("karaoke", "forced_subtitle"),
    }
)
_TOLERANCE = Fraction(1, 1000)


def mpd_of(stream: Stream) -> Iterator[Mpd]:
    """The MPD of a stream if it is one."""
    if stream.mpd is not None and stream.mpd.root is not None:
        yield stream.mpd


def at(mpd: Mpd, place: str, actual: str, required: str) -> Violation:
    """A violation in the MPD."""
    return Violation(file=mpd.name, place=place, actual=actual, required=required)


def elements(mpd: Mpd, name: str) -> list[ET.Element]:
    """All elements of a name."""
    return [] if mpd.root is None else list(mpd.root.iter(f"{NAMESPACE}{name}"))


def _is_mpd(stream: Stream) -> Iterator[Violation]:
    if stream.mpd is not None and stream.mpd.root is None:
        yield at(stream.mpd, "the root element", stream.mpd.problem, "MPD in urn:mpeg:dash:schema:mpd:2011")


def _profiles(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        found = [part.strip() for part in mpd.get("profiles").split(",") if part.strip()]
        if not any(_PROFILES.fullmatch(part) for part in found):
            yield at(
                mpd, "MPD@profiles", mpd.get("profiles") or "missing", "a profile of MPEG-DASH or DASH-IF"
            )


def _buffer(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        if not mpd.get("minBufferTime"):
            yield at(mpd, "MPD@minBufferTime", "missing", "a duration, such as PT2S")


def _duration_syntax(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for name in _DURATIONS:
            if mpd.get(name) and seconds(mpd.get(name)) is None:
                yield at(mpd, f"MPD@{name}", mpd.get(name), "a duration, such as PT1H2M3.5S")


def _duration(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        last = mpd.periods[-1].element.get("duration") if mpd.periods else None
        if mpd.static and not mpd.get("mediaPresentationDuration") and not last:
            yield at(mpd, "MPD@mediaPresentationDuration", "missing", "the duration of a static presentation")


def _dynamic(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for name in ("availabilityStartTime", "publishTime"):
            if not mpd.static and not mpd.get(name):
                yield at(mpd, f"MPD@{name}", "missing", "a time: the presentation is dynamic")


def _static(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for name in ("minimumUpdatePeriod", "timeShiftBufferDepth"):
            if mpd.static and mpd.get(name):
                yield at(mpd, f"MPD@{name}", mpd.get(name), "none: the presentation is static")


def _periods(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        if not mpd.periods:
            yield at(mpd, "MPD", "no Period", "at least one Period")
        ids = [each.element.get("id") for each in mpd.periods if each.element.get("id")]
        if len(set(ids)) < len(ids):
            yield at(mpd, "Period@id", "repeated", "a different id for each Period")


def _first_period(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        if mpd.static and mpd.periods and mpd.periods[0].start:
            start = mpd.periods[0].element.get("start", "")
            yield at(mpd, f"{mpd.periods[0].place}@start", start, "PT0S")
        for each in mpd.periods:
            if each.duration is not None and each.duration <= 0:
                yield at(mpd, f"{each.place}@duration", f"{float(each.duration):g} s", "more than 0 s")


def _set_ids(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for period in mpd.periods:
            seen: set[str] = set()
            for each in period.sets:
                name = each.element.get("id", "")
                if name and name in seen:
                    yield at(mpd, f"{each.place}@id", name, "a different id for each AdaptationSet")
                seen.add(name)


def _representation_ids(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for period in mpd.periods:
            seen: set[str] = set()
            for each in (found for sets in period.sets for found in sets.representations):
                name = each.element.get("id", "")
                if not name or name in seen:
                    yield at(mpd, f"{each.place}@id", name or "missing", "a different id for each one")
                seen.add(name)


def _presentation_end(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        total, last = seconds(mpd.get("mediaPresentationDuration")), mpd.periods[-1:]
        ends = [
            each.segments.end_s for sets in (last[0].sets if last else ()) for each in sets.representations
        ]
        if total is None or not any(ends):
            continue
        end = last[0].start + max(ends)
        if abs(total - end) > _TOLERANCE and all(
            each.segments.spans for sets in last[0].sets for each in sets.representations
        ):
            actual, required = f"{float(total):.3f} s", f"{float(end):.3f} s, when the last segment ends"
            yield at(mpd, "MPD@mediaPresentationDuration", actual, required)


def _longest_segment(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        stated = seconds(mpd.get("maxSegmentDuration"))
        longest = max(
            (max(each.segments.durations, default=Fraction(0)) for each in mpd.representations), default=0
        )
        if stated is not None and longest > stated + _TOLERANCE:
            actual, required = f"{float(stated):.3f} s", f"at least {float(longest):.3f} s"
            yield at(mpd, "MPD@maxSegmentDuration", actual, required)


def _base_urls(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for each in elements(mpd, "BaseURL"):
            value = (each.text or "").strip()
            if not value or not _is_web(value):
                yield at(mpd, "BaseURL", value or "empty", "a relative URL, or one of http or https")


def _is_web(value: str) -> bool:
    try:
        return urlsplit(value).scheme in {"", "http", "https"}
    except ValueError:
        return False


def _roles(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for each in elements(mpd, "Role"):
            scheme, value = each.get("schemeIdUri", ""), each.get("value", "")
            if scheme == "urn:mpeg:dash:role:2011" and value not in _ROLES:
                yield at(mpd, "Role@value", value, "a role of urn:mpeg:dash:role:2011, such as main")


def _events(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for each in elements(mpd, "EventStream"):
            if not each.get("schemeIdUri"):
                yield at(mpd, "EventStream@schemeIdUri", "missing", "the scheme of the events")


def _type(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        if mpd.static and not mpd.get("type"):
            yield at(mpd, "MPD@type", "missing", "static or dynamic")


RULES: tuple[Rule, ...] = (
    must(
        "DASH-5.2",
        "The MPD is XML without entities, and its root is MPD in the namespace of DASH.",
        "write an MPD of ISO/IEC 23009-1",
        _is_mpd,
    ),
    must(
        "DASH-5.3.1.2:profiles",
        "MPD@profiles names a profile.",
        "add urn:mpeg:dash:profile:isoff-live:2011",
        _profiles,
    ),
    must(
        "DASH-5.3.1.2:buffer",
        "The MPD has @minBufferTime.",
        "add minBufferTime",
        _buffer,
    ),
    must(
        "DASH-5.3.1.2:durations",
        "Durations of the MPD are of the form PT1H2M3.5S.",
        "correct the duration",
        _duration_syntax,
    ),
    must(
        "DASH-5.3.1.2:static",
        "A static MPD states its duration, or that of its last period.",
        "add mediaPresentationDuration",
        _duration,
    ),
    must(
        "DASH-5.3.1.2:dynamic",
        "A dynamic MPD has @availabilityStartTime and @publishTime.",
        "add the attribute",
        _dynamic,
    ),
    must(
        "IOP-3.2.2:static",
        "A static MPD has neither @minimumUpdatePeriod nor @timeShiftBufferDepth.",
        "remove the attribute",
        _static,
    ),
    must(
        "DASH-5.3.2.2",
        "The MPD has periods with different ids.",
        "give each period another id",
        _periods,
    ),
    must(
        "TIMING-8.1",
        "The first period of a static MPD starts at 0, and no period is empty.",
        "correct the start or duration of the period",
        _first_period,
    ),
    must(
        "DASH-5.3.3.2:id",
        "The adaptation sets of a period have different ids.",
        "give each adaptation set another id",
        _set_ids,
    ),
    must(
        "DASH-5.3.5.2:id",
        "The representations of a period have different ids.",
        "give each representation another id",
        _representation_ids,
    ),
    must(
        "TIMING-7",
        "@mediaPresentationDuration is when the last segment ends.",
        "correct mediaPresentationDuration",
        _presentation_end,
    ),
    must(
        "DASH-5.3.1.2:longest",
        "No segment is longer than @maxSegmentDuration.",
        "increase maxSegmentDuration",
        _longest_segment,
    ),
    must(
        "DASH-5.6.4",
        "A BaseURL is relative, or an address of the web.",
        "write a relative BaseURL",
        _base_urls,
    ),
    must(
        "DASH-5.8.5.5",
        "Roles of urn:mpeg:dash:role:2011 have a value of that scheme.",
        "correct the role",
        _roles,
    ),
    must(
        "DASH-5.10.2",
        "An EventStream has a @schemeIdUri.",
        "add the scheme",
        _events,
    ),
    should(
        "DASH-5.3.1.2:type",
        "The MPD states its @type.",
        'add type="static"',
        _type,
    ),
)
