"""Dolby Vision streams: which of them can be processed by their base layer.

A base layer compatible with SDR, HDR10 or HLG is processed as such, and the dynamic metadata is omitted.
Profile 5 has no such layer: its frames are in the IPT color space, and look green and violet if they are
decoded as YCbCr.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.core.errors import UnsupportedError
from eddyline.media.left_out.report import LeftOut
from eddyline.mp4.entries.dolby_vision import DolbyVision

# Profiles whose base layer is compatible even if the configuration does not say so (older configurations).
_COMPATIBLE_PROFILES = frozenset({4, 7})
_PROFILE_5 = 5


def require_base_layer(found: DolbyVision | None) -> None:
    """Raise `UnsupportedError` for a stream whose base layer cannot be shown without Dolby Vision."""
    if found is None or found.compatibility or found.profile in _COMPATIBLE_PROFILES:
        return
    is_profile_5 = found.profile in {0, _PROFILE_5}
    name = "profile 5" if is_profile_5 else str(found)
    raise UnsupportedError(
        f"the video is Dolby Vision {name}: it needs a Dolby Vision decoder",
        remedy="export it as Dolby Vision profile 8, HDR10, HLG or SDR with the program that made it",
        reason="dolby-vision-profile-5" if is_profile_5 else "dolby-vision",
    )


def left_out_enhancement(found: DolbyVision | None) -> tuple[LeftOut, ...]:
    """List the dynamic metadata of a stream that is processed by its base layer."""
    if found is None:
        return ()
    return (
        LeftOut(
            kind="metadata",
            what=f"Dolby Vision {found} enhancement metadata",
            why="the base layer is processed, without the dynamic metadata",
        ),
    )


def parse_stream(stream: Mapping[str, Any]) -> DolbyVision | None:
    """Parse ffprobe's description of a stream ("DOVI configuration record" in its side data)."""
    data: Sequence[Mapping[str, Any]] = stream.get("side_data_list", ())
    for each in data:
        if "dv_profile" in each:
            return DolbyVision(
                profile=int(each["dv_profile"]),
                compatibility=int(each.get("dv_bl_signal_compatibility_id", 0)),
                base_layer=bool(int(each.get("bl_present_flag", 1))),
            )
    return None
