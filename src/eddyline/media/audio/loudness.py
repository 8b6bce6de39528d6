"""Loudness according to EBU R128, as FFmpeg's filters measure it, and the gain to a target.

The filter ebur128 measures all of it, but true peaks at a fifth of the cost of encoding AAC, because it
oversamples in double precision with 32 coefficients a phase. While audio is encoded, a cheaper branch of the
filter graph measures them: fourfold oversampling with 16 coefficients (the filter of BS.1770 has 12) and the
maximum of 16-bit samples. These are too coarse for quiet audio, which is then measured by ebur128.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

EXACT = "ebur128=peak=true:framelog=quiet"
LOUDNESS_ONLY = "ebur128=framelog=quiet"
_HEADROOM_DB = 12  # between full scale and the true peak at which 16-bit samples clip
TRUE_PEAK = f"volume=-{_HEADROOM_DB}dB,aresample=192000:filter_size=16:kaiser_beta=5,volumedetect,anullsink"
_MIN_DBTP = -36.0  # here a 16-bit step is 0.07 dB
_MAXIMUM = re.compile(r"\] max_volume: (-?\d+\.\d) dB$", re.MULTILINE)
_SILENT_LUFS = -70.0  # the absolute gate of BS.1770
_NUMBER = r"(-?(?:\d+\.?\d*|inf|nan))"
_SUMMARY = {
    "integrated_lufs": re.compile(rf"^\s+I:\s+{_NUMBER} LUFS", re.MULTILINE),
    "range_lu": re.compile(rf"^\s+LRA:\s+{_NUMBER} LU", re.MULTILINE),
    "true_peak_dbtp": re.compile(rf"True peak:\s+Peak:\s+{_NUMBER} dBFS", re.MULTILINE),
}


def parse_true_peak(log: str) -> float | None:
    """The true peak in dBTP that the filters `TRUE_PEAK` measured; None where only `EXACT` can measure it."""
    found = _MAXIMUM.findall(log)
    peak = round(float(found[-1]) + _HEADROOM_DB, 1) if found else -math.inf
    return peak if _MIN_DBTP <= peak < _HEADROOM_DB else None


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """EBU R128: integrated loudness (LUFS), loudness range (LU), true peak (dBTP); None for silence."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return dict(vars(self))

    @classmethod
    def parse(cls, log: str) -> Loudness:
        """Return the loudness from the last summary of the filter in FFmpeg's log."""
        values: dict[str, float | None] = {}
        for name, pattern in _SUMMARY.items():
            found = pattern.findall(log)
            value = float(found[-1]) if found else math.nan
            values[name] = value if math.isfinite(value) else None
        if values["integrated_lufs"] is not None and values["integrated_lufs"] <= _SILENT_LUFS:
            values["integrated_lufs"] = values["range_lu"] = None
        return cls(**values)

    def gain_to(self, target_lufs: float, peak_dbtp: float) -> float:
        """Return the gain in dB to reach the target, limited so that true peaks do not exceed `peak_dbtp`."""
        if self.integrated_lufs is None or self.true_peak_dbtp is None:
            return 0.0
        return round(min(target_lufs - self.integrated_lufs, peak_dbtp - self.true_peak_dbtp), 2)
