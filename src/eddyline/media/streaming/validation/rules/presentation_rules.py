"""Rules across media playlists: equal durations, targets, boundaries and discontinuities."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from eddyline.media.streaming.validation.hls_model import MediaPlaylist
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.stream_model import Stream, Variant

_AUDIO_S = Fraction(1, 2)  # by which audio may be shorter or longer than video
_AUDIO_BOUNDARY_S = Fraction(1, 10)  # audio frames last up to 64 ms
_FRAME_S = Fraction(1, 24)  # if the frame rate is unknown
_TEXT = (".vtt", ".webvtt", ".txt")


def frame_of(variant: Variant) -> Fraction:
    """The duration of a frame in seconds, by FRAME-RATE."""
    return Fraction(variant.rate).limit_denominator(10_000) ** -1 if variant.rate else _FRAME_S


def _video(stream: Stream) -> list[tuple[Variant, MediaPlaylist]]:
    """The complete playlists of variants with video."""
    found = [(each, each.playlist) for each in stream.video_variants]
    return [(each, playlist) for each, playlist in found if playlist and playlist.ended and playlist.entries]


def _rendition_playlists(stream: Stream, kind: str) -> list[MediaPlaylist]:
    found = [stream.playlist_of(each) for each in stream.renditions(kind) if each.uri]
    return [each for each in found if each and each.ended and each.entries]


def _targets(stream: Stream) -> Iterator[Violation]:
    playlists = [each for each in stream.av_playlists if each.target]
    most = max((each.target or 0 for each in playlists), default=0)
    for each in playlists:
        tag = each.first("#EXT-X-TARGETDURATION")
        if tag and each.target != most:
            required = f"{most} s, as in the others"
            yield Violation(file=each.name, place=tag.place, actual=f"{each.target} s", required=required)


def _durations(stream: Stream) -> Iterator[Violation]:
    video = _video(stream)
    if not video:
        return
    first, reference = video[0]
    for each, playlist in video[1:]:
        allowed = max(frame_of(first), frame_of(each)) * Fraction(3, 2)
        yield from _different(playlist, reference, allowed)
    for audio in _rendition_playlists(stream, "AUDIO"):
        yield from _different(audio, reference, _AUDIO_S)


def _subtitle_durations(stream: Stream) -> Iterator[Violation]:
    video = _video(stream)
    for playlist in _rendition_playlists(stream, "SUBTITLES"):
        if video and playlist.duration < video[0][1].duration - _AUDIO_S:
            yield from _different(playlist, video[0][1], _AUDIO_S)


def _iframe_durations(stream: Stream) -> Iterator[Violation]:
    video = _video(stream)
    for each in stream.iframes:
        if video and each.playlist and each.playlist.ended:
            yield from _different(each.playlist, video[0][1], _AUDIO_S)


def _different(playlist: MediaPlaylist, reference: MediaPlaylist, allowed: Fraction) -> Iterator[Violation]:
    if abs(playlist.duration - reference.duration) > allowed:
        actual = f"{float(playlist.duration):.3f} s"
        required = f"{float(reference.duration):.3f} s, as {reference.name}"
        yield Violation(file=playlist.name, place="the sum of EXTINF", actual=actual, required=required)


def _discontinuities(stream: Stream) -> Iterator[Violation]:
    playlists = [each for each in stream.av_playlists if each.ended]
    if not playlists:
        return
    expected = _discontinuity_times(playlists[0])
    for each in playlists[1:]:
        times = _discontinuity_times(each)
        near = all(abs(a - b) <= _AUDIO_S for a, b in zip(times, expected, strict=False))
        if len(times) != len(expected) or not near:
            actual = f"{len(times)} discontinuities"
            required = f"{len(expected)} at the times of {playlists[0].name}"
            yield Violation(file=each.name, place="#EXT-X-DISCONTINUITY", actual=actual, required=required)


def _discontinuity_times(playlist: MediaPlaylist) -> list[Fraction]:
    pairs = zip(playlist.entries, playlist.starts, strict=True)
    return [start for entry, start in pairs if entry.discontinuity]


def _boundaries(stream: Stream) -> Iterator[Violation]:
    video = _video(stream)
    if not video:
        return
    first, reference = video[0]
    for each, playlist in video[1:]:
        yield from _boundary(playlist, reference, max(frame_of(first), frame_of(each)) / 2)
    for audio in _rendition_playlists(stream, "AUDIO"):
        yield from _boundary(audio, reference, _AUDIO_BOUNDARY_S)


def _boundary(playlist: MediaPlaylist, reference: MediaPlaylist, allowed: Fraction) -> Iterator[Violation]:
    pairs = zip(playlist.starts, reference.starts, strict=False)
    different = next((place for place, (a, b) in enumerate(pairs) if abs(a - b) > allowed), None)
    if different is None and len(playlist.entries) == len(reference.entries):
        return
    if different is None:
        actual, required = f"{len(playlist.entries)} segments", f"{len(reference.entries)} segments"
        place = "the playlist"
    else:
        entry = playlist.entries[different]
        place = f"line {entry.line}, {entry.uri}"
        actual = f"starts at {float(playlist.starts[different]):.3f} s"
        required = f"{float(reference.starts[different]):.3f} s"
    yield Violation(
        file=playlist.name, place=place, actual=actual, required=f"{required}, as {reference.name}"
    )


def _subtitle_format(stream: Stream) -> Iterator[Violation]:
    for playlist in _rendition_playlists(stream, "SUBTITLES"):
        entry = playlist.entries[0]
        if entry.init is None and not entry.uri.partition("?")[0].lower().endswith(_TEXT):
            place = f"line {entry.line}, {entry.uri}"
            required = "WebVTT files (.vtt), or fragmented MP4 with EXT-X-MAP"
            yield Violation(file=playlist.name, place=place, actual=entry.uri, required=required)


RULES: tuple[Rule, ...] = (
    must(
        "APPLE-8.2",
        "All playlists of audio and video have the same target duration.",
        "write the largest target duration to all playlists",
        _targets,
    ),
    must(
        "APPLE-8.3",
        "Audio and video playlists have the same duration: variants to a frame, audio to half a second.",
        "encode all variants from the same range of the source",
        _durations,
    ),
    must(
        "APPLE-5.5",
        "Subtitle playlists last as long as the video.",
        "extend the subtitle playlist to the end, with empty segments if necessary",
        _subtitle_durations,
    ),
    must(
        "APPLE-8.7",
        "I-frame playlists cover the same time range as the video.",
        "list the I-frames of the whole video",
        _iframe_durations,
    ),
    must(
        "APPLE-8.15",
        "All variants and renditions have discontinuities at the same times.",
        "write EXT-X-DISCONTINUITY at the same times in all playlists",
        _discontinuities,
    ),
    should(
        "APPLE-8.22",
        "All variants and renditions have segment boundaries at the same times.",
        "cut all variants at the same frames, audio at the frame that is nearest",
        _boundaries,
    ),
    must(
        "APPLE-5.2",
        "Subtitles are WebVTT files, or fragmented MP4.",
        "convert the subtitles to WebVTT",
        _subtitle_format,
    ),
)
