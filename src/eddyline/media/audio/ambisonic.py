"""Ambisonic audio: which tracks have it, and its decode to stereo.

A track is ambisonic if a valid SA3D box says so, or if it is the track that a GoPro MAX writes. Others with
four channels are not: they may be four microphones, or loudspeakers.

Stereo is what two cardioid microphones to the left and to the right record: (W + Y) / 2 and (W - Y) / 2 in
AmbiX (SN3D). The sum of the gains is 1. Head-locked stereo and this are mixed with a half of each.
"""

from __future__ import annotations

from typing import Final

from eddyline.media.audio.channel_layouts import ChannelMix
from eddyline.media.audio.downmix import StereoMatrix
from eddyline.mp4.entries.ambisonic import Ambisonics, read_ambisonics
from eddyline.mp4.movie import Track

LABEL: Final = "Ambisonic, as stereo"
"""The name of the stereo rendition of a track without a title."""

_GOPRO_HANDLER: Final = "GoPro AMB"
_GOPRO: Final = Ambisonics(components=(0, 1, 2, 3))
_NAMES: Final = ("W", "Y", "Z", "X")


def find_ambisonics(track: Track, channels: int) -> Ambisonics | None:
    """The components of a track that has `channels` channels when decoded; None for other audio.

    The MAX writes uncompressed audio of four channels whose handler is "GoPro AMB".
    """
    found = read_ambisonics(track.stsd)
    if found is None and track.name.strip("\0 ") == _GOPRO_HANDLER and track.unit_bytes:
        found = _GOPRO
    return found if found is not None and len(found.components) == channels else None


def stereo_decode(found: Ambisonics) -> StereoMatrix:
    """The two virtual cardioids."""
    w, y = found.components.index(0), found.components.index(1)
    half = 0.25 if found.has_head_locked_stereo else 0.5
    left = [0.0] * len(found.components)
    left[w] = left[y] = half
    right = left.copy()
    right[y] = -half
    if found.has_head_locked_stereo:
        spatial = (found.order + 1) ** 2
        left[found.components.index(spatial)] = right[found.components.index(spatial + 1)] = 0.5
    names = tuple(_name(each, found) for each in found.components)
    return StereoMatrix(positions=names, left=tuple(left), right=tuple(right))


def ambisonic_mix(found: Ambisonics) -> ChannelMix:
    """The mix of the stereo rendition."""
    return ChannelMix(filters=stereo_decode(found).filters, channels=2, layout="stereo")


def _name(component: int, found: Ambisonics) -> str:
    spatial = (found.order + 1) ** 2
    if component >= spatial:
        return ("head-locked left", "head-locked right")[component - spatial]
    return _NAMES[component] if component < len(_NAMES) else f"ACN{component}"
