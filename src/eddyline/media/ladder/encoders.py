"""The supported video encoders: presets, quality range, frame sizes and limits of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_ENCODERS = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}
"""The encoder of each codec unless the profile or the pool selects another one."""

_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_SVT_AV1 = tuple(str(number) for number in range(14))
_NVENC = tuple(f"p{number}" for number in range(1, 8))
# A rung without an encoder has presets of its codec's default encoder. These tables map them to presets of
# NVENC, from the fastest to the best.
_X26X_ON_NVENC = dict(zip(_X26X, ("p1", "p2", "p3", "p4", "p4", "p5", "p6", "p7", "p7"), strict=True))
_SVT_AV1_ON_NVENC = {
    **dict.fromkeys(_SVT_AV1[:5], "p7"),
    **dict.fromkeys(_SVT_AV1[5:7], "p6"),
    **dict.fromkeys(_SVT_AV1[7:9], "p5"),
    **dict(zip(_SVT_AV1[9:], ("p4", "p4", "p3", "p2", "p1"), strict=True)),
}


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One encoder: `name` is FFmpeg's.

    `quality` is the range of its CRF (NVENC: CQ); `min_side` and `max_side` bound width and height in pixels,
    `max_kbps` the maximum rate. `hardware`: FFmpeg lists it even on machines that cannot run it.
    `counts_ticks`: it counts ticks of a variable rate as frames, and so misapplies the maximum rate.
    `preset_map` maps presets of the codec's default encoder to its own.
    """

    name: str
    codec: str
    presets: tuple[str, ...]
    quality: tuple[int, int]
    pixel_formats: tuple[str, ...] = ("yuv420p", "yuv420p10le")
    min_side: int
    max_side: int = 16384
    max_kbps: int = 10**9
    hardware: bool = False
    counts_ticks: bool = False
    preset_map: Mapping[str, str] | None = None

    def preset(self, requested: str) -> str:
        """Return `requested` if it is a preset, else its entry in `preset_map`; else raise `KeyError`."""
        return requested if requested in self.presets else (self.preset_map or {})[requested]


# The frame sizes of NVENC are those that every generation since Turing accepts (NVIDIA, Video Codec SDK,
# "NVENC capabilities"); the limit of H.264 is 4096.
_ROWS = (
    Encoder(
        name="libx264", codec="h264", presets=_X26X, quality=(0, 51), pixel_formats=("yuv420p",), min_side=2
    ),
    Encoder(name="libx265", codec="hevc", presets=_X26X, quality=(0, 51), min_side=16),
    # SVT-AV1 rejects higher maximum rates.
    Encoder(name="libsvtav1", codec="av1", presets=_SVT_AV1, quality=(1, 63), min_side=64, max_kbps=100_000),
    Encoder(
        name="h264_nvenc",
        codec="h264",
        presets=_NVENC,
        quality=(1, 51),  # 0 means automatic
        pixel_formats=("yuv420p",),
        min_side=146,
        max_side=4096,
        hardware=True,
        counts_ticks=True,
        preset_map=_X26X_ON_NVENC,
    ),
    Encoder(
        name="hevc_nvenc",
        codec="hevc",
        presets=_NVENC,
        quality=(1, 51),
        min_side=130,
        max_side=8192,
        hardware=True,
        counts_ticks=True,
        preset_map=_X26X_ON_NVENC,
    ),
    Encoder(
        name="av1_nvenc",
        codec="av1",
        presets=_NVENC,
        quality=(1, 63),
        min_side=192,
        max_side=8192,
        hardware=True,
        counts_ticks=True,
        preset_map=_SVT_AV1_ON_NVENC,
    ),
)

ENCODERS: Mapping[str, Encoder] = {row.name: row for row in _ROWS}
"""The supported encoders by FFmpeg's name."""


def find_encoder(codec: str, requested: str | None = None) -> Encoder:
    """Return the row of `requested` (default: the codec's default encoder).

    Raises `ValueError` if the encoder is unknown or encodes another codec.
    """
    name = requested or DEFAULT_ENCODERS[codec]
    row = ENCODERS.get(name)
    if row is None or row.codec != codec:
        known = ", ".join(each.name for each in _ROWS if each.codec == codec)
        raise ValueError(f"encoder of {codec} must be one of {known}, not {name!r}")
    return row


def is_hardware(encoder: str) -> bool:
    """Return whether the encoder runs on a GPU; FFmpeg lists it on machines without one as well."""
    return encoder in ENCODERS and ENCODERS[encoder].hardware
