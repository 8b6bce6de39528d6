"""The metrics of quality: their models, the frame sizes for which they are defined, and their scales."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from eddyline.media.ladder.ladder import Rung


class Metric(StrEnum):
    """What is measured of each frame.

    VMAF is from 0 to 100 (the 4K models of VMAF v1: to 110). PSNR and XPSNR are those of luma in dB, SSIM is
    that of luma, from 0 to 1. CAMBI measures banding: 0 is none, and 5 slightly annoying.
    """

    VMAF = "vmaf"
    VMAF_NEG = "vmaf_neg"
    VMAF_V1 = "vmaf_v1"
    PSNR = "psnr"
    SSIM = "ssim"
    XPSNR = "xpsnr"
    CAMBI = "cambi"


SAMPLED: Final = (Metric.VMAF, Metric.PSNR, Metric.SSIM)
"""The metrics of every asset. PSNR and SSIM cost less than 2 % of VMAF, any other as much as VMAF."""
ALL: Final = tuple(Metric)

VMAF_V0: Final = "vmaf_v0.6.1"
VMAF_V0_NEG: Final = "vmaf_v0.6.1neg"
_V1: Final = "vmaf_v1.0.16"
# Viewing distances in picture heights: 3 for HD, 5 for phones, 1.5 for 4K.
_V1_HD, _V1_PHONE, _V1_4K = "3d0h", "5d0h", "1d5h_2160"
_HD_LINES, _4K_LINES = 720, 1440
_HIGH_FRAME_RATE: Final = 45  # frames/s: the models named hfr are for 50 and 60
# Shorter side in pixels. libvmaf rejects smaller frames, or crashes.
_MIN_SIDE: Final = {Metric.VMAF_V1: 270, Metric.CAMBI: 180}
_MIN_SIDE_OTHER: Final = 32


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How values of a metric are stored: `digits` after the point; `bad_high`: high values are bad."""

    digits: int = 2
    bad_high: bool = False


_SCALES: Final = {Metric.SSIM: Scale(digits=4), Metric.CAMBI: Scale(bad_high=True)}


def scale(metric: Metric) -> Scale:
    """The scale of a metric."""
    return _SCALES.get(metric, Scale())


def is_defined(metric: Metric, width: int, height: int) -> bool:
    """Whether a metric can be measured at this frame size."""
    return min(width, height) >= _MIN_SIDE.get(metric, _MIN_SIDE_OTHER)


def model(metric: Metric, width: int, height: int, fps: Fraction) -> str | None:
    """The name of the VMAF model for pictures of this size and rate; None for metrics without a model.

    VMAF v1 has a model for each way of viewing. Pictures of 1440 lines or more are taken to be watched on a
    4K display, those of 720 or more on an HD display, and smaller ones on a phone.
    """
    match metric:
        case Metric.VMAF:
            return VMAF_V0
        case Metric.VMAF_NEG:
            return VMAF_V0_NEG
        case Metric.VMAF_V1:
            lines = min(width, height)
            view = _V1_4K if lines >= _4K_LINES else _V1_HD if lines >= _HD_LINES else _V1_PHONE
            return f"{_V1}_{'hfr_' if fps > _HIGH_FRAME_RATE else ''}{view}"
        case _:
            return None


def highest_psnr(rung: Rung) -> float:
    """The PSNR of equal frames in dB, as in libvmaf: 60 with 8 bits a sample, 72 with 10."""
    bits = 10 if rung.pixel_format.endswith("10le") else 8
    return 6.0 * bits + 12
