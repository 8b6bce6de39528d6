"""Planted violations of the rules of segments, bit rates and initialization segments."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from tests.unit.media.streaming.validation.cases_hls import AV, THREE, TWO
from tests.unit.media.streaming.validation.planted import (
    DASH_720,
    Case,
    edit,
    entry,
    measured_case,
    segment,
    sizes,
    track,
    variant,
)

from eddyline.media.streaming.validation.stream_model import Stream, Unreadable

V, AUDIO, IFRAMES, TEXT = "h720a/main.m3u8", "audio/main.m3u8", "h360/iframes.m3u8", "subtitles/main.m3u8"


def later(seconds: float) -> dict[str, object]:
    """Presentation of a segment that many seconds later."""
    shift = Fraction(seconds)
    return {"start": lambda old: old + shift, "end": lambda old: old + shift}


def missing(stream: Stream) -> Stream:
    found = Unreadable(file=V, place="line 6", reason="h720a/00001.m4s does not exist", segment=True)
    return replace(stream, unreadable=(found,))


def two_entries(stream: Stream) -> Stream:
    found = stream.tracks[V]
    entries = (found.entries[0], replace(found.entries[0], layout="PROJ-EQUI"))
    return replace(stream, tracks={**stream.tracks, V: replace(found, entries=entries)})


def only_sizes(stream: Stream) -> Stream:
    tracks = {name: replace(each, segments=()) for name, each in stream.tracks.items()}
    return replace(stream, tracks=tracks)


SEGMENTS = (
    measured_case("RFC8216-6.2.1:segments", missing),
    measured_case("RFC8216-3.3", segment(V, 0, problem="box 'moof' is damaged")),
    measured_case("APPLE-7.4", segment(V, 1, keyframe=False)),
    measured_case("APPLE-7.3", segment(V, 1, decode_start=Fraction(7))),
    measured_case("APPLE-8.1", segment(AUDIO, 1, **later(0.2))),
    measured_case("RFC8216-4.3.3.1:actual", segment(AUDIO, 0, end=Fraction(66, 10))),
    measured_case("RFC8216-6.2.4", segment(V, 0, **later(0.1)), segment(V, 1, **later(0.1))),
    measured_case("APPLE-6.10", segment(IFRAMES, 3, frames=2)),
    measured_case("APPLE-1.13", segment(V, 0, keyframe_interval=Fraction(4))),
    measured_case("APPLE-5.3", track(TEXT, text_map=False)),
)
BIT_RATES = (
    measured_case("APPLE-1.26", sizes(V, 1, 0.5)),
    measured_case("APPLE-1.27", sizes(V, 1.25, 0.75)),
    measured_case("APPLE-6.9", sizes(IFRAMES, *[2] * 12)),
    measured_case(
        "APPLE-1.30",
        only_sizes,
        sizes(V, 1.8, 0.1, 0.1),
        sizes(AUDIO, 2 / 3, 2 / 3, 2 / 3),
        edits=(edit(AV, TWO, THREE), variant("h720a", ":BANDWIDTH=3129000", ":BANDWIDTH=8229000")),
        also=("APPLE-7.6",),
    ),
    measured_case("DASH-5.3.5.2:continuous", sizes(DASH_720, 2, 2)),
)
ENTRIES = (
    measured_case("RFC8216-4.3.4.2:sample-entry", entry(V, codec="avc1.640028")),
    measured_case("RFC8216-4.3.4.2:resolution", entry(V, width=1920, height=1080, display=(1920, 1080))),
    measured_case(
        "RFC8216-4.3.4.2:frame-rate",
        segment(V, 0, frame=Fraction(1, 25)),
        segment(V, 1, frame=Fraction(1, 25)),
    ),
    measured_case("BIS-4.4.6.2:transfer", entry(V, transfer=18)),
    measured_case("CMAF-7.3", entry(AUDIO, tracks=2)),
    measured_case("RFC8216-4.3.2.3", two_entries),
    measured_case("APPLE-16.1", entry(V, layout="PROJ-EQUI")),
    measured_case("APPLE-1.35", entry("p720/main.m3u8", static_hdr=False)),
    measured_case("DASH-5.3.7.2:codecs", entry(DASH_720, codec="avc1.640028")),
    measured_case("DASH-5.3.7.2:size", entry(DASH_720, width=1920, height=1080)),
    measured_case("DASH-5.3.9.6:times", segment(DASH_720, 1, **later(1))),
)
CASES: tuple[Case, ...] = (*SEGMENTS, *BIT_RATES, *ENTRIES)
