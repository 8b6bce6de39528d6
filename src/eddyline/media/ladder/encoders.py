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
# Quick Sync has seven presets with names of x264. VAAPI has levels without names: here they have those of
# Quick Sync.
_QSV = _X26X[2:]
_X26X_ON_QSV = {**dict.fromkeys(_X26X[:3], "veryfast"), **{name: name for name in _QSV}}
_SVT_AV1_ON_QSV = {
    **dict.fromkeys(_SVT_AV1[:4], "veryslow"),
    **dict.fromkeys(_SVT_AV1[4:6], "slower"),
    **dict.fromkeys(_SVT_AV1[6:8], "slow"),
    **dict.fromkeys(_SVT_AV1[8:10], "medium"),
    **dict(zip(_SVT_AV1[10:], ("fast", "faster", "veryfast", "veryfast"), strict=True)),
}
_FASTEST_GOOD_SVT_AV1 = 9  # faster presets may show artefacts, as SVT-AV1 itself warns


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One encoder: `name` is FFmpeg's.

    `quality` is the range of its CRF (NVENC: CQ; QSV and VAAPI: the quality of QVBR); `min_side` and
    `max_side` bound width and height in pixels, `max_kbps` the maximum rate. `hardware`: FFmpeg lists it even
    on machines that cannot run it.
    `counts_ticks`: it counts ticks of a variable rate as frames, and so misapplies the maximum rate.
    `preset_map` maps presets of the codec's default encoder to its own. `quality_step` is the smallest change
    of its CRF.
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
    quality_step: float = 1.0

    def preset(self, requested: str) -> str:
        """Return `requested` if it is a preset, else its entry in `preset_map`; else raise `KeyError`."""
        return requested if requested in self.presets else (self.preset_map or {})[requested]

    def quality_of(self, requested: int) -> int:
        """Return `requested` within the range of this encoder."""
        low, high = self.quality
        return min(max(requested, low), high)

    def default_preset(self, preset: str) -> str:
        """Return the preset of the codec's default encoder that is closest to `preset` of this one.

        Of several, the fastest.
        """
        default = ENCODERS[DEFAULT_ENCODERS[self.codec]]
        mapped = self.preset_map or {}
        fitting = [each for each in default.presets if mapped.get(each, each) == preset]
        if self.codec == "av1":
            good = [each for each in fitting if int(each) <= _FASTEST_GOOD_SVT_AV1]
            return good[-1] if good else str(_FASTEST_GOOD_SVT_AV1)
        return fitting[0] if fitting else "medium"


# The frame sizes of NVENC are those that every generation since Turing accepts (NVIDIA, Video Codec SDK,
# "NVENC capabilities"); the limit of H.264 is 4096. Those of Quick Sync and VAAPI are chosen with a margin:
# no table of all drivers exists, and a smaller frame is encoded on a CPU.
_ROWS = (
    Encoder(
        name="libx264",
        codec="h264",
        presets=_X26X,
        quality=(0, 51),
        pixel_formats=("yuv420p",),
        min_side=2,
        quality_step=0.5,
    ),
    Encoder(name="libx265", codec="hevc", presets=_X26X, quality=(0, 51), min_side=16, quality_step=0.5),
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
    *(
        Encoder(
            name=f"{codec}_{interface}",
            codec=codec,
            presets=_QSV,
            quality=(1, 51),
            pixel_formats=("yuv420p",) if codec == "h264" else ("yuv420p", "yuv420p10le"),
            min_side=min_side,
            max_side=4096 if codec == "h264" else 8192,
            hardware=True,
            counts_ticks=True,
            preset_map=_SVT_AV1_ON_QSV if codec == "av1" else _X26X_ON_QSV,
        )
        for interface in ("qsv", "vaapi")
        for codec, min_side in (("h264", 130), ("hevc", 130), ("av1", 192))
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
