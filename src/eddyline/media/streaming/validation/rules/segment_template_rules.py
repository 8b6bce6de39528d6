"""Rules of segment templates and timelines (ISO/IEC 23009-1 section 5.3.9, DASH-IF timing model)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from eddyline.media.streaming.mpd_tree import IDENTIFIER, NAMESPACE
from eddyline.media.streaming.validation.mpd_model import NO_TEMPLATE, Mpd, Period, Representation
from eddyline.media.streaming.validation.rule import Rule, Violation, must
from eddyline.media.streaming.validation.rules.mpd_rules import at, elements, mpd_of
from eddyline.media.streaming.validation.stream_model import Stream

_ADDRESSING = ("SegmentBase", "SegmentList", "SegmentTemplate")
_LIVE = "urn:mpeg:dash:profile:isoff-live:2011"
_SHORTER_S = Fraction(1, 2)  # by which a representation may end before its period
_ROUNDING_S = Fraction(1, 1000)
_STRAY = re.compile(r"\$[^$]*\$?")


def _all(stream: Stream) -> Iterator[tuple[Mpd, Period, Representation]]:
    for mpd in mpd_of(stream):
        for period in mpd.periods:
            for found in period.sets:
                for each in found.representations:
                    yield mpd, period, each


def _one_addressing(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for parent in ("Period", "AdaptationSet", "Representation"):
            for element in elements(mpd, parent):
                found = [name for name in _ADDRESSING if element.find(f"{NAMESPACE}{name}") is not None]
                if len(found) > 1:
                    yield at(mpd, parent, ", ".join(found), "one of them")


def _has_template(stream: Stream) -> Iterator[Violation]:
    for mpd, _, each in _all(stream):
        if _LIVE in mpd.get("profiles") and each.segments.problem == NO_TEMPLATE:
            yield at(mpd, each.place, "no SegmentTemplate", "SegmentTemplate, as the live profile requires")


def _valid(stream: Stream) -> Iterator[Violation]:
    for mpd, _, each in _all(stream):
        problem = each.segments.problem
        if problem and problem != NO_TEMPLATE:
            yield at(mpd, f"{each.place}/SegmentTemplate", problem, "segments with start and duration")


def _duration_or_timeline(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for each in elements(mpd, "SegmentTemplate"):
            if each.get("duration") and each.find(f"{NAMESPACE}SegmentTimeline") is not None:
                yield at(mpd, "SegmentTemplate", "@duration and SegmentTimeline", "one of both")


def _identifiers(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for each in elements(mpd, "SegmentTemplate"):
            for name in ("media", "initialization"):
                value = each.get(name, "")
                stray = _STRAY.search(IDENTIFIER.sub("", value))
                if stray:
                    required = "$RepresentationID$, $Bandwidth$, $Number$ or $Time$"
                    yield at(mpd, f"SegmentTemplate@{name}", value, required)


def _no_number_in_init(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for each in elements(mpd, "SegmentTemplate"):
            value = each.get("initialization", "")
            if any(found[0] in {"Number", "Time"} for found in IDENTIFIER.findall(value)):
                yield at(mpd, "SegmentTemplate@initialization", value, "neither $Number$ nor $Time$")


def _distinct(stream: Stream) -> Iterator[Violation]:
    for mpd, _, each in _all(stream):
        urls = each.segments.urls
        if len(set(urls)) < len(urls):
            yield at(mpd, f"{each.place}/SegmentTemplate@media", urls[0], "another URL for each segment")


def _timescale(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for timeline in elements(mpd, "SegmentTimeline"):
            if not timeline.findall(f"{NAMESPACE}S"):
                yield at(mpd, "SegmentTimeline", "no S element", "segments")
        for each in mpd.representations:
            if each.segments.spans and each.segments.timescale == 1:
                place = f"{each.place}/SegmentTemplate@timescale"
                yield at(mpd, place, "missing or 1", "the ticks of a second")


def _gaps(stream: Stream) -> Iterator[Violation]:
    for mpd, _, each in _all(stream):
        scale = each.segments.timescale
        for number, (before, after) in enumerate(pairwise(each.segments.spans), 1):
            if before[1] != after[0]:
                kind = "overlap" if after[0] < before[1] else "gap"
                actual = f"segment {number} ends at {before[1] / scale:.4f} s, not {after[0] / scale:.4f} s"
                yield at(mpd, f"{each.place}/SegmentTimeline", f"{kind}: {actual}", "neither gap nor overlap")
                break


def _coverage(stream: Stream) -> Iterator[Violation]:
    for mpd, period, each in _all(stream):
        if not mpd.static or period.duration is None or not each.segments.spans:
            continue
        start, end = each.segments.start_s, each.segments.end_s
        if start > _SHORTER_S or end < period.duration - _SHORTER_S:
            actual = f"{float(start):.3f} s to {float(end):.3f} s"
            required = f"0 s to {float(period.duration):.3f} s, the whole period"
            yield at(mpd, f"{each.place}/SegmentTemplate", actual, required)


def _aligned(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for found in mpd.sets:
            if found.element.get("segmentAlignment", "false") == "false" or not found.representations:
                continue
            first = found.representations[0]
            for each in found.representations[1:]:
                if each.segments.spans and not _equal(_starts(each), _starts(first)):
                    required = f"those of {first.place}, because of @segmentAlignment"
                    yield at(mpd, f"{each.place}/SegmentTemplate", "other segment boundaries", required)


def _starts(each: Representation) -> list[Fraction]:
    """The starts of the segments in the period, in seconds."""
    segments = each.segments
    return [Fraction(start - segments.offset, segments.timescale) for start, _ in segments.spans]


def _equal(starts: list[Fraction], others: list[Fraction]) -> bool:
    near = all(abs(a - b) <= _ROUNDING_S for a, b in zip(starts, others, strict=False))
    return len(starts) == len(others) and near


RULES: tuple[Rule, ...] = (
    must(
        "DASH-5.3.9.1",
        "An element has at most one of SegmentBase, SegmentList and SegmentTemplate.",
        "keep one of them",
        _one_addressing,
    ),
    must(
        "DASH-8.4.3",
        "In the live profile every representation has a SegmentTemplate.",
        "add a SegmentTemplate, or name the on-demand profile",
        _has_template,
    ),
    must(
        "DASH-5.3.9.6",
        "The segments of a template have a start and a duration.",
        "correct the SegmentTemplate",
        _valid,
    ),
    must(
        "DASH-5.3.9.2",
        "A template has @duration or a SegmentTimeline, not both.",
        "remove one of both",
        _duration_or_timeline,
    ),
    must(
        "DASH-5.3.9.4.4",
        "Templates have only the identifiers of the standard.",
        "correct the identifier; write $$ for a dollar sign",
        _identifiers,
    ),
    must(
        "DASH-5.3.9.4.2",
        "The URL of the initialization segment has neither $Number$ nor $Time$.",
        "remove the identifier",
        _no_number_in_init,
    ),
    must(
        "DASH-5.3.9.4.4:distinct",
        "The media template gives each segment another URL, with $Number$ or $Time$.",
        "add $Number$ or $Time$ to the template",
        _distinct,
    ),
    must(
        "TIMING-9.1",
        "A template states its @timescale, and a timeline has segments.",
        "add timescale",
        _timescale,
    ),
    must(
        "TIMING-9.2",
        "The segments of a timeline follow each other without gap and overlap.",
        "correct @t and @d of the S elements",
        _gaps,
    ),
    must(
        "TIMING-9.2.1",
        "The segments of a static presentation cover their whole period, to half a second.",
        "extend the representation, or shorten the period",
        _coverage,
    ),
    must(
        "DASH-5.3.3.2:alignment",
        "The representations of an adaptation set with @segmentAlignment have equal segment boundaries.",
        "cut all representations at the same times",
        _aligned,
    ),
)
