"""What each of FFmpeg's encoders that Eddyline knows takes: one row an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_ENCODERS = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}
"""The encoder of each codec where nobody asks for another one."""

_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_SVT_AV1 = tuple(str(number) for number in range(14))
_NVENC = tuple(f"p{number}" for number in range(1, 8))
# A rung that asks for no encoder has its codec's own presets; what they are on a GPU, from the
# fastest to the best.
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

    `quality` is the range of its CRF (of NVENC: CQ); `smallest` and `largest` bound either side in pixels,
    `max_kbps` the cap. `hardware`: listed by builds on machines that cannot run it as well.
    `counts_ticks`: takes a variable rate's ticks for frames, and so misjudges the cap. `translated` gives its
    preset for those of other encoders of its codec.
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
        """The preset of that name, or the one nearest to another encoder's; raises `KeyError` for neither."""
        return requested if requested in self.presets else (self.preset_map or {})[requested]


# The smallest and largest pictures of NVENC are those that every generation since Turing takes (NVIDIA, Video
# Codec SDK, "NVENC capabilities"); H.264's sides end at 4096.
_ROWS = (
    Encoder(
        name="libx264", codec="h264", presets=_X26X, quality=(0, 51), pixel_formats=("yuv420p",), min_side=2
    ),
    Encoder(name="libx265", codec="hevc", presets=_X26X, quality=(0, 51), min_side=16),
    # SVT-AV1 refuses higher caps.
    Encoder(name="libsvtav1", codec="av1", presets=_SVT_AV1, quality=(1, 63), min_side=64, max_kbps=100_000),
    Encoder(
        name="h264_nvenc",
        codec="h264",
        presets=_NVENC,
        quality=(1, 51),  # 0 would mean: as NVENC pleases
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
"""All rows, by the encoder's name."""


def find_encoder(codec: str, requested: str | None = None) -> Encoder:
    """Return the row of `requested` (default: the codec's default encoder).

    Raises `ValueError` if the encoder is unknown or encodes another codec.
    """
    name = requested or DEFAULT_ENCODERS[codec]
    row = ENCODERS.get(name)
    if row is None or row.codec != codec:
        known = ", ".join(each.name for each in _ROWS if each.codec == codec)
        raise ValueError(f"encoder of {codec} is one of {known}, not {name!r}")
    return row


def is_hardware(encoder: str) -> bool:
    """Whether it runs on a GPU: a build lists it on machines without one as well."""
    return encoder in ENCODERS and ENCODERS[encoder].hardware
