"""Rules of each media playlist: segments, durations, byte ranges, initialization, type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from eddyline.media.streaming.validation.hls_model import Entry, MediaPlaylist
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.stream_model import Stream

_RANGE = re.compile(r"\d{1,18}(?:@\d{1,18})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_KEY_METHODS = frozenset({"NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR"})
_FMP4 = (".m4s", ".mp4", ".cmfv", ".cmfa", ".cmft", ".m4v", ".m4a")
_HALF = Fraction(1, 2)
_EXCESS_S = 0.5  # Apple item 7.7
_TARGET_S = 6
_NEAR_S = 1.0  # 5 s to 7 s are nominally six


def _at(playlist: MediaPlaylist, entry: Entry, actual: str, required: str) -> Violation:
    place = f"line {entry.line}, {entry.uri}"
    return Violation(file=playlist.name, place=place, actual=actual, required=required)


def _target(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        tag = playlist.first("#EXT-X-TARGETDURATION")
        if not playlist.target:
            place = tag.place if tag else "#EXT-X-TARGETDURATION"
            actual = tag.value if tag else "missing"
            yield Violation(file=playlist.name, place=place, actual=actual, required="whole seconds above 0")


def _rounding(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        for entry in playlist.entries:
            # Half a second is rounded up (RFC 8216 says "rounded to the nearest integer").
            if playlist.target and entry.duration and int(entry.duration + _HALF) > playlist.target:
                actual = f"{float(entry.duration):.3f} s"
                yield _at(playlist, entry, actual, f"rounded, at most the target of {playlist.target} s")


def _extinf(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        for entry in playlist.entries:
            if entry.duration is None:
                yield _at(playlist, entry, "no valid EXTINF", "#EXTINF:seconds,")


def _byte_ranges(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        for tag in playlist.all("#EXT-X-BYTERANGE"):
            if not _RANGE.fullmatch(tag.value.strip()):
                yield Violation(
                    file=playlist.name, place=tag.place, actual=tag.value, required="length or length@offset"
                )


def _first_range(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        ranges = {tag.line: tag for tag in playlist.all("#EXT-X-BYTERANGE")}
        before = ""
        for entry in playlist.entries:
            tag = ranges.get(entry.line - 1) or ranges.get(entry.line - 2)
            if entry.byte_range and tag and "@" not in tag.value and entry.uri != before:
                yield _at(playlist, entry, tag.value, "an offset: it follows no range of the same file")
            before = entry.uri if entry.byte_range else ""


def _map(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        for tag in playlist.all("#EXT-X-MAP"):
            if not tag.attributes.get("URI"):
                yield Violation(file=playlist.name, place=tag.place, actual="no URI", required='URI="..."')
        for entry in playlist.entries:
            path = entry.uri.partition("?")[0].lower()
            if entry.init is None and path.endswith(_FMP4):
                yield _at(playlist, entry, "no EXT-X-MAP", "an EXT-X-MAP before the segment")
                break


def _sequence(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        first = playlist.entries[0].line if playlist.entries else 0
        for name in ("#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE"):
            tag = playlist.first(name)
            if tag and (not _WHOLE.fullmatch(tag.value.strip()) or (first and tag.line > first)):
                yield Violation(
                    file=playlist.name,
                    place=tag.place,
                    actual=tag.value,
                    required="a whole number, before the first segment",
                )


def _type(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        tag = playlist.first("#EXT-X-PLAYLIST-TYPE")
        if tag and playlist.kind not in {"VOD", "EVENT"}:
            yield Violation(file=playlist.name, place=tag.place, actual=tag.value, required="VOD or EVENT")


def _vod(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        if playlist.ended and not playlist.kind:
            yield Violation(
                file=playlist.name, place="#EXT-X-PLAYLIST-TYPE", actual="missing", required="VOD or EVENT"
            )


def _vod_ends(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        if playlist.kind == "VOD" and not playlist.ended:
            yield Violation(
                file=playlist.name, place="#EXT-X-ENDLIST", actual="missing", required="#EXT-X-ENDLIST"
            )


def _segments(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        if not playlist.entries and (playlist.ended or playlist.kind):
            yield Violation(
                file=playlist.name, place="the playlist", actual="no segment", required="segments"
            )


def _keys(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        for tag in playlist.all("#EXT-X-KEY"):
            method = tag.attributes.get("METHOD", "")
            if method not in _KEY_METHODS:
                required = f"METHOD, one of {', '.join(sorted(_KEY_METHODS))}"
                yield Violation(file=playlist.name, place=tag.place, actual=method, required=required)
            elif method != "NONE" and not tag.attributes.get("URI"):
                yield Violation(file=playlist.name, place=tag.place, actual="no URI", required='URI="..."')


def _excess(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        for entry in playlist.entries:
            if playlist.target and entry.duration and entry.duration > playlist.target + _EXCESS_S:
                required = f"at most {playlist.target + _EXCESS_S} s"
                yield _at(playlist, entry, f"{float(entry.duration):.3f} s", required)


def _six_second_target(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.av_playlists:
        tag = playlist.first("#EXT-X-TARGETDURATION")
        if tag and playlist.target and playlist.target != _TARGET_S:
            actual = f"{playlist.target} s"
            yield Violation(file=playlist.name, place=tag.place, actual=actual, required=f"{_TARGET_S} s")


def _six_second_segments(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.av_playlists:
        lengths = [entry.duration for entry in playlist.entries[:-1] if entry.duration]
        nominal = sorted(lengths)[len(lengths) // 2] if lengths else None
        if nominal is not None and abs(nominal - _TARGET_S) > _NEAR_S:
            yield Violation(
                file=playlist.name,
                place="#EXTINF",
                actual=f"{float(nominal):.3f} s (median)",
                required=f"nominally {_TARGET_S} s",
            )


RULES: tuple[Rule, ...] = (
    must(
        "RFC8216-4.3.3.1",
        "A media playlist has an EXT-X-TARGETDURATION of whole seconds.",
        "add #EXT-X-TARGETDURATION with the longest segment duration, rounded",
        _target,
    ),
    must(
        "RFC8216-4.3.3.1:rounding",
        "Each EXTINF, rounded to whole seconds, is at most the target duration.",
        "increase EXT-X-TARGETDURATION, in all playlists of audio and video",
        _rounding,
    ),
    must(
        "RFC8216-4.3.2.1",
        "Each segment has an EXTINF with a number that is not negative.",
        "add #EXTINF:seconds, before the URI",
        _extinf,
    ),
    must(
        "RFC8216-4.3.2.2",
        "EXT-X-BYTERANGE has a length and optionally an offset, in bytes.",
        "write #EXT-X-BYTERANGE:length@offset",
        _byte_ranges,
    ),
    must(
        "RFC8216-4.3.2.2:offset",
        "A byte range without an offset follows a byte range of the same file.",
        "add the offset",
        _first_range,
    ),
    must(
        "RFC8216-4.3.2.5",
        "EXT-X-MAP has a URI, and precedes every segment of fragmented MP4 (also Apple item 8.20).",
        'add #EXT-X-MAP:URI="init.mp4"',
        _map,
    ),
    must(
        "RFC8216-4.3.3.2",
        "Sequence numbers are whole numbers and precede the first segment.",
        "move the tag to the start of the playlist",
        _sequence,
    ),
    must(
        "RFC8216-4.3.3.5",
        "EXT-X-PLAYLIST-TYPE is VOD or EVENT.",
        "correct the type, or remove the tag",
        _type,
    ),
    must(
        "APPLE-8.6",
        "The playlists of static content have the playlist type VOD, or EVENT if they grew.",
        "add #EXT-X-PLAYLIST-TYPE:VOD",
        _vod,
    ),
    must(
        "RFC8216-6.2.1:end",
        "A VOD playlist, which never changes, has an EXT-X-ENDLIST.",
        "add #EXT-X-ENDLIST as the last line",
        _vod_ends,
    ),
    must(
        "RFC8216-6.2.1:segments-listed",
        "A playlist that is complete or of a type lists segments.",
        "list the segments, or remove the playlist",
        _segments,
    ),
    must(
        "RFC8216-4.3.2.4",
        "EXT-X-KEY has a known METHOD, and a URI unless the method is NONE.",
        "correct EXT-X-KEY",
        _keys,
    ),
    must(
        "APPLE-7.7",
        "No segment exceeds the target duration by more than 0.5 s.",
        "segment at keyframes that are closer together, or increase the target duration",
        _excess,
    ),
    should(
        "APPLE-7.5",
        "The target duration of audio and video is 6 s.",
        "package with segments of 6 s",
        _six_second_target,
    ),
    should(
        "APPLE-7.6",
        "Segments of audio and video last nominally 6 s.",
        "package with segments of 6 s (segment_s in a profile)",
        _six_second_segments,
    ),
)
