"""Fits PCM audio between two chapters: extends it with silence or shortens it, by whole audio frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.movie import Track

_SILENCE_FRAMES = 1024
_MAX_SILENCE_BLOCKS = 4_050_000  # one day at 48 kHz


def frame_ticks(tracks: Sequence[Track]) -> int:
    """Return the duration in ticks of one unit (a PCM frame) if it is equal in all tracks, else 0."""
    found: set[int] = set()
    for track in tracks:
        samples = track.samples
        if not track.unit_bytes or not len(samples):
            return 0
        ticks = samples.duration * track.unit_bytes // samples.size
        if track.units is not None and track.units.samples > 1:  # the last packet may be shorter
            ticks = ticks[:1]
        found |= {int(ticks.min()), int(ticks.max())}
    return found.pop() if len(found) == 1 else 0


def silence_blocks(ticks: int, tick: int) -> Ints:
    """Split `ticks` into blocks of at most 1024 frames of `tick` ticks; returns the durations, int64[n]."""
    full, rest = divmod(ticks, _SILENCE_FRAMES * tick)
    if full > _MAX_SILENCE_BLOCKS:
        raise UnsupportedError(
            "the audio of a chapter is shorter than its video by more than a day",
            remedy="merge the chapters as the camera wrote them",
            reason="limits",
        )
    return np.array([_SILENCE_FRAMES * tick] * full + [rest] * bool(rest), np.int64)


def silence_sizes(ticks: int, track: Track) -> Ints:
    """Return the sizes in bytes, int64[n], of the silence blocks that last `ticks` in `track`."""
    tick = _unit_ticks(track)
    return silence_blocks(ticks, tick) // tick * track.unit_bytes


def shorten(values: Ints, by: int) -> Ints:
    """Remove `by` from the end of consecutive durations or sizes; drops values that become 0."""
    ends = np.minimum(np.cumsum(values), max(int(values.sum()) - by, 0))
    kept = np.diff(np.concatenate(([0], ends)))
    return kept[kept > 0]


def join_bytes(ticks: int, track: Track) -> int:
    """Return how many bytes last `ticks` in `track`."""
    return ticks // _unit_ticks(track) * track.unit_bytes


def _unit_ticks(track: Track) -> int:
    return int(track.samples.duration[0]) * track.unit_bytes // int(track.samples.size[0])
