"""What of the video track itself its renditions do not carry: transparency, a second eye, a projection."""

from __future__ import annotations

from typing import Final

from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.source import VideoFacts
from eddyline.media.video.colours import has_alpha
from eddyline.media.video.spherical import read_spherical
from eddyline.mp4.entries.visual_entry import entry_kinds
from eddyline.mp4.movie import Track

_OPAQUE: Final = "renditions are opaque; colors are kept as they are, whatever the alpha channel says"
_ONE_EYE: Final = "renditions have the base view"
_TURNED: Final = "the frames are turned or cropped for display, and it describes them as they are coded"
_APPLE: Final = "Apple's description of projection and eyes (vexu) is not carried"


def left_out_video(track: Track, facts: VideoFacts) -> tuple[LeftOut, ...]:
    """What is not carried of the track that is processed."""
    found = []
    kinds = entry_kinds(track.stsd)
    if has_alpha(facts.pixel_format):
        found.append(LeftOut(kind="video", what=f"the alpha channel ({facts.pixel_format})", why=_OPAQUE))
    if "lhvC" in kinds:
        found.append(LeftOut(kind="video", what="the second view of stereo video (MV-HEVC)", why=_ONE_EYE))
    metadata = read_spherical(track)
    if metadata is not None and not facts.projection:
        what = f"spherical metadata ({metadata.projection})"
        found.append(LeftOut(kind="spherical", what=what, why=_TURNED))
    if "vexu" in kinds and metadata is None:
        found.append(LeftOut(kind="spherical", what="spatial video metadata (vexu)", why=_APPLE))
    return tuple(found)
