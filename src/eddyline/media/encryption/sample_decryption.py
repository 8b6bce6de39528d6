"""Decrypts single samples of Common Encryption (ISO/IEC 23001-7 sections 9 and 10).

It shares no code with the packager that encrypts, so that equal bytes after decryption prove both.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.media.encryption.aes import cbc_decrypt, ctr_decryptor
from eddyline.mp4.entries.protection import Protection

_BLOCK = 16  # bytes
_RANGE = struct.Struct(">HI")  # bytes in the clear, and protected bytes after them


@dataclass(frozen=True, kw_only=True)
class SampleDecryption:
    """Decrypts the samples of one track, which `protection` describes, with a key of 16 bytes."""

    protection: Protection
    key: bytes

    def decrypt(self, sample: bytes, auxiliary: bytes, *, has_ranges: bool) -> bytes:
        """The sample in the clear.

        `auxiliary` is its entry in senc: the initialization vector, and with `has_ranges` the ranges of the
        sample. Raises `ProofError` if the vector is missing or the ranges exceed the sample.
        """
        vector = auxiliary[: self.protection.iv_size] or self.protection.constant_iv
        if len(vector) != (self.protection.iv_size or len(self.protection.constant_iv)):
            raise ProofError("a sample has no complete initialization vector")
        vector = vector.ljust(_BLOCK, b"\0")  # one of 8 bytes is the first half of the block (section 9.1)
        ranges = [(0, len(sample))]
        if has_ranges:
            ranges = _protected_ranges(auxiliary[self.protection.iv_size :], len(sample))
        if self.protection.scheme == "cenc":
            return self._decrypt_counter(sample, vector, ranges)
        if self.protection.scheme == "cbcs":
            return self._decrypt_pattern(sample, vector, ranges)
        raise ProofError(f"the stream has the unknown encryption scheme {self.protection.scheme!r}")

    def _decrypt_counter(self, sample: bytes, vector: bytes, ranges: list[tuple[int, int]]) -> bytes:
        """AES-CTR over the protected bytes of the sample, as one sequence (section 9.5)."""
        decryptor = ctr_decryptor(self.key, vector)
        clear = bytearray(sample)
        for start, stop in ranges:
            clear[start:stop] = decryptor.update(sample[start:stop])
        return bytes(clear)

    def _decrypt_pattern(self, sample: bytes, vector: bytes, ranges: list[tuple[int, int]]) -> bytes:
        """AES-CBC over the encrypted blocks of each range, which starts with the vector (section 9.6)."""
        crypt, skip = self.protection.crypt_blocks, self.protection.skip_blocks
        data = np.frombuffer(sample, np.uint8).copy()
        for start, stop in ranges:
            blocks = data[start : start + (stop - start) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
            chosen = np.arange(len(blocks)) % (crypt + skip or 1) < (crypt or 1)
            if chosen.any():
                clear = cbc_decrypt(self.key, vector, blocks[chosen].tobytes())
                blocks[chosen] = np.frombuffer(clear, np.uint8).reshape(-1, _BLOCK)
        return data.tobytes()


def _protected_ranges(table: bytes, size: int) -> list[tuple[int, int]]:
    """The protected ranges [start, stop) of a sample of `size` bytes."""
    count = int.from_bytes(table[:2], "big")
    if len(table) != 2 + count * _RANGE.size:
        raise ProofError(f"a sample has {count} encrypted ranges in {len(table)} bytes")
    ranges, at = [], 0
    for clear, protected in _RANGE.iter_unpack(table[2:]):
        ranges.append((at + clear, at + clear + protected))
        at += clear + protected
    if at != size:
        raise ProofError(f"the encrypted ranges of a sample have {at} bytes, the sample {size}")
    return ranges
