"""WebVTT in MP4 (ISO/IEC 14496-30 section 5, "wvtt"), which FFmpeg does not read."""

from __future__ import annotations

from collections.abc import Iterator

from eddyline.core.timebase import rescale
from eddyline.media.subtitles.cues import Cue, check_count, sort_cues, webvtt_cue
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.slice import iter_samples

_HEADER = 8


def read_cues(src: ByteRanges, movie: Movie, track: Track) -> tuple[Cue, ...]:
    """The cues of a wvtt track, in movie time; one cut into several samples is one cue again.

    Raises `InputError` beyond the limits of `subtitles`.
    """
    shift = round(movie.time_offset(track) * 1000)
    found: list[Cue] = []
    open_: dict[bytes, Cue] = {}  # those that last until where the next sample begins
    times = zip(track.samples.pts.tolist(), track.samples.duration.tolist(), strict=True)
    for (tick, length), data in zip(times, iter_samples(src, track), strict=True):
        start = rescale(tick, track.timescale, 1000) + shift
        end = rescale(tick + length, track.timescale, 1000) + shift
        now: dict[bytes, Cue] = {}
        for body in _cues(data):
            before = open_.get(body)
            begun = before.start if before is not None and before.end == start else start
            now[body] = webvtt_cue(begun, end, _text(body), top=_is_at_top(body))
        found += [each for body, each in open_.items() if body not in now or now[body].start != each.start]
        open_ = now
        check_count(len(found) + len(open_))
    found += open_.values()
    return sort_cues(found)


def _cues(sample: bytes) -> list[bytes]:
    """The bodies of the cue boxes of a sample, each once."""
    bodies = dict.fromkeys(body for kind, body in _boxes(sample) if kind == b"vttc")
    check_count(len(bodies))
    return list(bodies)


def _is_at_top(body: bytes) -> bool:
    settings = next((data for kind, data in _boxes(body) if kind == b"sttg"), b"")
    return b"line:0" in settings.split()


def _text(body: bytes) -> str:
    """The payload of a cue."""
    payload = next((data for kind, data in _boxes(body) if kind == b"payl"), b"")
    return payload.decode("utf-8", "replace")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _HEADER <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if not _HEADER <= size <= len(data) - at:
            return
        yield data[at + 4 : at + 8], data[at + _HEADER : at + size]
        at += size
