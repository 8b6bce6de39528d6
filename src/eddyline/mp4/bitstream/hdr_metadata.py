"""Static HDR metadata: mastering display colour volume (SMPTE ST 2086), content light level (CTA-861.3)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

_CHROMATICITY, _LUMINANCE = 50_000, 10_000  # units per 1, and per cd/m2, of the stored values
# The ranges of ITU-T H.265 section D.3.28; a minimum luminance of 0 is common.
_MAX_X, _MAX_Y, _MIN_CHROMATICITY = 37_000, 42_000, 5
_PEAKS = range(5 * _LUMINANCE, 10_000 * _LUMINANCE + 1)
_BLACKS = range(5 * _LUMINANCE + 1)
_LIGHT_LEVELS = range(1 << 16)
_POINTS: Final = 8  # numbers of the four chromaticities
_NUMBERS: Final = 10


@dataclass(frozen=True, kw_only=True)
class HdrMetadata:
    """The static HDR metadata of a video; each part is None if it is missing.

    `mastering_display`: x and y of green, blue, red and the white point in units of 1/50,000, then the
    maximum and minimum luminance in units of 1/10,000 cd/m2, as in mdcv. `content_light`: the maximum light
    level of the content, and the maximum of its frames' averages (MaxCLL, MaxFALL), in cd/m2.
    """

    mastering_display: tuple[int, ...] | None = None
    content_light: tuple[int, ...] | None = None

    def __bool__(self) -> bool:
        return self.mastering_display is not None or self.content_light is not None

    def or_else(self, other: HdrMetadata) -> HdrMetadata:
        """These values; where one is missing, that of `other`."""
        return HdrMetadata(
            mastering_display=self.mastering_display or other.mastering_display,
            content_light=self.content_light or other.content_light,
        )

    def valid_part(self) -> HdrMetadata:
        """The parts within the ranges of ITU-T H.265 section D.3; values beyond them mean "unknown"."""
        display, light = self.mastering_display, self.content_light
        return HdrMetadata(
            mastering_display=display if display and _is_display(display) else None,
            content_light=light if light and _is_light(light) else None,
        )

    def as_fixed_point(self) -> HdrMetadata:
        """These values as AV1 and VP9 store them, which have less precise maximum luminances."""
        if self.mastering_display is None:
            return self
        return parse_fixed_point_display(fixed_point_display_bytes(self.mastering_display)).or_else(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> HdrMetadata:
        """The metadata from its fields as JSON values. Raises `ValueError` if a value is out of range."""
        parts = {name: None if value is None else tuple(value) for name, value in plain.items()}
        found = cls(**parts)
        numbers = chain.from_iterable(part or () for part in parts.values())
        if any(type(number) is not int for number in numbers) or found != found.valid_part():
            raise ValueError(f"invalid HDR metadata {plain}"[:200])
        return found


NO_HDR_METADATA: Final = HdrMetadata()


def mastering_display_bytes(numbers: tuple[int, ...]) -> bytes:
    """The body of mdcv, which is also the payload of the SEI message."""
    return struct.pack(">8H2I", *numbers)


def parse_mastering_display(data: bytes) -> HdrMetadata:
    """Parse the body of mdcv. Raises `struct.error` if it is cut."""
    return HdrMetadata(mastering_display=struct.unpack_from(">8H2I", data))


def parse_content_light(data: bytes) -> HdrMetadata:
    """Parse the body of clli; two zeros mean "unknown". Raises `struct.error` if it is cut."""
    levels = struct.unpack_from(">2H", data)
    return HdrMetadata(content_light=levels if any(levels) else None)


def parse_fixed_point_display(data: bytes) -> HdrMetadata:
    """Parse red, green, blue and white as 0.16, luminances as 24.8 and 18.14 fixed point (AV1, VP9).

    Raises `struct.error` if the data is cut.
    """
    *points, peak, black = struct.unpack_from(">8H2I", data)
    ordered = (*points[2:6], *points[:2], *points[6:])
    return HdrMetadata(
        mastering_display=(
            *(_rescale(each, _CHROMATICITY, 16) for each in ordered),
            _rescale(peak, _LUMINANCE, 8),
            _rescale(black, _LUMINANCE, 14),
        )
    )


def fixed_point_display_bytes(numbers: tuple[int, ...]) -> bytes:
    """The inverse of `parse_fixed_point_display`."""
    *points, peak, black = numbers
    fixed = [round((each << 16) / _CHROMATICITY) for each in (*points[4:6], *points[:4], *points[6:])]
    return struct.pack(">8H2I", *fixed, round((peak << 8) / _LUMINANCE), round((black << 14) / _LUMINANCE))


def _is_display(numbers: tuple[int, ...]) -> bool:
    if len(numbers) != _NUMBERS:
        return False
    peak, black = numbers[_POINTS:]
    return (
        all(_MIN_CHROMATICITY <= x <= _MAX_X for x in numbers[:_POINTS:2])
        and all(_MIN_CHROMATICITY <= y <= _MAX_Y for y in numbers[1:_POINTS:2])
        and peak in _PEAKS
        and black in _BLACKS
    )


def _is_light(levels: tuple[int, ...]) -> bool:
    return len(levels) == 2 and any(levels) and all(each in _LIGHT_LEVELS for each in levels)  # noqa: PLR2004


def _rescale(value: int, units: int, bits: int) -> int:
    return (value * units + (1 << bits - 1)) >> bits
