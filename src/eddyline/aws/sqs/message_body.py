"""Message bodies: JSON text, compressed if it is long, with size limits for both directions."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any, NoReturn

from eddyline.graph.coordinator.wire import WireError
from eddyline.graph.messages import UnpublishableError

MAX_BYTES = 256 * 1024
"""The size that every SQS queue accepts for a message, and for a batch of messages."""

_COMPRESS_FROM = 8 * 1024
_MAX_DECOMPRESSED = 32 * 1024 * 1024
_COMPRESSED = "z:"  # no JSON value starts with this


class TooLongError(UnpublishableError):
    """The message exceeds the size limit even when compressed."""

    default_remedy = "split the asset, or shorten the specs of its jobs"


def encode_body(value: object) -> str:
    """The message body of a JSON value; raises `TooLongError`, TypeError or ValueError."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    if len(text) < _COMPRESS_FROM:
        return text
    compressed = _COMPRESSED + base64.b64encode(zlib.compress(text.encode(), 6)).decode()
    body = min(compressed, text, key=len)
    if len(body) > MAX_BYTES or len(text) > _MAX_DECOMPRESSED:
        raise TooLongError(
            f"a message of {len(text)} bytes ({len(compressed)} compressed) exceeds {MAX_BYTES} bytes"
        )
    return body


def decode_body(body: str) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value of a message body; raises `WireError`."""
    text = _decompress(body[len(_COMPRESSED) :]) if body.startswith(_COMPRESSED) else body
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}", path="body") from None


def _decompress(compressed: str) -> bytes:
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(base64.b64decode(compressed, validate=True), _MAX_DECOMPRESSED)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise WireError(f"not a compressed message: {error}", path="body") from None
    if not inflater.eof:
        raise WireError("a compressed message that is truncated or too long", path="body")
    return text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
