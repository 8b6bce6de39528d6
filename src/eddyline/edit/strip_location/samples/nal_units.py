"""Removes NAL units that decoders do not need from H.264 and HEVC samples (ITU-T H.264, H.265 table 7-1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.report import UNKNOWN, Report
from eddyline.edit.strip_location.samples.sei import filter_sei_messages
from eddyline.mp4.bitstream.nal_units import nal_unit_type
from eddyline.mp4.bitstream.sei import SEI, SEI_HEADER

_KEPT: Final = {
    # slices, parameter sets, delimiter, ends of sequence and stream, prefix, auxiliary, extensions
    "h264": frozenset({1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 19, 20, 21}),
    "hevc": frozenset({*range(10), *range(16, 22), 32, 33, 34, 35, 36, 37}),
}
_FILLER: Final = {"h264": 12, "hevc": 38}
_DOLBY_VISION: Final = frozenset({62, 63})  # reference processing unit, enhancement layer
# Maximum size in bytes of delimiters and end markers.
_SMALL: Final = {"h264": {9: 8, 10: 8, 11: 8}, "hevc": {35: 8, 36: 8, 37: 8}}
# Replaces a sample that would be empty: an access unit delimiter that allows all slice types.
_DELIMITER: Final = {"h264": b"\x09\xf0", "hevc": b"\x46\x01\x50"}


@dataclass(frozen=True, kw_only=True)
class NalUnitCleaner:
    """Cleans samples of `codec` "h264" or "hevc" whose NAL unit lengths take `length_size` bytes.

    `dolby_vision`: a Dolby Vision configuration is present, so NAL units 62 and 63 are kept.
    """

    codec: str
    length_size: int
    what: str
    report: Report
    dolby_vision: bool = False

    def __call__(self, sample: bytes) -> bytes:
        """Returns the sample without unneeded NAL units; the same object if nothing changes.

        Raises `UnsupportedError` if the lengths do not fit the sample.
        """
        out: list[bytes] = []
        changed = False
        at, size = 0, self.length_size
        while len(sample) - at >= size:
            length = int.from_bytes(sample[at : at + size], "big")
            start, at = at, at + size + length
            if at > len(sample):
                raise UnsupportedError(
                    f"{self.what}: a NAL unit of {length} bytes does not fit its sample, so it cannot be"
                    " searched for a location",
                    remedy="remux the file first: ffmpeg -i IN -map 0:v -map 0:a? -c copy OUT.mp4",
                )
            unit = sample[start + size : at]
            kept = self.unit(unit)
            if kept is unit:
                out.append(sample[start:at])
            else:
                changed = True
                out += [len(kept).to_bytes(size, "big"), kept] if kept else []
        if at < len(sample):
            changed = True
            if sample[at:].strip(b"\0"):
                rest = sample[at:]
                self.report.record_removed(
                    f"{self.what}: bytes after the last NAL unit", UNKNOWN, len(rest), rest
                )
        if not changed:
            return sample
        if not out and sample:
            unit = _DELIMITER[self.codec]
            return len(unit).to_bytes(size, "big") + unit
        return b"".join(out)

    def unit(self, unit: bytes) -> bytes:
        """Returns the NAL unit; the same object if nothing changes, empty if it is removed."""
        kind = nal_unit_type(self.codec, unit)
        if kind in SEI[self.codec] and len(unit) > SEI_HEADER[self.codec]:
            return filter_sei_messages(unit, self.codec, self.what, self.report)
        if kind == _FILLER[self.codec] and not unit[SEI_HEADER[self.codec] :].rstrip(b"\x80").strip(b"\xff"):
            return unit
        most = _SMALL[self.codec].get(kind)
        if kind in _KEPT[self.codec] and (most is None or len(unit) <= most):
            return unit
        if kind in _DOLBY_VISION and self.codec == "hevc" and self.dolby_vision:
            return unit
        if unit:
            self.report.record_removed(f"{self.what}: NAL unit of type {kind}", UNKNOWN, len(unit), unit)
        return b""
