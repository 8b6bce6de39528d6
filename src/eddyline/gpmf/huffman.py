"""Type '#': samples that a camera stored Huffman-compressed, as samples again.

Source: GoPro's gpmf-parser (GPMF_bitstream.h: the code tables; GPMF_parser.c: GPMF_Decompress) and gpmf-write
(GPMF_writer.c: GPMFCompress). HERO8 and later compress integer streams in some modes. The value of such a KLV

    type, size, repeat of the samples (4 bytes, as in a KLV's header)
    the first sample, as it is
    for each channel:  the quantizer (as wide as a channel's number), padded to 2 bytes
                       codes of the differences between its numbers, to an END code, padded to 2 bytes

Numbers of 4 bytes are two channels of 2 bytes each. Differences count in units of the quantizer, and numbers
wrap around. After END all differences are 0. A code is that of a difference's magnitude followed by a sign
bit, of a run of zeros, or ESC with the difference itself behind it.

GPMF_Decompress gives a run of zeros that directly precedes another difference the value after it, where both
codes lie within 16 bits. That loses what GPMFCompress stored; here the run keeps the value before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from eddyline.gpmf.errors import GpmfError
from eddyline.gpmf.klv import HEADER, Klv

COMPRESSED = "#"
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
    """A bound on what all KLVs of one block may expand to: bytes, by the bytes that they come from.

    A few bytes can announce millions. Real streams shrink to a half or a third, constant ones to a hundredth.
    """

    def __init__(self, size: int, *, least: int = 2 << 20, times: int = 64, most: int = 1 << 29) -> None:
        self._left = min(least + times * size, most)

    def take(self, size: int, path: str) -> None:
        """Use up so many bytes. Raises `GpmfError` where there are none left."""
        self._left -= size
        if self._left < 0:
            raise GpmfError("compressed samples announce more than any camera writes", path=path)


@dataclass(frozen=True, kw_only=True)
class SampleShape:
    """What a compressed KLV says of the samples in it."""

    char: str
    size: int
    repeat: int

    @property
    def bytes(self) -> int:
        """Bytes of all samples."""
        return self.size * self.repeat


def read_sample_shape(node: Klv) -> SampleShape | None:
    """The shape of a compressed KLV's samples; None where it is none, or too short to say."""
    if node.type != COMPRESSED or len(node.data) < _HEAD:
        return None
    _, kind, size, repeat = HEADER.unpack_from(node.key.encode("latin-1") + node.data[:_HEAD])
    return SampleShape(char=kind.decode("latin-1"), size=size, repeat=repeat)


def decompress(node: Klv, *, budget: OutputLimit | None = None) -> Klv:
    """The same KLV with its samples as they were before compression; itself where it is not compressed.

    Raises:
        GpmfError: its codes are not those of the samples that it announces, or there are too many.
    """
    if node.type != COMPRESSED:
        return node
    shape = read_sample_shape(node)
    if shape is None or not shape.size or shape.char not in _SIZE or shape.size % _SIZE[shape.char]:
        raise GpmfError("compressed samples of no known type", path=node.key, offset=_at(node))
    (budget or OutputLimit(len(node.data))).take(shape.bytes, node.key)
    try:
        data = _samples(node.data, shape)
    except _BrokenError as error:
        raise GpmfError(f"compressed samples: {error}", path=node.key, offset=_at(node)) from error
    return replace(node, type=shape.char, size=shape.size, repeat=shape.repeat, data=data, padding=b"")


class _BrokenError(Exception):
    """Codes that no encoder writes."""


def _at(node: Klv) -> int | None:
    return node.offset if node.offset >= 0 else None


def _samples(data: bytes, shape: SampleShape) -> bytes:
    if not shape.repeat:
        return b""
    width = _WIDTH[shape.char]
    channels = shape.size // width
    at = _HEAD + shape.size
    # Each channel has a quantizer and an END code at least; checked before the table is allocated.
    if len(data) < at + channels * (width + _WINDOW // 8):
        raise _BrokenError(f"{len(data)} bytes are too few for {channels} channels")
    number = np.dtype(f">u{width}")
    first = np.frombuffer(data, number, channels, _HEAD).astype(np.int64)
    table = np.zeros((shape.repeat, channels), np.int64)
    bits = _Bits(data)
    for channel in range(channels):
        quantizer = int.from_bytes(data[at : at + width], "big")
        if at + width > len(data):
            raise _BrokenError(f"channel {channel} is missing")
        steps, at = bits.differences(_even(at + width), shape.repeat - 1, 8 * width)
        table[1 : 1 + len(steps), channel] = steps
        table[:, channel] = first[channel] + quantizer * np.cumsum(table[:, channel])
    return (table & ((1 << 8 * width) - 1)).astype(number).tobytes()


def _even(at: int) -> int:
    """The next multiple of 2 bytes."""
    return at + at % 2


class _Bits:
    """The codes in a value, read by windows of 16 bits at any bit."""

    def __init__(self, data: bytes) -> None:
        padded = np.frombuffer(data + bytes(3), np.uint8).astype(np.uint32)
        # At each byte, the 24 bits that begin there.
        self._words: list[int] = (padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]).tolist()
        self._end = 8 * len(data)

    def differences(self, at: int, most: int, escaped: int) -> tuple[list[int], int]:
        """The differences whose codes begin at byte `at`, up to `most`, and where the next channel begins.

        `escaped` is the number of bits behind an ESC code.
        """
        out: list[int] = []
        words, bit, last = self._words, 8 * at, self._end - _WINDOW
        limit = 1 << escaped
        while bit <= last:
            window = words[bit >> 3] >> 8 - (bit & 7) & 0xFFFF
            if window == _END:
                return out, _even(bit + _WINDOW + 7 >> 3)
            if window == _ESC:
                bit += _WINDOW
                if bit + escaped > self._end:
                    break
                value = (words[bit >> 3] >> 8 - (bit & 7) & 0xFFFF) >> _WINDOW - escaped
                out.append(value - limit if value >= limit >> 1 else value)
                bit += escaped
            else:
                used, values = _decoded(window)
                if not used:
                    raise _BrokenError(f"no code at bit {bit}")
                out += values
                bit += used
            if len(out) > most:
                raise _BrokenError(f"more than the {most + 1} samples announced")
        raise _BrokenError("they end without an END code")


@lru_cache(maxsize=1 << 16)
def _decoded(window: int) -> tuple[int, tuple[int, ...]]:
    """The whole codes at the beginning of 16 bits: how many bits they take, and their differences."""
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
    """Every code but ESC and END, with the differences that it stands for. No code is another's prefix."""
    found: dict[str, tuple[int, ...]] = {"0": (0,)}
    for magnitude, code in enumerate(MAGNITUDES, 1):
        found[code + "0"], found[code + "1"] = (magnitude,), (-magnitude,)
    found.update({code: (0,) * count for count, code in ZERO_RUNS.items()})
    return found
