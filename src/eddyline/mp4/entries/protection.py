"""Reads how the samples of a track are encrypted (Common Encryption, ISO/IEC 23001-7)."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.mp4.boxes import Box, sample_entries
from eddyline.mp4.errors import Mp4Error

_FIELDS = {"encv": 78, "enca": 28}  # bytes of the sample entry before its boxes
_KEY_ID = 16  # bytes
_VECTORS = frozenset({8, 16})  # bytes of an initialization vector (section 9.1)


@dataclass(frozen=True, kw_only=True)
class Protection:
    """The protection of a sample entry (boxes frma, schm and tenc).

    `format` is the fourcc of the entry before encryption. `iv_size` is the number of bytes of each sample's
    initialization vector; if it is 0, all samples have `constant_iv`. Of every `crypt_blocks + skip_blocks`
    blocks of 16 bytes, the first `crypt_blocks` are encrypted; 0 and 0 means all.
    """

    format: str
    scheme: str
    key_id: bytes
    iv_size: int
    constant_iv: bytes = b""
    crypt_blocks: int = 0
    skip_blocks: int = 0


def read_protection(stsd: bytes) -> Protection | None:
    """The protection of the only entry of a complete stsd box; None if an entry is in the clear.

    Raises `Mp4Error` for boxes that are missing or too short, and for initialization vectors of other sizes
    than 8 and 16 bytes.
    """
    entries = list(sample_entries(stsd))
    if len(entries) != 1 or entries[0].kind not in _FIELDS:
        return None
    info = entries[0].require("sinf", _FIELDS[entries[0].kind])
    scheme = info.require("schm").fields()
    scheme.skip(4)
    return _read_tenc(
        info.require("schi").require("tenc"),
        original=info.require("frma").fields().read_fourcc(),
        scheme=scheme.read_fourcc(),
    )


def _read_tenc(tenc: Box, *, original: str, scheme: str) -> Protection | None:
    """The fields of tenc (section 8.2); None if samples are not protected by default."""
    fields = tenc.fields()
    version, _ = fields.read_version()
    _, pattern, protected, iv_size = fields.unpack("4B")
    key_id = bytes(fields.read(_KEY_ID))
    if not protected:
        return None
    constant = b"" if iv_size else bytes(fields.read(fields.read_number("B")))
    if (iv_size or len(constant)) not in _VECTORS:
        raise Mp4Error(
            f"samples are encrypted with initialization vectors of {iv_size or len(constant)} bytes",
            path=tenc.path,
            offset=tenc.offset,
        )
    return Protection(
        format=original,
        scheme=scheme,
        key_id=key_id,
        iv_size=iv_size,
        constant_iv=constant,
        crypt_blocks=pattern >> 4 if version else 0,
        skip_blocks=pattern & 15 if version else 0,
    )
