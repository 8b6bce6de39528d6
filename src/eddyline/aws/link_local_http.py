"""HTTP requests to services of the machine: instance metadata and the ECS agent.

They answer on link-local addresses, within milliseconds or never. Proxies, redirects and TLS are not
used, and time and length are limited.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from eddyline.core.errors import TransientError, UsageError

_MAX_BYTES = 64 * 1024
_BLOCK = 4096


class LocalServiceError(TransientError):
    """A service of the machine did not answer, or not as documented."""


def check_url(url: str) -> str:
    """The URL without a trailing slash; raises `UsageError` unless it is http:// and a host."""
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme == "http" and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise UsageError(f"{url!r} is not a valid http:// URL", remedy="correct or unset it")
    return url.rstrip("/")


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    body: bytes = b"",
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[int, str]:
    """The status and text of the response; raises `LocalServiceError` if it takes longer than `timeout_s`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout_s)
    try:
        connection.request(method, parts.path or "/", body=body or None, headers=dict(headers))
        response = connection.getresponse()
        return response.status, _read(response, monotonic() + timeout_s, monotonic)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LocalServiceError(f"{method} {url}: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse, deadline: float, monotonic: Callable[[], float]) -> str:
    content = b""
    while block := response.read1(_BLOCK):
        content += block
        if len(content) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
        if monotonic() > deadline:
            raise TimeoutError("the response does not end")
    return content.decode("utf-8", "replace")
