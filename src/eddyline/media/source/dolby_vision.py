"""Which Dolby Vision streams can be shown by their base layer alone.

A base layer that is compatible with SDR, HDR10 or HLG is processed as that, and the dynamic metadata is left
out. Profile 5 has none: its frames are in IPT colours, which look green and violet when taken for YCbCr.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eddyline.core.errors import UnsupportedError
from eddyline.media.left_out.report import LeftOut
from eddyline.mp4.entries.dolby_vision import DolbyVision

# By profile: what the base layer is where the compatibility is not written down (older configurations).
_COMPATIBLE_ALWAYS = frozenset({4, 7})
_PROFILE_5 = 5


def require_base_layer(found: DolbyVision | None) -> None:
    """Raise `UnsupportedError` for a stream whose base layer cannot be shown by itself."""
    if found is None or found.compatibility or found.profile in _COMPATIBLE_ALWAYS:
        return
    five = found.profile in {0, _PROFILE_5}
    raise UnsupportedError(
        f"the video is Dolby Vision {'profile 5' if five else found}: it needs a Dolby Vision decoder",
        remedy="export it as Dolby Vision profile 8, HDR10, HLG or SDR with the program that made it",
        reason="dolby-vision-profile-5" if five else "dolby-vision",
    )


def left_out_enhancement(found: DolbyVision | None) -> tuple[LeftOut, ...]:
    """The dynamic metadata of a stream that is processed by its base layer."""
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
    """What ffprobe reports of a stream ("DOVI configuration record" in its side data)."""
    data: Sequence[Mapping[str, Any]] = stream.get("side_data_list", ())
    for each in data:
        if "dv_profile" in each:
            return DolbyVision(
                profile=int(each["dv_profile"]),
                compatibility=int(each.get("dv_bl_signal_compatibility_id", 0)),
                base_layer=bool(int(each.get("bl_present_flag", 1))),
            )
    return None
