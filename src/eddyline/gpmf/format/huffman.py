"""Decompresses samples of type '#', which cameras store with Huffman codes.

Source: GoPro's gpmf-parser (GPMF_bitstream.h: the code tables; GPMF_parser.c: GPMF_Decompress) and
gpmf-write (GPMF_writer.c: GPMFCompress). HERO8 and later compress integer streams in some modes. The value
of such a KLV is

    type, size, repeat of the samples (4 bytes, as in a KLV's header)
    the first sample, uncompressed
    for each channel:  the quantizer (as wide as a channel's number), padded to 2 bytes
                       codes of the differences between its numbers, to an END code, padded to 2 bytes

Numbers of 4 bytes are two channels of 2 bytes each. Differences are in units of the quantizer, and numbers
wrap around. After END all differences are 0. A code is that of a difference's magnitude followed by a sign
bit, of a run of zeros, or ESC followed by the difference itself.

GPMF_Decompress gives a run of zeros that directly precedes another difference the value after it if both
codes are within 16 bits. That loses what GPMFCompress stored; here the run keeps the value before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from eddyline.gpmf.errors import GpmfError
from eddyline.gpmf.format.klv import HEADER, Klv
from eddyline.gpmf.format.types import COMPRESSED

_WIDTH = {"b": 1, "B": 1, "s": 2, "S": 2, "l": 2, "L": 2}  # bytes of a channel's number
_SIZE = {"b": 1, "B": 1, "s": 2, "S": 2, "l": 4, "L": 4}
_HEAD = 4
_WINDOW = 16
_ESC, _END = 0b1110001111000100, 0b1110001111000101
# Codes of magnitudes 1, 2, ...; a sign bit follows each (1: negative). Magnitude 0 is the single bit 0.
MAGNITUDES = (
    *("10", "1100", "11011", "11101", "110100", "110101", "111110"),
    *("1110000", "1110011", "1111000", "1111001", "1111011"),
    *("11100100", "11100101", "11110100", "111000101", "111000110", "111101010"),
    *("1110001000", "1110001110", "1111010110", "1111111100"),
    *("11100010010", "11100011111", "11110101110", "111000100111", "111000111101", "111101011111"),
    *("1110001001101", "1110001111001", "1111010111101"),
    *("11100010011000", "11100011110000", "11110101111000", "11110101111001"),
    *("111000100110010", "111000100110011", "111000111100011"),
)
ZERO_RUNS = {16: "1111110", 32: "11111110", 64: "111111111", 128: "1111111101"}


class OutputLimit:
    """Limits the bytes that all KLVs of one block may expand to, relative to their compressed size.

    A few bytes can declare millions. Real streams shrink to a half or a third, constant ones to a hundredth.
    """

    def __init__(self, size: int, *, least: int = 2 << 20, times: int = 64, limit: int = 1 << 29) -> None:
        self._remaining = min(least + times * size, limit)

    def consume(self, size: int, path: str) -> None:
        """Consume this many bytes. Raises `GpmfError` if the limit is exceeded."""
        self._remaining -= size
        if self._remaining < 0:
            raise GpmfError("compressed samples declare more bytes than any camera writes", path=path)


@dataclass(frozen=True, kw_only=True)
class SampleShape:
    """The type, size and count that a compressed KLV declares for its samples."""

    char: str
    size: int
    repeat: int

    @property
    def bytes(self) -> int:
        """Bytes of all samples."""
        return self.size * self.repeat


def read_sample_shape(node: Klv) -> SampleShape | None:
    """The shape of a compressed KLV's samples; None if it is not compressed or too short."""
    if node.type != COMPRESSED or len(node.data) < _HEAD:
        return None
    _, kind, size, repeat = HEADER.unpack_from(node.key.encode("latin-1") + node.data[:_HEAD])
    return SampleShape(char=kind.decode("latin-1"), size=size, repeat=repeat)


def decompress(node: Klv, *, output_limit: OutputLimit | None = None) -> Klv:
    """The KLV with its samples uncompressed; unchanged if it is not compressed.

    Raises:
        GpmfError: the codes do not match the declared samples, or there are too many.
    """
    if node.type != COMPRESSED:
        return node
    shape = read_sample_shape(node)
    if shape is None or not shape.size or shape.char not in _SIZE or shape.size % _SIZE[shape.char]:
        raise GpmfError("compressed samples of an unknown type", path=node.key, offset=_known_offset(node))
    (output_limit or OutputLimit(len(node.data))).consume(shape.bytes, node.key)
    try:
        data = _decode_samples(node.data, shape)
    except _InvalidCodeError as error:
        raise GpmfError(f"compressed samples: {error}", path=node.key, offset=_known_offset(node)) from error
    return replace(node, type=shape.char, size=shape.size, repeat=shape.repeat, data=data, padding=b"")


class _InvalidCodeError(Exception):
    """Codes that no encoder writes."""


def _known_offset(node: Klv) -> int | None:
    return node.offset if node.offset >= 0 else None


def _decode_samples(data: bytes, shape: SampleShape) -> bytes:
    if not shape.repeat:
        return b""
    width = _WIDTH[shape.char]
    channels = shape.size // width
    at = _HEAD + shape.size
    # Each channel has a quantizer and an END code at least; checked before the table is allocated.
    if len(data) < at + channels * (width + _WINDOW // 8):
        raise _InvalidCodeError(f"{len(data)} bytes are too few for {channels} channels")
    number = np.dtype(f">u{width}")
    first = np.frombuffer(data, number, channels, _HEAD).astype(np.int64)
    table = np.zeros((shape.repeat, channels), np.int64)
    bits = _CodeReader(data)
    for channel in range(channels):
        quantizer = int.from_bytes(data[at : at + width], "big")
        if at + width > len(data):
            raise _InvalidCodeError(f"channel {channel} is missing")
        steps, at = bits.differences(_align_to_2(at + width), shape.repeat - 1, 8 * width)
        table[1 : 1 + len(steps), channel] = steps
        table[:, channel] = first[channel] + quantizer * np.cumsum(table[:, channel])
    return (table & ((1 << 8 * width) - 1)).astype(number).tobytes()


def _align_to_2(at: int) -> int:
    """The next multiple of 2 bytes."""
    return at + at % 2


class _CodeReader:
    """Reads the codes in a value through windows of 16 bits at any bit position."""

    def __init__(self, data: bytes) -> None:
        padded = np.frombuffer(data + bytes(3), np.uint8).astype(np.uint32)
        # For each byte, the 24 bits that start there.
        self._words: list[int] = (padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]).tolist()
        self._end = 8 * len(data)

    def differences(self, at: int, limit: int, escaped: int) -> tuple[list[int], int]:
        """The differences whose codes start at byte `at`, up to `limit`, and the next channel's offset.

        `escaped` is the number of bits after an ESC code.
        """
        out: list[int] = []
        words, bit, last = self._words, 8 * at, self._end - _WINDOW
        modulus = 1 << escaped
        while bit <= last:
            window = words[bit >> 3] >> 8 - (bit & 7) & 0xFFFF
            if window == _END:
                return out, _align_to_2(bit + _WINDOW + 7 >> 3)
            if window == _ESC:
                bit += _WINDOW
                if bit + escaped > self._end:
                    break
                value = (words[bit >> 3] >> 8 - (bit & 7) & 0xFFFF) >> _WINDOW - escaped
                out.append(value - modulus if value >= modulus >> 1 else value)
                bit += escaped
            else:
                used, values = _decode_window(window)
                if not used:
                    raise _InvalidCodeError(f"invalid code at bit {bit}")
                out += values
                bit += used
            if len(out) > limit:
                raise _InvalidCodeError(f"more than the {limit + 1} declared samples")
        raise _InvalidCodeError("the END code is missing")


@lru_cache(maxsize=1 << 16)
def _decode_window(window: int) -> tuple[int, tuple[int, ...]]:
    """The complete codes at the start of 16 bits: the number of their bits, and their differences."""
    text = f"{window:016b}"
    codes, used = _codes(), 0
    values: list[int] = []
    while used < _WINDOW:
        for length in range(1, _WINDOW - used + 1):
            found = codes.get(text[used : used + length])
            if found is not None:
                values.extend(found)
                used += length
                break
        else:
            break
    return used, tuple(values)


@lru_cache(maxsize=1)
def _codes() -> dict[str, tuple[int, ...]]:
    """Every code except ESC and END, with its differences. No code is a prefix of another."""
    found: dict[str, tuple[int, ...]] = {"0": (0,)}
    for magnitude, code in enumerate(MAGNITUDES, 1):
        found[code + "0"], found[code + "1"] = (magnitude,), (-magnitude,)
    found.update({code: (0,) * count for count, code in ZERO_RUNS.items()})
    return found
