"""The frame rate of a player's frame counter and single steps, from a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eddyline.core.numbers import parse_rational


@dataclass(frozen=True, kw_only=True)
class PlaybackRate:
    """The rate of the fastest rendition, which shows every `step`-th source frame.

    `fps` is in frames/s (0 if it varies), `frames` the number of its frames.
    """

    fps: float
    frames: int
    step: int


def playback_rate(manifest: Mapping[str, Any]) -> PlaybackRate:
    """The rate of the fastest rendition: the source's, unless the profile limits it."""
    video = manifest["source"]["video"]
    source = parse_rational(str(video["fps"]))
    # Manifests of earlier versions state no rates: all renditions have that of the source.
    fastest = max(
        (parse_rational(str(each.get("fps", video["fps"]))) for each in manifest["renditions"]),
        default=source,
    )
    step = max(1, round(source / fastest)) if fastest > 0 else 1
    return PlaybackRate(
        fps=0.0 if video["variable_rate"] else float(source / step),
        frames=-(-int(video["frames"]) // step),
        step=step,
    )
