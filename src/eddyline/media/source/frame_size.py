"""The largest supported frame size."""

from __future__ import annotations

from typing import Final

from eddyline.core.errors import InputError

MAX_SIDE: Final = 16_384  # pixels; the limit of AV1 and HEVC level 6.2
MAX_PIXELS: Final = 268_435_456  # pixels, 16384 x 16384


def check_frame_size(width: int, height: int) -> None:
    """Raise `InputError` for a frame with more pixels than any camera produces."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputError(
            f"the header declares a frame of {width}x{height}; the maximum is {MAX_SIDE} pixels a side",
            remedy="do not process the file if it is damaged or malicious; otherwise scale it down first",
            reason="too-large",
        )
