"""Removes user data from samples of AV1, MPEG-2, MPEG-4, JPEG, PNG and ProRes video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from eddyline.core.coordinates import contains_location
from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.report import ENCODE_REMEDY, METADATA, UNKNOWN, Report
from eddyline.edit.strip_location.samples.images import ImageError, remove_image_metadata

# AV1 bitstream specification, sections 6.2.2 (OBU types) and 6.7.1 (metadata types).
_OBU_KEPT: Final = frozenset({1, 2, 3, 4, 6, 7, 8})
_OBU_METADATA: Final = 5
_METADATA_KEPT: Final = frozenset({1, 2, 3, 5})  # light level, mastering display, scalability, time code
_METADATA_T35: Final = 4
_HDR10_PLUS: Final = bytes.fromhex("b5003c000104")
_LONGEST_METADATA: Final = 1024
_LEB128_BYTES: Final = 8
# ISO/IEC 13818-2 and 14496-2, section 6.2: user data extends to the next start code.
_USER_DATA: Final = re.compile(rb"\x00\x00\x01\xb2((?s:.*?))(?=\x00\x00\x01|\Z)")
_ENCODER: Final = re.compile(rb"(Lavc\d[\d.]{0,16}|XviD\d{4}|DivX\d{1,4}(Build|b)\d{1,5}p?)\0*")
_ACTIVE_FORMAT: Final = re.compile(rb"DTG1[\x00-\xff]{1,2}")
_PRORES_HEADER: Final = 8


@dataclass(frozen=True, kw_only=True)
class ObuCleaner:
    """Cleans AV1 samples: keeps sequence headers, frames and tiles, and metadata that consists of numbers."""

    what: str
    report: Report

    def __call__(self, sample: bytes) -> bytes:
        """Returns the sample without other OBUs. Raises `UnsupportedError` if the OBUs cannot be parsed."""
        out: list[bytes] = []
        at = 0
        while at < len(sample):
            start, header = at, sample[at]
            at += 2 if header & 4 else 1
            length = len(sample) - at
            if header & 2:
                length, at = self._length(sample, at)
            body, end = sample[at : at + length], at + length
            if header & 0x81 or end > len(sample):
                raise self._unreadable()
            if self._is_harmless(header >> 3 & 15, body):
                out.append(sample[start:end])
            else:
                self.report.record_removed(
                    f"{self.what}: AV1 OBU of type {header >> 3 & 15}", UNKNOWN, len(body), body
                )
            at = end
        return sample if sum(map(len, out)) == len(sample) else b"".join(out)

    def _is_harmless(self, kind: int, body: bytes) -> bool:
        if kind != _OBU_METADATA:
            return kind in _OBU_KEPT
        t35 = body[:1] == bytes([_METADATA_T35]) and body[1:].startswith(_HDR10_PLUS)
        known = body[:1] in {bytes([each]) for each in _METADATA_KEPT}
        return (t35 or known) and len(body) <= _LONGEST_METADATA and not contains_location(body)

    def _length(self, data: bytes, at: int) -> tuple[int, int]:
        total = 0
        for index in range(_LEB128_BYTES):
            if at >= len(data):
                break
            total |= (data[at] & 127) << 7 * index
            at += 1
            if not data[at - 1] & 128:
                return total, at
        raise self._unreadable()

    def _unreadable(self) -> UnsupportedError:
        return _unsupported(self.what, "its AV1 OBUs cannot be parsed")


@dataclass(frozen=True, kw_only=True)
class UserDataCleaner:
    """Cleans MPEG-2 and MPEG-4 part 2 samples: removes user data except encoder names and aspect codes."""

    what: str
    report: Report

    def __call__(self, sample: bytes) -> bytes:
        """Returns the cleaned sample; the same object if it has no user data."""
        return _USER_DATA.sub(self._rewrite_user_data, sample) if b"\0\0\1\xb2" in sample else sample

    def _rewrite_user_data(self, found: re.Match[bytes]) -> bytes:
        data = found[1]
        if _ENCODER.fullmatch(data) or _ACTIVE_FORMAT.fullmatch(data):
            return found[0]
        self.report.record_removed(f"{self.what}: user data in the video", UNKNOWN, len(data), data)
        return b""


@dataclass(frozen=True, kw_only=True)
class ImageCleaner:
    """Cleans samples of `kind` "jpeg" or "png": keeps the pixels, removes EXIF, XMP and comments."""

    kind: str
    what: str
    report: Report

    def __call__(self, sample: bytes) -> bytes:
        """Returns the image without metadata. Raises `UnsupportedError` if it is invalid."""
        try:
            kept = remove_image_metadata(sample, self.kind) if sample else sample
        except ImageError as error:
            raise _unsupported(
                self.what, f"a sample is not a complete {self.kind.upper()} image ({error})"
            ) from error
        if len(kept) != len(sample):
            self.report.record_removed(
                f"{self.what}: metadata in the images", METADATA, len(sample) - len(kept), sample
            )
        return kept


@dataclass(frozen=True, kw_only=True)
class ProResCleaner:
    """Cleans ProRes samples (SMPTE RDD 36): each is one frame that starts with its size."""

    what: str
    report: Report

    def __call__(self, sample: bytes) -> bytes:
        """Returns the frame without trailing bytes. Raises `UnsupportedError` if it is not a ProRes frame."""
        size = int.from_bytes(sample[:4], "big")
        if not sample:
            return sample
        if sample[4:8] != b"icpf" or not _PRORES_HEADER <= size <= len(sample):
            raise _unsupported(self.what, "a sample is not a ProRes frame")
        if sample[size:].strip(b"\0"):
            rest = sample[size:]
            self.report.record_removed(f"{self.what}: bytes after a frame", UNKNOWN, len(rest), rest)
        return sample[:size]


def _unsupported(what: str, why: str) -> UnsupportedError:
    return UnsupportedError(
        f"{what}: {why}, so it cannot be searched for a location",
        remedy=ENCODE_REMEDY,
    )
