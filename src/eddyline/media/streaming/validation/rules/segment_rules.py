"""Rules of the segments themselves: readable, continuous, as long as stated, starting with keyframes."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from eddyline.media.streaming.validation.hls_model import MediaPlaylist
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.presentation_rules import frame_of
from eddyline.media.streaming.validation.stream_model import MeasuredSegment, MeasuredTrack, Stream

_HALF = Fraction(1, 2)
_ROUNDING_S = Fraction(1, 1000)
_KEYFRAME_S = 2


def _measured(stream: Stream) -> Iterator[tuple[MediaPlaylist, MeasuredTrack]]:
    """Media playlists of all frames with their measurements."""
    for playlist in stream.media.values():
        track = stream.tracks.get(playlist.name)
        if track is not None and not playlist.iframes_only:
            yield playlist, track


def _is_video(track: MeasuredTrack) -> bool:
    return track.entry is not None and track.entry.kind == "video"


def _at(playlist: MediaPlaylist, segment: MeasuredSegment, actual: str, required: str) -> Violation:
    entry = playlist.entries[segment.index]
    place = f"line {entry.line}, {entry.uri}"
    return Violation(file=playlist.name, place=place, actual=actual, required=required)


def _exist(stream: Stream) -> Iterator[Violation]:
    for each in stream.unreadable:
        if each.segment:
            yield Violation(file=each.file, place=each.place, actual=each.reason, required="a file")
    for playlist in stream.media.values():
        track = stream.tracks.get(playlist.name)
        for entry, size in zip(playlist.entries, track.sizes if track else (), strict=False):
            if size == 0:
                place = f"line {entry.line}, {entry.uri}"
                yield Violation(file=playlist.name, place=place, actual="0 bytes", required="media")


def _readable(stream: Stream) -> Iterator[Violation]:
    for playlist, track in _measured(stream):
        if track.problem:
            required = "an initialization segment of MP4"
            yield Violation(file=playlist.name, place="#EXT-X-MAP", actual=track.problem, required=required)
        for segment in track.segments:
            if segment.problem:
                yield _at(playlist, segment, segment.problem, "a segment of fragmented MP4")


def _keyframes(stream: Stream) -> Iterator[Violation]:
    for playlist, track in _measured(stream):
        for segment in track.readable:
            if _is_video(track) and not segment.keyframe:
                yield _at(playlist, segment, "its first frame depends on others", "a keyframe (IDR)")


def _continuous(stream: Stream) -> Iterator[Violation]:
    for playlist, track in _measured(stream):
        for before, after in pairwise(track.readable):
            adjacent = after.index == before.index + 1
            if not adjacent or playlist.entries[after.index].discontinuity:
                continue
            if abs(after.decode_start - before.decode_end) > _ROUNDING_S:
                actual = f"decoding starts at {float(after.decode_start):.4f} s"
                required = f"{float(before.decode_end):.4f} s, when the segment before ends"
                yield _at(playlist, after, actual, required)


def _accurate(stream: Stream) -> Iterator[Violation]:
    for playlist, track in _measured(stream):
        found = track.readable
        if not found or any(entry.discontinuity for entry in playlist.entries):
            continue
        first = found[0]
        for segment in found[1:]:
            actual = segment.start - first.start
            stated = playlist.starts[segment.index] - playlist.starts[first.index]
            if abs(actual - stated) > segment.longest + _ROUNDING_S:
                text = f"starts {float(actual):.4f} s after the first, by EXTINF {float(stated):.4f} s"
                yield _at(playlist, segment, text, "equal to within a frame")
                break
        last = found[-1]
        stated = playlist.entries[last.index].duration or Fraction(0)
        if abs(last.end - last.start - stated) > last.longest + _ROUNDING_S:
            text = f"lasts {float(last.end - last.start):.4f} s, by EXTINF {float(stated):.4f} s"
            yield _at(playlist, last, text, "equal to within a frame")


def _target(stream: Stream) -> Iterator[Violation]:
    for playlist, track in _measured(stream):
        for segment in track.readable:
            length = segment.end - segment.start
            # A frame less: the last frame may last longer than those before.
            if playlist.target and int(length - segment.longest + _HALF) > playlist.target:
                required = f"rounded, at most the target of {playlist.target} s"
                yield _at(playlist, segment, f"lasts {float(length):.3f} s", required)


def _matching(stream: Stream) -> Iterator[Violation]:
    """Segments with equal numbers have equal times in all video variants with as many segments."""
    reference: tuple[MediaPlaylist, dict[int, MeasuredSegment], Fraction] | None = None
    for variant in stream.video_variants:
        track = stream.tracks.get(variant.playlist.name) if variant.playlist else None
        if variant.playlist is None or track is None or not track.readable or not _is_video(track):
            continue
        times = {each.index: each for each in track.readable}
        if reference is None:
            reference = (variant.playlist, times, frame_of(variant))
            continue
        first, expected, frame = reference
        if len(first.entries) != len(variant.playlist.entries):
            continue
        allowed = max(frame, frame_of(variant)) / 2
        for index in sorted(times.keys() & expected.keys()):
            if abs(times[index].start - expected[index].start) > allowed:
                actual = f"starts at {float(times[index].start):.4f} s"
                required = f"{float(expected[index].start):.4f} s, as in {first.name}"
                yield _at(variant.playlist, times[index], actual, required)
                break


def _iframes(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        track = stream.tracks.get(playlist.name)
        for segment in track.segments if track and playlist.iframes_only else ():
            if segment.problem or segment.frames != 1 or not segment.keyframe:
                actual = segment.problem or f"{segment.frames} frames"
                yield _at(playlist, segment, actual, "a moof box and an mdat box with one I-frame")


def _key_interval(stream: Stream) -> Iterator[Violation]:
    for playlist, track in _measured(stream):
        worst = max(track.readable, key=lambda each: each.keyframe_interval, default=None)
        if _is_video(track) and worst and worst.keyframe_interval > _KEYFRAME_S + worst.longest:
            actual = f"a keyframe after {float(worst.keyframe_interval):.3f} s"
            yield _at(playlist, worst, actual, f"every {_KEYFRAME_S} s")


def _time_map(stream: Stream) -> Iterator[Violation]:
    for playlist, track in _measured(stream):
        if track.text_map is False:
            place = "WebVTT files"
            required = "X-TIMESTAMP-MAP in the header"
            yield Violation(file=playlist.name, place=place, actual="no X-TIMESTAMP-MAP", required=required)


RULES: tuple[Rule, ...] = (
    must(
        "RFC8216-6.2.1:segments",
        "Every segment exists and is not empty.",
        "publish the segment, or remove it from the playlist",
        _exist,
    ),
    must(
        "RFC8216-3.3",
        "Initialization segment and media segments are valid fragmented MP4.",
        "package the stream again",
        _readable,
    ),
    must(
        "APPLE-7.4",
        "A video segment starts with a keyframe.",
        "segment at keyframes, with closed GOPs",
        _keyframes,
    ),
    must(
        "APPLE-7.3",
        "The decode time of a segment is when the segment before ends (also item 7.1).",
        "package all segments with one timeline, or mark a discontinuity",
        _continuous,
    ),
    must(
        "APPLE-8.1",
        "The sum of EXTINF of contiguous segments is their actual duration, to within a frame.",
        "write EXTINF with microseconds, from the segments' times",
        _accurate,
    ),
    must(
        "RFC8216-4.3.3.1:actual",
        "The actual duration of a segment, rounded, is at most the target duration.",
        "increase EXT-X-TARGETDURATION in all playlists of audio and video",
        _target,
    ),
    must(
        "RFC8216-6.2.4",
        "Matching segments of all video variants have the same timestamps.",
        "encode all variants with the same timeline",
        _matching,
    ),
    must(
        "APPLE-6.10",
        "Each byte range of an I-frame playlist is a complete fragment with one I-frame.",
        "write each keyframe as a separate fragment",
        _iframes,
    ),
    should(
        "APPLE-1.13",
        "A keyframe is present every two seconds.",
        "encode with a shorter GOP (gop_s in a profile)",
        _key_interval,
    ),
    must(
        "APPLE-5.3",
        "WebVTT segments map their times to the media with X-TIMESTAMP-MAP.",
        "add X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000 below WEBVTT",
        _time_map,
    ),
)
