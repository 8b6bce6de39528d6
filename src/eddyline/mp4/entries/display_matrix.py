"""Display matrices: how the matrices of mvhd and tkhd place a decoded frame (ISO/IEC 14496-12 section 6.2.2).

A matrix is nine integers (a, b, u, c, d, v, x, y, w): the point (p, q, 1) of the frame, q downwards, is
displayed at (a*p + c*q + x, b*p + d*q + y). a to d, x and y are 16.16 fixed-point numbers, u, v and w are
2.30.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from eddyline.mp4.movie import IDENTITY_MATRIX

_SHIFTS = (16, 16, 30)


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """The display orientation of a frame: mirrored left to right first, then rotated.

    `rotation` is in degrees clockwise, 0 to 359; only multiples of 90 can be `mirrored`.
    """

    rotation: int = 0
    mirrored: bool = False


def multiply_matrices(track: tuple[int, ...], movie: tuple[int, ...]) -> tuple[int, ...]:
    """The matrix that applies the track's and then the movie's, in their fixed-point formats."""
    if movie == IDENTITY_MATRIX:
        return track
    return tuple(
        sum(track[3 * row + at] * movie[3 * at + column] >> _SHIFTS[at] for at in range(3))
        for row in range(3)
        for column in range(3)
    )


def orientation(matrix: tuple[int, ...]) -> Orientation:
    """The orientation that FFmpeg's autorotate derives from this matrix.

    See `ffmpeg_filter.c` and `av_display_rotation_get`. The angle is rounded to a degree. Scale and
    translation have no effect; a singular matrix has no angle and does not rotate. At multiples of 90
    degrees the signs of `c` and `d` decide whether the frame is mirrored as well. At other angles the frame
    is rotated within its own size, and mirroring is ignored.
    """
    a, b, _, c, d = matrix[:5]
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not (across and down):
        return Orientation()
    angle = round(math.degrees(math.atan2(b / down, a / across))) % 360
    mirrored = {0: d < 0, 90: c > 0, 180: d >= 0, 270: c < 0}.get(angle, False)
    if mirrored:  # mirroring adds 180 degrees to the computed angle
        return Orientation(rotation=(angle + 180) % 360, mirrored=True)
    # FFmpeg ignores rotations of one degree.
    return Orientation(rotation=0 if angle == 1 else angle)
