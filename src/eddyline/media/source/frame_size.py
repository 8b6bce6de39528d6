"""The largest frame that is processed."""

from __future__ import annotations

from typing import Final

from eddyline.core.errors import InputError

LARGEST_SIDE: Final = 16_384  # pixels; AV1 and HEVC level 6.2 end there
LARGEST_PICTURE: Final = 268_435_456  # pixels, 16384 x 16384


def check_size(width: int, height: int) -> None:
    """Raise `InputError` for a picture of more pixels than any camera gives."""
    if max(width, height) > LARGEST_SIDE or width * height > LARGEST_PICTURE:
        raise InputError(
            f"the header claims a picture of {width}x{height}; {LARGEST_SIDE} pixels a side is the most",
            remedy="the file is damaged or made to harm; if it is real, scale it down first",
            reason="too-large",
        )
