"""Answers of AWS that came in part only: botocore takes one that was cut off for an empty one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import HTTPClientError


class TruncatedResponseError(HTTPClientError):  # type: ignore[misc]  # botocore carries no types
    """The connection ended before the answer did; whether the work was done is not known."""

    fmt = "the answer was cut off: {told} of {length} bytes came"


def require_complete(client: Any) -> Any:  # noqa: ANN401 - boto3 makes its classes when running
    """Make every call on `client` raise `TruncatedResponseError` for a truncated response; returns `client`.

    botocore switches urllib3's own check off, and its JSON parser makes an empty answer of half of one: a
    batch without failures, a queue without messages, an address that is not there.
    """
    client.meta.events.register("before-parse", _check)
    return client


def _check(response_dict: Mapping[str, Any], **_: object) -> None:
    body = response_dict["body"]
    length = {name.lower(): value for name, value in response_dict["headers"].items()}.get("content-length")
    if isinstance(body, bytes) and body and length is not None and len(body) < int(length):
        raise TruncatedResponseError(told=len(body), length=length)
