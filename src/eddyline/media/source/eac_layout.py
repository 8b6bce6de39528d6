"""The frames of GoPro MAX `.360` files: an equi-angular cube map (EAC) in two video tracks of equal size.

Each track has three faces of the cube side by side. The first has left, front, right; the second, turned by
90 degrees so that its upper edge is the right side of the cube, has down, back, up. A lens covers the centre
face and the nearer halves of all side faces. The two halves of a side face overlap: each continues for
`blend` pixels beyond the middle of the face, so that a strip of `2 * blend` pixels is in the track twice, to
the left and to the right of the face's middle.

The sizes were found by others on real files (Paul Bourke, "GoPro MAX 360 Action Cam movie layout/format";
trek-view/max2sphere; gmat/goproMax-ffmpeg-v5). That of 5888x1920 has not been checked on a real file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eddyline.core.errors import UnsupportedError


@dataclass(frozen=True, kw_only=True)
class EacLayout:
    """The layout of one track in pixels: its frame size, the width of a side face, and the overlap."""

    width: int
    height: int
    side: int
    blend: int

    @property
    def face(self) -> int:
        """The width of the centre face, which is square."""
        return self.width - 2 * self.side

    @property
    def strip(self) -> int:
        """The width of the strip that each side face has twice."""
        return 2 * self.blend

    @property
    def blended_side(self) -> int:
        """The width of a side face once its halves are blended. It shows 90 degrees, as the centre does."""
        return self.side - self.strip


LAYOUTS: Final = (
    EacLayout(width=4096, height=1344, side=1376, blend=32),
    EacLayout(width=2272, height=736, side=768, blend=16),
    EacLayout(width=5888, height=1920, side=1984, blend=64),
)


def find_layout(width: int, height: int) -> EacLayout | None:
    """The layout of tracks of this size; None if the size is unknown."""
    return next((each for each in LAYOUTS if (each.width, each.height) == (width, height)), None)


def require_layout(width: int, height: int) -> EacLayout:
    """The layout of tracks of this size. Raises `UnsupportedError` for an unknown size."""
    layout = find_layout(width, height)
    if layout is not None:
        return layout
    known = ", ".join(f"{each.width}x{each.height}" for each in LAYOUTS)
    raise UnsupportedError(
        f"360-degree video in two tracks of {width}x{height} has an unknown layout",
        remedy=f"export it as equirectangular MP4 with GoPro Player; known sizes are {known}",
        reason="eac-layout",
    )
