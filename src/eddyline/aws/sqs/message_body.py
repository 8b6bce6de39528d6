"""Message bodies: JSON as text, packed where it is long, with bounds on both sides."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any, NoReturn

from eddyline.graph.coordinator.wire import WireError
from eddyline.graph.messages import UnpublishableError

MOST_BYTES = 256 * 1024
"""What every SQS queue takes in one message, and in one batch of them."""

_PACK_FROM = 8 * 1024
_MOST_UNPACKED = 32 * 1024 * 1024
_MARK = "z:"  # no JSON value begins so


class TooLongError(UnpublishableError):
    """More than a message can carry, even packed."""

    default_remedy = "split the asset, or make its jobs' specs shorter"


def seal(value: object) -> str:
    """The body of a message; raises `TooLongError`, and TypeError or ValueError for what is not JSON."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    if len(text) < _PACK_FROM:
        return text
    packed = _MARK + base64.b64encode(zlib.compress(text.encode(), 6)).decode()
    body = min(packed, text, key=len)
    if len(body) > MOST_BYTES or len(text) > _MOST_UNPACKED:
        raise TooLongError(f"a message of {len(text)} bytes ({len(packed)} packed; {MOST_BYTES} at most)")
    return body


def unseal(body: str) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value in a body; raises `WireError`."""
    text = _unpacked(body[len(_MARK) :]) if body.startswith(_MARK) else body
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}", path="body") from None


def _unpacked(packed: str) -> bytes:
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(base64.b64decode(packed, validate=True), _MOST_UNPACKED)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise WireError(f"not a packed message: {error}", path="body") from None
    if not inflater.eof:
        raise WireError("a packed message that is cut off, or too long", path="body")
    return text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
