"""Fisheye video of Insta360 cameras, whose lenses are not stitched."""

from __future__ import annotations

from typing import Final

from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.source import VideoFacts
from eddyline.mp4.byte_ranges import ByteRanges

TRAILER_ID: Final = b"8db42d694ccc418790edff439fe026bf"
"""The last bytes of a recording; settings, gyroscope and positions of the camera are before them."""

_STITCH: Final = "lenses are not stitched: export the sphere from Insta360 Studio and process that file"


def left_out_lens(src: ByteRanges, video: VideoFacts) -> tuple[LeftOut, ...]:
    """The projection of an Insta360 recording that has one lens in each square frame; else nothing.

    Such recordings (.insv) have no spherical metadata; a second lens is a second track, or a second file.
    Recordings of other modes have frames wider than high.
    """
    if video.width != video.height or src.size < len(TRAILER_ID):
        return ()
    if src.read(src.size - len(TRAILER_ID), len(TRAILER_ID)) != TRAILER_ID:
        return ()
    return (LeftOut(kind="spherical", what="the fisheye projection of an Insta360 lens", why=_STITCH),)
