"""Asking the machine's own services (metadata, the ECS agent): one short HTTP exchange at a time.

They answer on link-local addresses, within milliseconds or never. So: no proxy, no redirect, no TLS, and
bounds on time and length.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from eddyline.core.errors import TransientError, UsageError

_MOST_BYTES = 64 * 1024
_BLOCK = 4096


class LocalServiceError(TransientError):
    """A service of the machine's own did not answer, or not as documented."""


def check_url(url: str) -> str:
    """The same URL, without a slash at its end; raises `UsageError` unless it is http:// and a host."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme == "http" and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(f"{url!r} is no http:// address", remedy="correct it, or leave it unset")
    return url.rstrip("/")


def request(
    method: str, url: str, *, headers: Mapping[str, str], timeout_s: float, body: bytes = b""
) -> tuple[int, str]:
    """Status and text of the answer; raises `LocalServiceError` if there is none in about `timeout_s`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout_s)
    try:
        connection.request(method, parts.path or "/", body=body or None, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, _text(answer, time.monotonic() + timeout_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LocalServiceError(f"{method} {url}: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _text(answer: http.client.HTTPResponse, until: float) -> str:
    found = b""
    while block := answer.read1(_BLOCK):
        found += block
        if len(found) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        if time.monotonic() > until:
            raise TimeoutError("the answer does not end")
    return found.decode("utf-8", "replace")
