"""The tracks of a source that renditions contain unchanged: telemetry, time codes, other metadata."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track

# Telemetry and timecode by kind, other metadata by handler, and GoPro's frame description by format.
_DATA_KINDS = frozenset({"telemetry", "timecode"})
_DATA_HANDLERS, _DATA_FORMATS = frozenset({"meta"}), frozenset({"fdsc"})


def data_tracks(movie: Movie, src: ByteRanges) -> Sequence[Track]:
    """The source's tracks to copy unchanged, in file order, without those that cannot be read."""
    return [track for track in movie.tracks if _is_data(track) and _is_readable(track, src)]


def _is_data(track: Track) -> bool:
    is_known = track.kind in _DATA_KINDS or track.format in _DATA_FORMATS
    return is_known or (track.kind == "other" and track.handler in _DATA_HANDLERS)


def _is_readable(track: Track, src: ByteRanges) -> bool:
    samples = track.samples
    if track.encrypted or not track.media_header or not len(samples):
        return False
    inside = (samples.offset >= 0) & (samples.size >= 0) & (samples.offset + samples.size <= src.size)
    # Telemetry must be complete: if it is truncated, verification must fail instead of dropping the track.
    return track.kind == "telemetry" or bool(inside.all())
