"""Frame rates of rungs: a rung shows every k-th frame of the source, so that each of its frames is exact.

If the profile asks for it (`deinterlace: fields`), both fields of an interlaced frame become frames first: 30
interlaced frames/s are 60 frames/s. Numbers in a plan (grid, chunks, frame steps) count these frames.
"""

from __future__ import annotations

from fractions import Fraction

from eddyline.media.ladder.profile import Profile
from eddyline.media.source.source import VideoFacts

# A rate slightly above the limit is within it: a variable rate, or 60 frames/s measured as 60.1.
_TOLERANCE = Fraction(101, 100)


def frame_step(fps: Fraction, limit: float | None) -> int:
    """The smallest k for which every k-th frame of `fps` frames/s is within `limit`: 2 for 120 and 60.

    `limit` None: 1, all frames.
    """
    if limit is None:
        return 1
    return max(1, -int(-fps // (Fraction(str(limit)) * _TOLERANCE)))


def fields_per_frame(profile: Profile, facts: VideoFacts) -> int:
    """How many frames a source frame becomes before frames are selected: 2 for separate fields, else 1.

    Times between irregular frames are not those of fields, so that a variable rate keeps its frames.
    """
    separate = profile.deinterlace == "fields" and facts.interlaced and not facts.variable_rate
    return 2 if separate else 1


def thinned_count(frames: int, step: int) -> int:
    """The number of frames of which every `step`-th of `frames` remains, beginning with the first."""
    return -(-frames // step)
