"""A reference of HDR to SDR in NumPy, from the definitions of ITU-R BT.2100 and BT.709.

Tone mapping is Eddyline's: the largest of R, G and B passes the curve "mobius" of FFmpeg's tonemap filter,
and all three are scaled by the same factor. The result has BT.709 primaries and the inverse of the EOTF of
ITU-R BT.1886 (gamma 2.4), as FFmpeg's zscale filter writes BT.709. `python -m tests.unit.media.bt2100` prints
the lookup table src/eddyline/media/video/hlg_ootf.cube.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

REFERENCE_WHITE, PEAK = 203.0, 1000.0  # cd/m2
KNEE = 0.5  # of reference white, below which nothing is changed
PQ, HLG = "smpte2084", "arib-std-b67"
# Luma coefficients of R, G and B.
BT2020 = np.array([0.2627, 0.6780, 0.0593])
BT709 = np.array([0.2126, 0.7152, 0.0722])
BT601 = np.array([0.299, 0.587, 0.114])

# BT.2100 table 4
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# BT.2100 table 5
_A = 0.17883277
_B = 1 - 4 * _A
_C = 0.5 - _A * np.log(4 * _A)
_SYSTEM_GAMMA = 1.2  # at 1,000 cd/m2


def pq_eotf(signal: Values) -> Values:
    """PQ signal from 0 to 1 -> cd/m2."""
    power = np.maximum(signal, 0) ** (1 / _M2)
    result: Values = 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return result


def pq_inverse_eotf(light: Values) -> Values:
    """cd/m2 -> PQ signal."""
    power = (np.maximum(light, 0) / 10_000) ** _M1
    result: Values = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return result


def hlg_inverse_oetf(signal: Values) -> Values:
    """HLG signal -> linear light of the scene, from 0 to 1."""
    signal = np.maximum(signal, 0)
    result: Values = np.where(
        signal <= 1 / 2, signal**2 / 3, (np.exp((np.minimum(signal, 2) - _C) / _A) + _B) / 12
    )
    return result


def hlg_oetf(scene: Values) -> Values:
    """Linear light of the scene -> HLG signal."""
    upper = _A * np.log(np.maximum(12 * scene - _B, 1e-9)) + _C
    result: Values = np.where(scene <= 1 / 12, np.sqrt(3 * np.maximum(scene, 0)), upper)
    return result


def hlg_ootf(scene: Values) -> Values:
    """Linear light of the scene (RGB in the last axis) -> cd/m2 of the display."""
    luminance = np.maximum(scene @ BT2020, 0)[..., None]
    result: Values = PEAK * luminance ** (_SYSTEM_GAMMA - 1) * scene
    return result


def display_light(signal: Values, transfer: str) -> Values:
    """BT.2020 RGB signal -> cd/m2 of the display."""
    return pq_eotf(signal) if transfer == PQ else hlg_ootf(hlg_inverse_oetf(signal))


def signal_of(light: Values, transfer: str) -> Values:
    """cd/m2 of the display, BT.2020 RGB -> signal."""
    if transfer == PQ:
        return pq_inverse_eotf(light)
    luminance = np.maximum(light @ BT2020 / PEAK, 1e-12)[..., None]
    return hlg_oetf(light / PEAK * luminance ** ((1 - _SYSTEM_GAMMA) / _SYSTEM_GAMMA))


def to_ycbcr(rgb: Values, matrix: Values) -> Values:
    """R'G'B' from 0 to 1 -> Y' from 0 to 1, Cb and Cr from -0.5 to 0.5."""
    luma = rgb @ matrix
    blue, red = ((rgb[..., at] - luma) / (2 * (1 - matrix[at])) for at in (2, 0))
    return np.stack([luma, blue, red], axis=-1)


def to_rgb(ycbcr: Values, matrix: Values) -> Values:
    """The inverse of `to_ycbcr`."""
    luma, cb, cr = np.moveaxis(ycbcr, -1, 0)
    red, blue = luma + 2 * (1 - matrix[0]) * cr, luma + 2 * (1 - matrix[2]) * cb
    green = (luma - matrix[0] * red - matrix[2] * blue) / matrix[1]
    return np.stack([red, green, blue], axis=-1)


def quantize(ycbcr: Values, bits: int = 8, *, full: bool = False) -> Values:
    """Y'CbCr -> codes of these bits, not rounded (BT.2100 table 9)."""
    unit, middle = 1 << bits - 8, 1 << bits - 1
    scale, black = np.array([219, 224, 224]) * unit, 16 * unit
    if full:
        scale, black = np.full(3, (1 << bits) - 1), 0
    result: Values = ycbcr * scale + np.array([black, middle, middle])
    return result


def dequantize(codes: Values, bits: int = 8, *, full: bool = False) -> Values:
    """The inverse of `quantize`."""
    offset = quantize(np.zeros(3), bits, full=full)
    result: Values = (codes - offset) / (quantize(np.ones(3), bits, full=full) - offset)
    return result


def tone_curve(value: Values) -> Values:
    """The curve "mobius" of FFmpeg's filter: identity up to the knee, the peak becomes 1."""
    peak = PEAK / REFERENCE_WHITE
    a = -(KNEE**2) * (peak - 1) / (KNEE**2 - 2 * KNEE + peak)
    b = (KNEE**2 - 2 * KNEE * peak + peak) / (peak - 1)
    curve = (b * b + 2 * b * KNEE + KNEE**2) / (b - a) * (value + a) / (value + b)
    result: Values = np.where(value <= KNEE, value, curve)
    return result


def to_sdr(light: Values) -> Values:
    """cd/m2, BT.2020 RGB -> R'G'B' of BT.709, from 0 to 1."""
    linear = light / REFERENCE_WHITE @ PRIMARIES.T
    largest = np.maximum(linear.max(axis=-1), 1e-6)[..., None]
    mapped = linear * tone_curve(largest) / largest
    result: Values = np.clip(mapped, 0, 1) ** (1 / 2.4)
    return result


def sdr_codes(codes: Values, transfer: str) -> Values:
    """10-bit limited-range BT.2020 Y'CbCr -> 8-bit limited-range BT.709, not rounded."""
    return quantize(to_ycbcr(sdr_rgb(codes, transfer), BT709))


def jpeg_codes(codes: Values, transfer: str) -> Values:
    """10-bit limited-range BT.2020 Y'CbCr -> the Y'CbCr of JPEG: BT.601 in full range, not rounded."""
    return quantize(to_ycbcr(sdr_rgb(codes, transfer), BT601), full=True)


def sdr_rgb(codes: Values, transfer: str) -> Values:
    """10-bit limited-range BT.2020 Y'CbCr -> R'G'B' of BT.709, from 0 to 1."""
    return to_sdr(display_light(to_rgb(dequantize(codes, 10), BT2020), transfer))


def _xyz_of(*chromaticities: tuple[float, float]) -> Values:
    """The matrix from linear RGB to CIE XYZ for red, green, blue and white (SMPTE RP 177)."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in chromaticities]).T
    scaled: Values = columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
    return scaled


_WHITE = (0.3127, 0.3290)
_XYZ_2020 = _xyz_of((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _WHITE)
_XYZ_709 = _xyz_of((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _WHITE)
PRIMARIES: Values = np.linalg.inv(_XYZ_709) @ _XYZ_2020
"""Linear BT.2020 RGB -> linear BT.709 RGB."""

# Linear BT.709 RGB, 1 = reference white.
_COLOURS: dict[str, tuple[float, float, float] | float] = {
    "black": 0.0,
    "dark grey": 0.02,
    "grey card": 0.18,
    "light grey": 0.5,
    "reference white": 1.0,
    "highlight": 2.0,
    "bright highlight": 4.0,
    "peak": PEAK / REFERENCE_WHITE,
    "light skin": (0.55, 0.33, 0.24),
    "dark skin": (0.18, 0.09, 0.06),
    "red": (0.8, 0.02, 0.02),
    "green": (0.02, 0.8, 0.02),
    "blue": (0.02, 0.02, 0.8),
    "cyan": (0.02, 0.7, 0.7),
    "magenta": (0.7, 0.02, 0.7),
    "yellow": (0.8, 0.75, 0.02),
    "sky": (0.3, 0.5, 0.9),
    "sunset": (2.2, 0.9, 0.15),
}
PATCHES = tuple(_COLOURS)
"""The names of 18 colors."""


def patch_codes(transfer: str) -> Values:
    """float64[18, 3]: the colors of `PATCHES` as 10-bit limited-range BT.2020 Y'CbCr."""
    linear = np.array([np.broadcast_to(np.asarray(each, np.float64), 3) for each in _COLOURS.values()])
    light = np.clip(linear @ np.linalg.inv(PRIMARIES).T * REFERENCE_WHITE, 0, PEAK)
    return np.round(quantize(to_ycbcr(signal_of(light, transfer), BT2020), 10))


def ootf_table(side: int = 17) -> str:
    """The lookup table for HLG: PQ-coded RGB whose channels were raised to 1.2 -> with the OOTF."""
    grid = np.linspace(0, 1, side)
    blue, green, red = np.meshgrid(grid, grid, grid, indexing="ij")
    raised = pq_eotf(np.stack([red, green, blue], axis=-1).reshape(-1, 3)) / PEAK
    scene = np.minimum(raised, 10) ** (1 / _SYSTEM_GAMMA)
    rows = pq_inverse_eotf(hlg_ootf(scene))
    # PQ of black is 7e-7, which must not become -0.0000 or anything but black.
    lines = (" ".join(f"{value:.4f}" for value in row) for row in np.clip(rows, 0, 1).tolist())
    return f"LUT_3D_SIZE {side}\n" + "\n".join(lines) + "\n"


def largest_errors(found: Any, expected: Values) -> tuple[float, float]:
    """The largest absolute errors of luma and of chroma."""
    error = np.abs(np.asarray(found, np.float64) - expected)
    return float(error[..., 0].max()), float(error[..., 1:].max())


if __name__ == "__main__":
    print(ootf_table(), end="")  # noqa: T201 - a program
