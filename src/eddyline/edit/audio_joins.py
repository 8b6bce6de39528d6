"""How PCM is made to fit between two chapters: extended with silence, or cut short, by whole frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.movie import Track

_SILENCE_FRAMES = 1024
_MOST_SILENCE = 4_050_000  # blocks: a day at 48 kHz


def frame_ticks(tracks: Sequence[Track]) -> int:
    """Ticks of one unit (a frame of PCM) where all the tracks have units of one duration; else 0."""
    found: set[int] = set()
    for track in tracks:
        samples = track.samples
        if not track.unit_bytes or not len(samples):
            return 0
        ticks = samples.duration * track.unit_bytes // samples.size
        if track.units is not None and track.units.samples > 1:  # the last packet may count for less
            ticks = ticks[:1]
        found |= {int(ticks.min()), int(ticks.max())}
    return found.pop() if len(found) == 1 else 0


def silence_blocks(ticks: int, tick: int) -> Ints:
    """The durations of blocks of frames of `tick` ticks that together last `ticks`."""
    full, rest = divmod(ticks, _SILENCE_FRAMES * tick)
    if full > _MOST_SILENCE:
        raise UnsupportedError(
            "the audio of a chapter is shorter than its video by more than a day",
            remedy="merge the chapters as the camera wrote them",
            reason="limits",
        )
    return np.array([_SILENCE_FRAMES * tick] * full + [rest] * bool(rest), np.int64)


def silence_sizes(ticks: int, track: Track) -> Ints:
    """int64[n]: the bytes of the blocks of silence that last `ticks` in a track of units."""
    tick = _unit_ticks(track)
    return silence_blocks(ticks, tick) // tick * track.unit_bytes


def shortened(values: Ints, by: int) -> Ints:
    """The values without the last `by` of their sum."""
    ends = np.minimum(np.cumsum(values), max(int(values.sum()) - by, 0))
    kept = np.diff(np.concatenate(([0], ends)))
    return kept[kept > 0]


def join_bytes(ticks: int, track: Track) -> int:
    """The bytes that last `ticks` in a track of units."""
    return ticks // _unit_ticks(track) * track.unit_bytes


def _unit_ticks(track: Track) -> int:
    return int(track.samples.duration[0]) * track.unit_bytes // int(track.samples.size[0])
