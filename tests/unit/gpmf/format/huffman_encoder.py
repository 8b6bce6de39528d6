"""An encoder of type '#' for tests: GPMFCompress of GoPro's gpmf-write in Python."""

from __future__ import annotations

import struct

import numpy as np

from eddyline import gpmf
from eddyline.gpmf.format.huffman import MAGNITUDES, ZERO_RUNS

ESC, END = "1110001111000100", "1110001111000101"
_FORMATS = {"b": ">i1", "B": ">u1", "s": ">i2", "S": ">u2", "l": ">i2", "L": ">u2"}


def compressed(node: gpmf.Klv, quantizer: int = 1) -> gpmf.Klv:
    """Returns the KLV with its samples compressed; numbers of four bytes are supported only without loss."""
    numbers = np.frombuffer(node.data, _FORMATS[node.type]).reshape(node.repeat, -1).astype(np.int64)
    width = np.dtype(_FORMATS[node.type]).itemsize
    out = bytearray(struct.pack(">cBH", node.type.encode(), node.size, node.repeat) + node.data[: node.size])
    for column in numbers.T:
        out += quantizer.to_bytes(width, "big")
        out += bytes(len(out) % 2)
        units = np.trunc(column / quantizer).astype(np.int64)
        bits = _codes(np.diff(units).tolist(), 8 * width) + END
        bits += "0" * (-len(bits) % 16)
        out += int(bits, 2).to_bytes(len(bits) // 8, "big")
    out += bytes(-len(out) % 4)
    return gpmf.Klv(key=node.key, type="#", size=width, repeat=len(out) // width, data=bytes(out))


def recompressed(payload: bytes, keys: set[str]) -> bytes:
    """Returns the payload with the KLVs of these keys compressed."""
    from dataclasses import replace

    def change(node: gpmf.Klv) -> gpmf.Klv:
        if node.is_nest:
            return replace(node, children=tuple(change(each) for each in node.children), padding=b"")
        return compressed(node) if node.key in keys and node.repeat else node

    return gpmf.serialize([change(node) for node in gpmf.parse(payload).nodes])


def _codes(differences: list[int], width: int) -> str:
    out: list[str] = []
    zeros = 0
    for difference in differences:
        if not difference:
            zeros += 1
            continue
        out += _zeros(zeros)
        zeros = 0
        magnitude = abs(difference)
        if magnitude <= len(MAGNITUDES):
            out.append(MAGNITUDES[magnitude - 1] + ("1" if difference < 0 else "0"))
        else:
            out.append(ESC + f"{difference & (1 << width) - 1:0{width}b}")
    return "".join(out)  # zeros before END are not written


def _zeros(count: int) -> list[str]:
    out = []
    for length in sorted(ZERO_RUNS, reverse=True):
        while count >= length:
            out.append(ZERO_RUNS[length])
            count -= length
    return [*out, "0" * count]
