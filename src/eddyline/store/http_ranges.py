"""A file on a web server, read by byte ranges (RFC 9110, section 14) over one persistent connection.

Only the requested ranges are transferred, never the whole file; a server without range requests is an error.
Follows a limited number of redirects, only to http and https, and never from https to http.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.closeable import Closeable
from eddyline.core.errors import (
    InputError,
    MissingError,
    TransientError,
    UnsupportedError,
    UsageError,
)
from eddyline.store.addresses import WEB_SCHEMES
from eddyline.store.ranges import checked_range

MAX_REDIRECTS = 5
HEAD = 16 * 1024  # bytes of the first request; the index of a file often starts there
PART = 8 * 1024 * 1024  # maximum bytes of one request
_ATTEMPTS = 3
_BACKOFF = BackoffPolicy(base_s=0.5, cap_s=1.0)
_MIN_RATE = 16 * 1024  # bytes per second; a slower server is an error
_READ_SIZE = 256 * 1024
_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})")
_OK, _PARTIAL, _EMPTY = 200, 206, 416
_REDIRECT, _GONE, _DENIED = {301, 302, 303, 307, 308}, {404, 410}, {401, 403}
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
_NO_RANGES = "download the file and pass its path, or use a server that supports Range requests"


Connect = Callable[[SplitResult, float], HTTPConnection]
"""Opens a connection to the host of a URL, with a timeout in seconds."""


def connect(url: SplitResult, timeout_s: float) -> HTTPConnection:
    """A connection to the host of a URL; its address is not checked."""
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    return kind(url.hostname or "", url.port, timeout=timeout_s)


class HttpRanges(Closeable):
    """The file of `size` bytes at a URL; counts the requests and the bytes read."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        connect: Connect = connect,
    ) -> None:
        """Request the first bytes of the file, which also returns its size.

        `connect` opens the connections, also those of redirects (`PublicConnections.open` checks addresses).

        Raises:
            UsageError: the URL is invalid, or the server denies access.
            MissingError: the file does not exist. TransientError: the server is unavailable.
            UnsupportedError: the server does not support byte ranges.
        """
        self.bytes_read = 0
        self.requests = 0
        self._timeout_s = timeout_s
        self._clock = clock
        self._connect = connect
        self._connection: HTTPConnection | None = None
        self._url = parse_url(url)
        self._tag: str | None = None
        self._size = -1
        self._head = b""
        try:
            self._head = self._fetch(0, HEAD)
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """The size of the file in bytes when it was opened."""
        return self._size

    @property
    def tag(self) -> str | None:
        """The strong entity tag of the file when it was opened; None if the server gives none."""
        return self._tag

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, by one request per 8 MiB.

        Raises:
            TruncatedError: the file ends before. MissingError: it no longer exists.
            TransientError: it has changed since it was opened, or the server is unavailable.
        """
        checked_range(self.name, self._size, offset, length)
        if offset + length <= len(self._head):
            return self._head[offset : offset + length]
        parts = []
        for at in range(offset, offset + length, PART):
            count = min(PART, offset + length - at)
            parts.append(self._fetch(at, count))
            if len(parts[-1]) != count:
                raise TransientError(f"{self.name}: received {len(parts[-1])} of {count} bytes")
        return b"".join(parts)

    @property
    def name(self) -> str:
        """The URL without its query, which may contain a secret."""
        return self._url._replace(query="", fragment="").geturl()

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fetch(self, offset: int, length: int) -> bytes:
        """The bytes of one range, up to the end of the file; retries transient errors."""
        backoff = Backoff(_BACKOFF)
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._request(offset, length)
            except MissingError:
                raise
            except TransientError:
                self.close()
                backoff.pause()
        return self._request(offset, length)

    def _request(self, offset: int, length: int) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                response = self._send(offset, length)
                if response.status not in _REDIRECT:
                    return self._read_range(response, offset, length)
                self._redirect(response.getheader("Location"))
            except TimeoutError as error:
                raise TransientError(f"{self.name}: the server does not respond") from error
            except (OSError, HTTPException) as error:
                raise TransientError(f"{self.name} is unavailable: {error}") from error
        raise InputError(
            f"{self.name}: more than {MAX_REDIRECTS} redirects", remedy="pass the URL that they lead to"
        )

    def _send(self, offset: int, length: int) -> HTTPResponse:
        self.requests += 1
        if self._connection is None:
            self._connection = self._connect(self._url, self._timeout_s)
        headers = {
            "Range": f"bytes={offset}-{offset + length - 1}",
            "Accept-Encoding": "identity",
            "User-Agent": "eddyline",
        }
        if self._tag is not None:
            headers["If-Range"] = self._tag
        path = self._url.path or "/"
        self._connection.request(
            "GET", f"{path}?{self._url.query}" if self._url.query else path, headers=headers
        )
        return self._connection.getresponse()

    def _redirect(self, location: str | None) -> None:
        self.close()
        target = parse_url(urljoin(self._url.geturl(), location or ""))
        if self._url.scheme == "https" and target.scheme != "https":
            raise UsageError(
                f"{self.name} redirects from https to http", remedy="pass the URL that it leads to"
            )
        self._url = target

    def _read_range(self, response: HTTPResponse, offset: int, length: int) -> bytes:
        """The body of the response to a range request."""
        self._raise_for_status(response)
        content_range = _RANGE.fullmatch((response.getheader("Content-Range") or "").strip())
        if (
            response.status == _EMPTY
            and content_range is not None
            and int(content_range[3]) == 0
            and self._size <= 0
        ):
            self.close()
            self._size = 0
            return b""
        if response.status != _PARTIAL or content_range is None or content_range[1] is None:
            self.close()  # without reading the whole file
            if self._size >= 0 and response.status == _OK:
                raise _ChangedError(f"{self.name} changed while it was read")
            raise UnsupportedError(f"{self.name}: the server does not support byte ranges", remedy=_NO_RANGES)
        first, last, size = int(content_range[1]), int(content_range[2]), int(content_range[3])
        if first != offset or last != min(offset + length, size) - 1 or self._size not in {-1, size}:
            self.close()
            raise _ChangedError(f"{self.name}: the server returned another range than requested")
        self._size = size
        self._tag = self._tag or _strong_etag(response.headers)
        return self._read_body(response, last + 1 - first)

    def _raise_for_status(self, response: HTTPResponse) -> None:
        """Raise for a response without a range."""
        status = response.status
        if status in {_OK, _PARTIAL, _EMPTY}:
            return
        self.close()
        what = f"{self.name}: {status} {response.reason}"
        if status in _GONE:
            raise MissingError(what, remedy="check the URL")
        if status in _DENIED:
            raise UsageError(what, remedy="pass a URL that needs no login, such as a signed one")
        if status in _TEMPORARY:
            raise TransientError(what)
        raise InputError(what, remedy="check the URL")

    def _read_body(self, response: HTTPResponse, length: int) -> bytes:
        """`length` bytes; raises if the server is too slow."""
        deadline = self._clock() + self._timeout_s + length / _MIN_RATE
        parts: list[bytes] = []
        left = length
        while left:
            part = response.read1(min(left, _READ_SIZE))
            if not part:
                raise TransientError(f"{self.name}: the connection broke after {length - left} bytes")
            if self._clock() > deadline:
                raise TransientError(f"{self.name}: the server is too slow")
            parts.append(part)
            left -= len(part)
        self.bytes_read += length
        if response.read(1):  # reading to the end allows the next request on this connection; read1 does not
            self.close()
            raise _ChangedError(f"{self.name}: the server sent more than requested")
        return b"".join(parts)


class _ChangedError(MissingError):
    """The file has changed since it was opened; a retry would mix both versions."""

    default_remedy = "run the same command again"


def _strong_etag(headers: HTTPMessage) -> str | None:
    """A strong entity tag for If-Range."""
    tag = headers.get("ETag")
    return tag if tag and tag.startswith('"') and tag.isprintable() else None


def parse_url(url: str) -> SplitResult:
    """Parse and validate a URL. Raises `UsageError`."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError("invalid URL", remedy="write https://host/path") from error
    if parts.scheme not in WEB_SCHEMES or not parts.hostname:
        raise UsageError("invalid URL", remedy="write https://host/path")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "the URL contains a name or password, which others could see",
            remedy="pass a signed URL, or download the file",
        )
    safe = "/%:@!$&'()*+,;=~-._"
    return parts._replace(
        path=quote(parts.path, safe=safe), query=quote(parts.query, safe=safe + "?"), fragment=""
    )
