"""Detection of truncated AWS responses, which botocore treats as empty ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import HTTPClientError


class TruncatedResponseError(HTTPClientError):  # type: ignore[misc]  # botocore carries no types
    """The connection closed before the end of the response; whether the call took effect is unknown."""

    fmt = "the response was truncated: received {received} of {length} bytes"


def require_complete(client: Any) -> Any:  # noqa: ANN401 - boto3 creates its classes at run time
    """Make every call on `client` raise `TruncatedResponseError` for a truncated response; returns `client`.

    botocore disables urllib3's own check, and its JSON parser returns an empty result for half a response: a
    batch without failures, a queue without messages, a missing URL.
    """
    client.meta.events.register("before-parse", _check)
    return client


def _check(response_dict: Mapping[str, Any], **_: object) -> None:
    body = response_dict["body"]
    length = {name.lower(): value for name, value in response_dict["headers"].items()}.get("content-length")
    if isinstance(body, bytes) and body and length is not None and len(body) < int(length):
        raise TruncatedResponseError(received=len(body), length=length)
