"""Reads WebVTT in MP4 (ISO/IEC 14496-30 section 5, "wvtt"), which FFmpeg does not support."""

from __future__ import annotations

from eddyline.core.timebase import rescale
from eddyline.media.subtitles.cues import Cue, check_count, sort_cues, webvtt_cue
from eddyline.mp4.boxes import find_box, iter_boxes
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.slice import iter_samples


def read_cues(src: ByteRanges, movie: Movie, track: Track) -> tuple[Cue, ...]:
    """Return the cues of a wvtt track in movie time; a cue split into several samples is rejoined.

    Raises `InputError` beyond the limits in `cues`.
    """
    shift = round(movie.time_offset(track) * 1000)
    found: list[Cue] = []
    open_: dict[bytes, Cue] = {}  # cues that may continue in the next sample
    times = zip(track.samples.pts.tolist(), track.samples.duration.tolist(), strict=True)
    for (tick, length), data in zip(times, iter_samples(src, track), strict=True):
        start = rescale(tick, track.timescale, 1000) + shift
        end = rescale(tick + length, track.timescale, 1000) + shift
        now: dict[bytes, Cue] = {}
        for body in _cues(data):
            previous = open_.get(body)
            first = previous.start if previous is not None and previous.end == start else start
            now[body] = webvtt_cue(first, end, _text(body), top=_is_at_top(body))
        found += [each for body, each in open_.items() if body not in now or now[body].start != each.start]
        open_ = now
        check_count(len(found) + len(open_))
    found += open_.values()
    return sort_cues(found)


def _cues(sample: bytes) -> list[bytes]:
    """Return the bodies of the cue boxes of a sample without duplicates."""
    bodies = dict.fromkeys(bytes(box.body) for box in iter_boxes(sample) if box.kind == "vttc")
    check_count(len(bodies))
    return list(bodies)


def _is_at_top(body: bytes) -> bool:
    return b"line:0" in find_box(body, "sttg").split()


def _text(body: bytes) -> str:
    """Return the payload of a cue."""
    return find_box(body, "payl").decode("utf-8", "replace")
