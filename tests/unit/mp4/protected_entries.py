"""Sample entries of encrypted tracks (ISO/IEC 14496-12 section 8.12, ISO/IEC 23001-7 section 8.2)."""

from __future__ import annotations

from eddyline.mp4.boxes import make_box, make_full_box

KEY_ID = bytes(range(16))
_FIELDS = {"enca": 28}  # bytes of the sample entry before its boxes; of video 78


def tenc(*, version: int = 1, protected: int = 1, iv_size: int = 0, constant: bytes = bytes(16)) -> bytes:
    """A tenc box with the pattern 1:9, which only version 1 has."""
    fields = bytes((0, 0x19 if version else 0, protected, iv_size)) + KEY_ID
    vector = b"" if iv_size else bytes([len(constant)]) + constant
    return make_full_box("tenc", version, 0, fields, vector)


def protected_stsd(
    *,
    kind: str = "encv",
    original: str = "avc1",
    scheme: str = "cbcs",
    tenc: bytes = tenc(),
    entries: int = 1,
) -> bytes:
    """A complete stsd box of equal protected entries."""
    schm = make_full_box("schm", 0, 0, scheme.encode(), b"\0\1\0\0")
    sinf = make_box("sinf", make_box("frma", original.encode()), schm, make_box("schi", tenc))
    entry = make_box(kind, bytes(_FIELDS.get(kind, 78)), sinf)
    return make_full_box("stsd", 0, 0, entries.to_bytes(4, "big"), *([entry] * entries))
