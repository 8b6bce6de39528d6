"""Chapters on the timeline of a packaged stream, in the forms that players read (docs/decisions/0004).

HLS: Apple's JSON chapters, named by the master playlist. DASH: an event stream of the period. And WebVTT, for
whatever a page gives to a `<track kind="chapters">`.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from xml.sax.saxutils import escape

from eddyline.core.errors import ProofError
from eddyline.media.pictures.highlights import Chapter
from eddyline.media.streaming.playlists import Representation, read_mpd
from eddyline.media.streaming.stream_verification import Timeline

JSON, VTT = "chapters.json", "chapters.vtt"
SCHEME = "urn:eddyline:chapters:1"
_DATA_ID = "com.apple.hls.chapters"
_TAG = f'#EXT-X-SESSION-DATA:DATA-ID="{_DATA_ID}",URI="{JSON}"\n'
_HEAD = re.compile(r"\A#EXTM3U\n(?:\n*#EXT-X-(?:VERSION|INDEPENDENT)[^\n]*\n)*")
_EVENT = "{urn:mpeg:dash:schema:mpd:2011}Event"
_MASTER, _MPD = "master.m3u8", "manifest.mpd"


@dataclass(frozen=True, kw_only=True)
class _Span:
    """A chapter in ticks of the timeline: [start, end)."""

    start: int
    end: int
    title: str


def write_stream_chapters(stream: Path, chapters: Sequence[Chapter], timeline: Timeline) -> None:
    """Add the chapters to a packaged stream whose playlists and MPD are in their last form otherwise."""
    spans = _spans(chapters, timeline)
    mpd, master = stream / _MPD, stream / _MASTER
    text = mpd.read_text("utf-8")
    told = read_mpd(text, _MPD)[1]
    began, offset = _began(told), next(each.offset for each in told if each.kind == "video")
    (stream / JSON).write_text(_json(spans, timeline.timescale, began), "utf-8")
    (stream / VTT).write_text(_vtt(spans, timeline.timescale, began), "utf-8")
    master.write_text(with_session_data(master.read_text("utf-8")), "utf-8")
    mpd.write_text(_with_events(text, spans, timeline.timescale, offset), "utf-8")


def verify_stream_chapters(stream: Path, chapters: Sequence[Chapter], timeline: Timeline) -> None:
    """Check by reading back that HLS and DASH tell the same chapters, each from its frame on, or none.

    Raises `ProofError`.
    """
    titles = [each.title for each in chapters]
    starts = [Fraction(int(timeline.pts[each.frame]), timeline.timescale) for each in chapters]
    text = (stream / _MPD).read_text("utf-8")
    events = list(ET.fromstring(text).iter(_EVENT))  # noqa: S314 - proven to be an MPD without entities
    begun = [Fraction(int(each.attrib["presentationTime"]), timeline.timescale) for each in events]
    _require([each.text for each in events] == titles and begun == starts, _MPD)
    named = _TAG in (stream / _MASTER).read_text("utf-8")
    _require(named == bool(chapters) == (stream / JSON).is_file(), _MASTER)
    if chapters:
        began = _began(read_mpd(text, _MPD)[1])
        told = json.loads((stream / JSON).read_text("utf-8"))
        _require([each["titles"][0]["title"] for each in told] == titles, JSON)
        late = [
            Fraction(str(each["start-time"])) - (start - began)
            for each, start in zip(told[1:], starts[1:], strict=True)
        ]
        _require(all(0 <= each <= Fraction(1, 1000) for each in late), JSON)


def with_session_data(text: str) -> str:
    """The master playlist `text` naming the JSON chapters (RFC 8216 section 4.3.4.4), once."""
    return _HEAD.sub(lambda found: found[0] + _TAG, text.replace(_TAG, ""), count=1)


def _spans(chapters: Sequence[Chapter], timeline: Timeline) -> list[_Span]:
    starts = [int(timeline.pts[each.frame]) for each in chapters]
    ends = [*starts[1:], timeline.end]
    return [
        _Span(start=start, end=end, title=each.title)
        for start, end, each in zip(starts, ends, chapters, strict=True)
    ]


def _began(representations: Sequence[Representation]) -> Fraction:
    """The time (s) that players of HLS count from: when the first of all segments begins."""
    return min(Fraction(each.starts[0], each.timescale) for each in representations)


def _json(spans: Sequence[_Span], timescale: int, began: Fraction) -> str:
    """Apple's "JSON chapters": seconds, rounded up, lest a player shows the frame before."""
    told = []
    for number, span in enumerate(spans, 1):
        start, end = (
            ceil((Fraction(tick, timescale) - began) * 1_000_000) / 1e6 for tick in (span.start, span.end)
        )
        told.append(
            {
                "chapter": number,
                "start-time": start,
                "duration": round(end - start, 6),
                "titles": [{"language": "en", "title": span.title}],
            }
        )
    return json.dumps(told, indent=1) + "\n"


def _vtt(spans: Sequence[_Span], timescale: int, began: Fraction) -> str:
    """A chapters track (W3C WebVTT section 5)."""
    cues = ["WEBVTT\n"]
    for number, span in enumerate(spans, 1):
        start, end = (ceil((Fraction(tick, timescale) - began) * 1000) for tick in (span.start, span.end))
        cues.append(f"{number}\n{_clock(start)} --> {_clock(max(end, start + 1))}\n{escape(span.title)}\n")
    return "\n".join(cues)


def _clock(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def _with_events(text: str, spans: Sequence[_Span], timescale: int, offset: int) -> str:
    """The MPD `text` with an event for each chapter (ISO/IEC 23009-1 section 5.10.2).

    The period begins at tick `offset`, as it does for the picture.
    """
    began = f' presentationTimeOffset="{offset}"' if offset else ""
    rows = "".join(
        f'      <Event presentationTime="{each.start}" duration="{each.end - each.start}" id="{number}">'
        f"{escape(each.title)}</Event>\n"
        for number, each in enumerate(spans, 1)
    )
    head = f'<EventStream schemeIdUri="{SCHEME}" timescale="{timescale}"{began}>'
    stream = f"    {head}\n{rows}    </EventStream>\n"
    return re.sub(r"(<Period[^>]*>\n)", lambda found: found[1] + stream, text, count=1)


def _require(holds: bool, name: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise ProofError(f"the packaged stream is not exact: {name}: its chapters are not those of the film")
