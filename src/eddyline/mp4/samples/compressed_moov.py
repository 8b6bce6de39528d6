"""Compressed movie headers of QuickTime: a moov box that holds cmov in place of its tables.

QuickTime File Format, "Compressed Movie Resources". Only old QuickTime programs write them, and few other
programs read them, so such a file is refused by name.
"""

from __future__ import annotations

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.boxes import Box


def require_uncompressed(moov: Box) -> None:
    """Raise `UnsupportedError` for a compressed movie header."""
    if moov.find("cmov") is not None:
        raise UnsupportedError(
            "the index is compressed (a QuickTime movie with a compressed header, cmov)",
            remedy="rewrap it without compression: ffmpeg -i IN.mov -map 0 -c copy OUT.mov",
            reason="compressed-index",
        )
