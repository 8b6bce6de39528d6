"""Chapters of a packaged stream, in the formats that players read (docs/decisions/0004).

HLS: Apple's JSON chapters, referenced by the master playlist. DASH: an event stream of the period. Web pages:
WebVTT for `<track kind="chapters">`.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from math import ceil
from pathlib import Path

from eddyline.media.pictures.highlights import Chapter
from eddyline.media.streaming.playlists import Representation, read_mpd
from eddyline.media.streaming.stream_errors import require_stream
from eddyline.media.streaming.timeline import Timeline

JSON, VTT = "chapters.json", "chapters.vtt"
SCHEME = "urn:eddyline:chapters:1"
_DATA_ID = "com.apple.hls.chapters"
_TAG = f'#EXT-X-SESSION-DATA:DATA-ID="{_DATA_ID}",URI="{JSON}"\n'
_HEAD = re.compile(r"\A#EXTM3U\n(?:\n*#EXT-X-(?:VERSION|INDEPENDENT)[^\n]*\n)*")
_EVENT = "{urn:mpeg:dash:schema:mpd:2011}Event"
_MASTER, _MPD = "master.m3u8", "manifest.mpd"
_WRONG = "the chapters differ from the source's"


@dataclass(frozen=True, kw_only=True)
class _Span:
    """A chapter: [start, end) in ticks of the timeline."""

    start: int
    end: int
    title: str


def write_stream_chapters(stream: Path, chapters: Sequence[Chapter], timeline: Timeline) -> None:
    """Add the chapters to a packaged stream whose playlists and MPD are otherwise final."""
    spans = _spans(chapters, timeline)
    mpd, master = stream / _MPD, stream / _MASTER
    text = mpd.read_text("utf-8")
    representations = read_mpd(text, _MPD)[1]
    zero = _hls_zero(representations)
    offset = next(each.offset for each in representations if each.kind == "video")
    (stream / JSON).write_text(_json(spans, timeline.timescale, zero), "utf-8")
    (stream / VTT).write_text(_vtt(spans, timeline.timescale, zero), "utf-8")
    master.write_text(with_session_data(master.read_text("utf-8")), "utf-8")
    mpd.write_text(_with_events(text, spans, timeline.timescale, offset), "utf-8")


def verify_stream_chapters(stream: Path, chapters: Sequence[Chapter], timeline: Timeline) -> None:
    """Raise `ProofError` unless HLS and DASH have exactly these chapters, each starting at its frame."""
    titles = [each.title for each in chapters]
    starts = [Fraction(int(timeline.pts[each.frame]), timeline.timescale) for each in chapters]
    text = (stream / _MPD).read_text("utf-8")
    events = list(ET.fromstring(text).iter(_EVENT))  # noqa: S314 - verified to be an MPD without entities
    event_starts = [Fraction(int(each.attrib["presentationTime"]), timeline.timescale) for each in events]
    require_stream([each.text for each in events] == titles and event_starts == starts, _MPD, _WRONG)
    referenced = _TAG in (stream / _MASTER).read_text("utf-8")
    require_stream(referenced == bool(chapters) == (stream / JSON).is_file(), _MASTER, _WRONG)
    if chapters:
        zero = _hls_zero(read_mpd(text, _MPD)[1])
        entries = json.loads((stream / JSON).read_text("utf-8"))
        require_stream([each["titles"][0]["title"] for each in entries] == titles, JSON, _WRONG)
        delays = [
            Fraction(str(each["start-time"])) - (start - zero)
            for each, start in zip(entries[1:], starts[1:], strict=True)
        ]
        require_stream(all(0 <= each <= Fraction(1, 1000) for each in delays), JSON, _WRONG)


def with_session_data(text: str) -> str:
    """The master playlist `text` with one reference to the JSON chapters (RFC 8216 section 4.3.4.4)."""
    return _HEAD.sub(lambda found: found[0] + _TAG, text.replace(_TAG, ""), count=1)


def _spans(chapters: Sequence[Chapter], timeline: Timeline) -> list[_Span]:
    starts = [int(timeline.pts[each.frame]) for each in chapters]
    ends = [*starts[1:], timeline.end]
    return [
        _Span(start=start, end=end, title=each.title)
        for start, end, each in zip(starts, ends, chapters, strict=True)
    ]


def _hls_zero(representations: Sequence[Representation]) -> Fraction:
    """The zero (s) of the timeline of HLS players: the start of the first segment of all."""
    return min(Fraction(each.starts[0], each.timescale) for each in representations)


def _json(spans: Sequence[_Span], timescale: int, zero: Fraction) -> str:
    """Apple's JSON chapters, in seconds rounded up, so that no player shows the frame before."""
    entries = []
    for number, span in enumerate(spans, 1):
        start, end = (
            ceil((Fraction(tick, timescale) - zero) * 1_000_000) / 1e6 for tick in (span.start, span.end)
        )
        entries.append(
            {
                "chapter": number,
                "start-time": start,
                "duration": round(end - start, 6),
                "titles": [{"language": "en", "title": span.title}],
            }
        )
    return json.dumps(entries, indent=1) + "\n"


def _vtt(spans: Sequence[_Span], timescale: int, zero: Fraction) -> str:
    """A chapters track (W3C WebVTT section 5)."""
    cues = ["WEBVTT\n"]
    for number, span in enumerate(spans, 1):
        start, end = (ceil((Fraction(tick, timescale) - zero) * 1000) for tick in (span.start, span.end))
        cues.append(
            f"{number}\n{_clock(start)} --> {_clock(max(end, start + 1))}\n"
            f"{escape(span.title, quote=False)}\n"
        )
    return "\n".join(cues)


def _clock(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def _with_events(text: str, spans: Sequence[_Span], timescale: int, offset: int) -> str:
    """The MPD `text` with an event for each chapter (ISO/IEC 23009-1 section 5.10.2).

    The period starts at tick `offset`, as it does for the video.
    """
    start = f' presentationTimeOffset="{offset}"' if offset else ""
    rows = "".join(
        f'      <Event presentationTime="{each.start}" duration="{each.end - each.start}" id="{number}">'
        f"{escape(each.title, quote=False)}</Event>\n"
        for number, each in enumerate(spans, 1)
    )
    head = f'<EventStream schemeIdUri="{SCHEME}" timescale="{timescale}"{start}>'
    stream = f"    {head}\n{rows}    </EventStream>\n"
    return re.sub(r"(<Period[^>]*>\n)", lambda found: found[1] + stream, text, count=1)
