"""Reads the fields of a content key from a key file or the answer of a key command.

Messages name the field and never show its value.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from eddyline.media.encryption.content_keys import ContentKey

_FIELDS = frozenset({"key_id", "key", "iv", "uri", "pssh"})
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?:0x)?([0-9a-f]{32})", re.IGNORECASE)
# RFC 3986 characters without quotation marks: a URI is written to playlists and to XML.
_URI = re.compile(r"(?:https|skd)://[A-Za-z0-9._~:/?#@!$&()*+,;=%\[\]-]{1,2000}")
_MAX_PSSH, _MAX_BOXES = 16 * 1024, 8  # bytes of a box; boxes of a key
_HEADER = 8  # bytes of a box header


def parse_key(plain: object) -> ContentKey:
    """The key in a mapping of JSON values. Raises `ValueError` that names the invalid field."""
    if not isinstance(plain, Mapping):
        raise ValueError("it must be a mapping with key_id and key")  # noqa: TRY004 - a value of a file
    unknown = sorted(str(name)[:40] for name in set(plain) - _FIELDS)
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}; valid fields: {', '.join(sorted(_FIELDS))}")
    return ContentKey(
        key_id=_hex(plain, "key_id", _UUID),
        key=_hex(plain, "key", _HEX),
        uri=_uri(plain.get("uri")),
        iv=None if plain.get("iv") is None else _hex(plain, "iv", _HEX),
        pssh=_pssh(plain.get("pssh")),
    )


def _hex(plain: Mapping[str, Any], name: str, form: re.Pattern[str]) -> bytes:
    value = plain.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        # YAML reads 32 decimal digits without quotation marks as a number.
        raise ValueError(f"{name} must be 32 hexadecimal digits in quotation marks")
    return bytes.fromhex(value.lower().removeprefix("0x").replace("-", ""))


def _uri(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _URI.fullmatch(value):
        raise ValueError("uri must start with https:// or skd://, without spaces and quotation marks")
    return value


def _pssh(value: object) -> tuple[bytes, ...]:
    boxes = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(boxes, list) or len(boxes) > _MAX_BOXES:
        raise ValueError(f"pssh must be a list of at most {_MAX_BOXES} boxes in Base64")
    return tuple(_box(each) for each in boxes)


def _box(value: object) -> bytes:
    try:
        box = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        box = b""
    complete = _HEADER < len(box) <= _MAX_PSSH and int.from_bytes(box[:4], "big") == len(box)
    if not complete or box[4:_HEADER] != b"pssh":
        raise ValueError("pssh must contain complete pssh boxes in Base64")
    return box
