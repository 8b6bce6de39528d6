"""Content of the video track that renditions omit: an alpha channel, a second view, a projection."""

from __future__ import annotations

from typing import Final

from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.source import VideoFacts
from eddyline.media.video.colours import has_alpha
from eddyline.media.video.spherical import read_spherical
from eddyline.mp4.entries.visual_entry import entry_kinds
from eddyline.mp4.movie import Track

_OPAQUE: Final = "renditions are opaque; colors are kept unchanged, regardless of the alpha channel"
_BASE_VIEW: Final = "renditions have the base view"
_TRANSFORMED: Final = "the frames are rotated or cropped for display, and it describes them as coded"
_APPLE: Final = "Apple's description of projection and views (vexu) is not supported"


def left_out_video(track: Track, facts: VideoFacts) -> tuple[LeftOut, ...]:
    """List the omitted content of the track that is processed."""
    found = []
    kinds = entry_kinds(track.stsd)
    if has_alpha(facts.pixel_format):
        found.append(LeftOut(kind="video", what=f"the alpha channel ({facts.pixel_format})", why=_OPAQUE))
    if "lhvC" in kinds:
        found.append(LeftOut(kind="video", what="the second view of stereo video (MV-HEVC)", why=_BASE_VIEW))
    metadata = read_spherical(track)
    if metadata is not None and not facts.projection:
        what = f"spherical metadata ({metadata.projection})"
        found.append(LeftOut(kind="spherical", what=what, why=_TRANSFORMED))
    if "vexu" in kinds and metadata is None:
        found.append(LeftOut(kind="spherical", what="spatial video metadata (vexu)", why=_APPLE))
    return tuple(found)
