"""The raw bytes (RBSP) of a NAL unit as bits: Exp-Golomb codes, trailing bits, emulation prevention.

ITU-T H.264 sections 7.3.1 and 9.1, H.265 sections 7.3.1 and 9.2.
"""

from __future__ import annotations

from eddyline.core.errors import InputError


def read_exp_golomb(bits: str, at: int) -> tuple[int, int]:
    """(value, end) of the Exp-Golomb code at bit `at`. Raises `InputError` if the code is incomplete."""
    one = bits.find("1", at)
    if one < 0 or 2 * one - at + 1 > len(bits):
        raise InputError("a parameter set is damaged", remedy="copy the file again")
    zeros = one - at
    return int(bits[one : one + zeros + 1], 2) - 1, one + zeros + 1


def encode_exp_golomb(value: int) -> str:
    """The bits of an Exp-Golomb code."""
    word = f"{value + 1:b}"
    return "0" * (len(word) - 1) + word


def payload_bits(data: bytes) -> str:
    """A NAL unit's payload as "0" and "1", without emulation prevention."""
    return "".join(f"{byte:08b}" for byte in remove_emulation_prevention(data))


def pack_bits(bits: str) -> bytes:
    """The bytes of RBSP bits, aligned again after the trailing bit, with emulation prevention."""
    body = bits[: bits.rindex("1") + 1]
    body += "0" * (-len(body) % 8)
    return add_emulation_prevention(int(body, 2).to_bytes(len(body) // 8, "big"))


def remove_emulation_prevention(data: bytes) -> bytes:
    """The bytes without emulation prevention bytes."""
    return data.replace(b"\0\0\3", b"\0\0")


def add_emulation_prevention(data: bytes) -> bytes:
    """The bytes with emulation prevention bytes (section 7.4.2)."""
    out = bytearray()
    at = 0
    while True:
        zeros = data.find(b"\0\0", at)
        if zeros < 0 or zeros + 2 >= len(data):
            out += data[at:]
            return bytes(out)
        out += data[at : zeros + 2]
        at = zeros + 2
        if data[at] <= 3:  # noqa: PLR2004 - 00 00 0x would read as a start code or an escape
            out.append(3)
