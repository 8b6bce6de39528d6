"""Detects compressed movie headers of QuickTime: a moov box with cmov instead of its tables.

QuickTime File Format, "Compressed Movie Resources". Only old QuickTime programs write them, and few programs
read them, so such files are rejected with a specific error.
"""

from __future__ import annotations

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.boxes import Box


def require_uncompressed(moov: Box) -> None:
    """Raise `UnsupportedError` if the movie header is compressed."""
    if moov.find("cmov") is not None:
        raise UnsupportedError(
            "the index is compressed (a QuickTime movie with a compressed header, cmov)",
            remedy="remux it without compression: ffmpeg -i IN.mov -map 0 -c copy OUT.mov",
            reason="compressed-index",
        )
