"""A file on a web server, read by byte ranges (RFC 9110, section 14) over one kept connection.

Only what is asked for is fetched: no whole file, ever. A server that does not offer ranges is told so.
Redirects are followed a few times, never from https to http, and only to http and https.
"""

from __future__ import annotations

import re
import time
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from eddyline.core.errors import (
    InputError,
    MissingError,
    TransientError,
    UnsupportedError,
    UsageError,
)
from eddyline.store.ranges import checked_range

SCHEMES = ("http", "https")
MOST_REDIRECTS = 5
HEAD = 16 * 1024  # bytes that the first request brings: where indexes begin, for the price of asking
PART = 8 * 1024 * 1024  # bytes of one request at most
_TRIES = 3
_WAIT_S = 0.5
_SLOWEST = 16 * 1024  # bytes a second; a server slower than that is not waited for
_PIECE = 256 * 1024
_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})")
_OK, _PARTIAL, _EMPTY = 200, 206, 416
_MOVED, _GONE, _REFUSED = {301, 302, 303, 307, 308}, {404, 410}, {401, 403}
_LATER = {408, 425, 429, 500, 502, 503, 504}
_NO_RANGES = "download it and give the file, or put it on a server that answers Range requests"


class HttpRanges:
    """A web address as a file of `size` bytes; counts what was fetched of it."""

    def __init__(self, url: str, *, timeout_s: float = 30.0) -> None:
        """Ask for the file's first bytes, and with them its size.

        Raises:
            UsageError: no address of a file, or the server denies access.
            MissingError: there is no such file. TransientError: the server can't be reached.
            UnsupportedError: the server does not offer byte ranges.
        """
        self.bytes_read = 0
        self.requests = 0
        self._timeout_s = timeout_s
        self._line: HTTPConnection | None = None
        self._at = _checked(url)
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
        """Bytes in the file, when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, by one request for each 8 MiB.

        Raises:
            TruncatedError: the file ends before. MissingError: it has vanished.
            TransientError: it was changed since it was opened, or the server can't be reached.
        """
        checked_range(self.name, self._size, offset, length)
        if offset + length <= len(self._head):
            return self._head[offset : offset + length]
        parts = []
        for at in range(offset, offset + length, PART):
            wanted = min(PART, offset + length - at)
            parts.append(self._fetch(at, wanted))
            if len(parts[-1]) != wanted:
                raise TransientError(f"{self.name}: {len(parts[-1])} of {wanted} bytes came")
        return b"".join(parts)

    @property
    def name(self) -> str:
        """The address without its query, which may hold a secret."""
        return self._at._replace(query="", fragment="").geturl()

    def close(self) -> None:
        """Hang up; safe twice."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fetch(self, offset: int, length: int) -> bytes:
        """The bytes of one range, as many as there are; tried again where that may help."""
        for left in reversed(range(_TRIES)):
            try:
                return self._asked(offset, length)
            except MissingError:
                raise
            except TransientError:
                self.close()
                if not left:
                    raise
                time.sleep(_WAIT_S * (_TRIES - left))
        raise AssertionError("unreachable")

    def _asked(self, offset: int, length: int) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            try:
                answer = self._send(offset, length)
                if answer.status not in _MOVED:
                    return self._taken(answer, offset, length)
                self._redirect(answer.getheader("Location"))
            except TimeoutError as error:
                raise TransientError(f"{self.name}: the server does not answer") from error
            except (OSError, HTTPException) as error:
                raise TransientError(f"{self.name} can't be reached: {error}") from error
        raise InputError(
            f"{self.name}: more than {MOST_REDIRECTS} redirects", remedy="give the address that they lead to"
        )

    def _send(self, offset: int, length: int) -> HTTPResponse:
        self.requests += 1
        if self._line is None:
            kind = HTTPSConnection if self._at.scheme == "https" else HTTPConnection
            self._line = kind(self._at.hostname or "", self._at.port, timeout=self._timeout_s)
        headers = {
            "Range": f"bytes={offset}-{offset + length - 1}",
            "Accept-Encoding": "identity",
            "User-Agent": "eddyline",
        }
        if self._tag is not None:
            headers["If-Range"] = self._tag
        path = self._at.path or "/"
        self._line.request("GET", f"{path}?{self._at.query}" if self._at.query else path, headers=headers)
        return self._line.getresponse()

    def _redirect(self, location: str | None) -> None:
        self.close()
        target = _checked(urljoin(self._at.geturl(), location or ""))
        if self._at.scheme == "https" and target.scheme != "https":
            raise UsageError(f"{self.name} leads away from https", remedy="give the address it leads to")
        self._at = target

    def _taken(self, answer: HTTPResponse, offset: int, length: int) -> bytes:
        """The body of an answer to a request for a range."""
        self._refuse(answer)
        told = _RANGE.fullmatch((answer.getheader("Content-Range") or "").strip())
        if answer.status == _EMPTY and told is not None and int(told[3]) == 0 and self._size <= 0:
            self.close()
            self._size = 0
            return b""
        if answer.status != _PARTIAL or told is None or told[1] is None:
            self.close()  # rather than read a whole film
            if self._size >= 0 and answer.status == _OK:
                raise _ChangedError(f"{self.name} was changed while it was read")
            raise UnsupportedError(f"{self.name}: the server does not offer byte ranges", remedy=_NO_RANGES)
        first, last, size = int(told[1]), int(told[2]), int(told[3])
        if first != offset or last != min(offset + length, size) - 1 or self._size not in {-1, size}:
            self.close()
            raise _ChangedError(f"{self.name}: the server answers with another range than was asked for")
        self._size = size
        self._tag = self._tag or _strong(answer.headers)
        return self._body(answer, last + 1 - first)

    def _refuse(self, answer: HTTPResponse) -> None:
        """Raise for an answer that brings nothing."""
        status = answer.status
        if status in {_OK, _PARTIAL, _EMPTY}:
            return
        self.close()
        what = f"{self.name}: {status} {answer.reason}"
        if status in _GONE:
            raise MissingError(what, remedy="check the address")
        if status in _REFUSED:
            raise UsageError(what, remedy="give an address that needs no login, such as a signed one")
        if status in _LATER:
            raise TransientError(what)
        raise InputError(what, remedy="check the address")

    def _body(self, answer: HTTPResponse, length: int) -> bytes:
        """`length` bytes; a server that drips them is given up."""
        until = time.monotonic() + self._timeout_s + length / _SLOWEST
        parts: list[bytes] = []
        left = length
        while left:
            part = answer.read1(min(left, _PIECE))
            if not part:
                raise TransientError(f"{self.name}: the connection broke after {length - left} bytes")
            if time.monotonic() > until:
                raise TransientError(f"{self.name}: the server is too slow")
            parts.append(part)
            left -= len(part)
        self.bytes_read += length
        if answer.read(1):  # and at its end this frees the line for the next request; read1 would not
            self.close()
            raise _ChangedError(f"{self.name}: the server sends more than was asked for")
        return b"".join(parts)


class _ChangedError(MissingError):
    """The file is no longer the one that was opened: asking again would mix the two."""

    default_remedy = "run the same command again"


def _strong(headers: HTTPMessage) -> str | None:
    """What If-Range may name: a strong entity tag."""
    tag = headers.get("ETag")
    return tag if tag and tag.startswith('"') and tag.isprintable() else None


def _checked(url: str) -> SplitResult:
    """The parts of an address that may be asked for. Raises UsageError."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError("that is not a web address", remedy="write https://host/path") from error
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise UsageError("that is not a web address", remedy="write https://host/path")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "the address has a name or password in it, which others could see",
            remedy="give a signed address, or download the file",
        )
    safe = "/%:@!$&'()*+,;=~-._"
    return parts._replace(
        path=quote(parts.path, safe=safe), query=quote(parts.query, safe=safe + "?"), fragment=""
    )
