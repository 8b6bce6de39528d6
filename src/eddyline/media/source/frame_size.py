"""The largest frame that is processed."""

from __future__ import annotations

from typing import Final

from eddyline.core.errors import InputError

MAX_SIDE: Final = 16_384  # pixels; AV1 and HEVC level 6.2 end there
MAX_PIXELS: Final = 268_435_456  # pixels, 16384 x 16384


def check_frame_size(width: int, height: int) -> None:
    """Raise `InputError` for a picture of more pixels than any camera gives."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputError(
            f"the header claims a picture of {width}x{height}; {MAX_SIDE} pixels a side is the most",
            remedy="the file is damaged or made to harm; if it is real, scale it down first",
            reason="too-large",
        )
