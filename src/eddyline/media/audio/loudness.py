"""Loudness according to EBU R128, from the summary of FFmpeg's filter ebur128, and the gain to a target."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

_SILENT_LUFS = -70.0  # the absolute gate of BS.1770
_NUMBER = r"(-?(?:\d+\.?\d*|inf|nan))"
_SUMMARY = {
    "integrated_lufs": re.compile(rf"^\s+I:\s+{_NUMBER} LUFS", re.MULTILINE),
    "range_lu": re.compile(rf"^\s+LRA:\s+{_NUMBER} LU", re.MULTILINE),
    "true_peak_dbtp": re.compile(rf"True peak:\s+Peak:\s+{_NUMBER} dBFS", re.MULTILINE),
}


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
