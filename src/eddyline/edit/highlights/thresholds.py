"""The thresholds of the highlight detectors: one table with units and sources.

The values are for action cameras worn or mounted by a person or vehicle. `docs/how-to/highlights.md` contains
the same table, generated from this module.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Final

STANDARD_GRAVITY: Final = 9.80665
"""m/s² of 1 g (The International System of Units, 9th edition)."""

_CHOSEN = "chosen"


def _row(value: float, unit: str, meaning: str, source: str = _CHOSEN) -> float:
    """A field of the table; the type is that of its value."""
    default: float = field(default=value, metadata={"unit": unit, "meaning": meaning, "source": source})
    return default


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """All thresholds; the metadata of each field has its `unit`, `meaning` and `source`."""

    airtime_g: float = _row(
        0.35,
        "g",
        "airtime: the acceleration is lower",
        "free-fall threshold of accelerometers: 0.3 to 0.6 g (ADXL345 data sheet, THRESH_FF)",
    )
    airtime_s: float = _row(
        0.25,
        "s",
        "airtime: for at least this time",
        "free-fall time of accelerometers: 0.1 to 0.35 s (ADXL345 data sheet, TIME_FF)",
    )
    airtime_longest_s: float = _row(30.0, "s", "airtime: longer runs are a sensor fault", _CHOSEN)
    airtime_mean_s: float = _row(0.04, "s", "airtime: moving average that removes vibration", _CHOSEN)
    motion_rate_hz: float = _row(
        20.0, "Hz", "airtime, impact, spin: slower sensors are ignored", "5 samples in 0.25 s"
    )
    impact_g: float = _row(2.5, "g", "impact: deviation of the acceleration from 1 g at the peak")
    impact_ratio: float = _row(
        4.0, "", "impact: the peak exceeds the vibration (median of the maxima of 50 ms within ±2 s) by this"
    )
    impact_apart_s: float = _row(0.3, "s", "impact: closer peaks are one impact")
    impact_extent: float = _row(0.3, "", "impact: share of the peak at which it starts and ends")
    spin_rate: float = _row(90.0, "°/s", "spin: the rotation rate is higher, averaged over 0.1 s")
    spin_angle: float = _row(300.0, "°", "spin: net rotation about one axis", "a full turn, landed early")
    spin_bridge_s: float = _row(0.15, "s", "spin: shorter pauses do not end it")
    spin_longest_s: float = _row(15.0, "s", "spin: longer rotation is a mount that turns (a wheel)")
    accelerometer_limit: float = _row(
        64.0, "g", "airtime, impact: larger values are faults", "range of camera accelerometers: ±8 to ±32 g"
    )
    gyroscope_limit: float = _row(
        2400.0,
        "°/s",
        "spin: larger values are faults, or not in the stated unit",
        "range of camera gyroscopes: ±2000 °/s",
    )
    gps_dop: float = _row(
        5.0,
        "",
        "speed, braking: a greater dilution of precision is not used",
        "see `gpmf.track.MAX_GOOD_DOP`",
    )
    gps_settle_s: float = _row(1.0, "s", "speed, braking: ignored after a fix is regained")
    gps_gap_s: float = _row(1.0, "s", "speed, braking: a longer gap separates two sections")
    gps_fastest: float = _row(150.0, "m/s", "speed, braking: higher speeds are faults", "540 km/h")
    speed_ratio: float = _row(0.35, "", "speed: exceeds the median of ±60 s by this share")
    speed_excess: float = _row(3.0, "m/s", "speed: exceeds the median of ±60 s by at least this")
    speed_extent: float = _row(0.5, "", "speed: share of the excess at which it starts and ends")
    braking: float = _row(
        3.0,
        "m/s²",
        "braking: the deceleration is higher",
        "harsh braking of vehicles: 0.3 to 0.45 g in driving studies",
    )
    braking_s: float = _row(0.5, "s", "braking: for at least this time")
    braking_drop: float = _row(4.0, "m/s", "braking: loss of speed")
    braking_most: float = _row(20.0, "m/s²", "braking: a higher deceleration is a GPS fault", "2 g")
    face_s: float = _row(0.5, "s", "face: visible for at least this time")
    face_bridge_s: float = _row(0.5, "s", "face: shorter absences do not end it")
    face_confidence: float = _row(0.5, "", "face: confidence of the camera, where it reports it")
    loudness_step: float = _row(10.0, "dB", "loudness: level of 0.4 s above the median of the 5 s before")
    loudness_level: float = _row(-45.0, "dBFS", "loudness: quieter audio is not an event")
    loudness_bridge_s: float = _row(0.3, "s", "loudness: shorter drops do not end it")
    loudness_s: float = _row(0.2, "s", "loudness: lasts at least this time")
    loudness_ends_s: float = _row(1.0, "s", "loudness: ignored at both ends: the camera's own sounds")
    hilight_before_s: float = _row(
        4.0, "s", "HiLight without a range: starts so long before it", "the button is pressed late"
    )
    hilight_after_s: float = _row(0.5, "s", "HiLight without a range: ends so long after it")
    hilight_range_s: float = _row(60.0, "s", "HiLight: longer ranges are not used")


THRESHOLDS: Final = Thresholds()


def markdown_table() -> str:
    """The table in Markdown: meaning, value with unit, source."""
    rows = "".join(
        f"| {row.metadata['meaning']} | {row.default:g} {row.metadata['unit']}".rstrip()
        + f" | {row.metadata['source']} |\n"
        for row in fields(Thresholds)
    )
    return f"| detector: threshold | value | source |\n|---|---|---|\n{rows}"
