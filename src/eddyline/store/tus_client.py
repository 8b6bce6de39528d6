"""A client of `eddyline serve`: uploads by the tus protocol, and the requests that go with them.

A request that fails for a passing reason (a lost connection, a busy server) is repeated with backoff; the
bytes that the server has are never sent again. A token is sent only to https, and to this machine.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.closeable import Closeable
from eddyline.core.errors import EddylineError, InputError, TransientError, UsageError
from eddyline.core.formatting import printable_line
from eddyline.core.stop import Stop

API = "/api/v1"
_UPLOADS = f"{API}/uploads"
_VERSION = "1.0.0"
_BYTES = "application/offset+octet-stream"
_TIMEOUT_S = 60.0
_BACKOFF = BackoffPolicy(base_s=0.5, cap_s=30.0)
_MAX_ANSWER = 16 * 1024 * 1024
_MAX_TEXT = 400
_NO_CONTENT, _CREATED, _OK, _GONE, _NOT_FOUND, _CONFLICT, _MISMATCH = 204, 201, 200, 410, 404, 409, 460
_PASSING = {408, 423, 425, 429, 460, 500, 502, 503, 504}
_DENIED = {401, 403}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise InputError(
                "the server did not answer in JSON", remedy="check that the address is that of eddyline serve"
            ) from error


class TusServer(Closeable):
    """One connection to a server; for one thread. `stop` ends the waits between attempts."""

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        stop: Stop | None = None,
        allow_http: bool = False,
        timeout_s: float = _TIMEOUT_S,
        on_retry: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._url = _parse(url)
        self._stop = stop or Stop()
        self._timeout_s = timeout_s
        self._on_retry = on_retry
        self._connection: HTTPConnection | None = None
        self._headers = {"User-Agent": "eddyline", "Accept": "application/json", "Tus-Resumable": _VERSION}
        if token:
            if self._url.scheme == "http" and self._url.hostname not in _LOOPBACK and not allow_http:
                raise UsageError(
                    f"a token is not sent to {self._url.hostname} without TLS",
                    remedy="use https://, or set EDDYLINE_ALLOW_HTTP=1 in a trusted network",
                )
            self._headers["Authorization"] = f"Bearer {token}"

    def check_access(self) -> None:
        """Raise `UsageError` unless the server accepts the token, `TransientError` if it is unreachable."""
        answer = self._once("GET", _UPLOADS, {}, b"")
        if answer.status != _OK:
            raise self._error(answer)

    def look_up(self, fingerprints: list[str], profile: str, head: bytes) -> dict[str, Any]:
        """What the owner of the token has of a recording: see `POST /api/v1/uploads/lookup`."""
        body = {"fingerprints": fingerprints, "profile": profile, "head": base64.b64encode(head).decode()}
        return dict(self._json("POST", f"{_UPLOADS}/lookup", body))

    def status(self, upload: str) -> dict[str, Any]:
        """The state of an upload: see `GET /api/v1/uploads/{upload}`."""
        return dict(self._json("GET", f"{_UPLOADS}/{upload}"))

    def create(self, length: int, metadata: Mapping[str, str]) -> str:
        """Create an upload of `length` bytes; returns its id."""
        encoded = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
        headers = {"Upload-Length": str(length), "Upload-Metadata": ",".join(encoded)}
        answer = self._request("POST", _UPLOADS, headers)
        location = answer.headers.get("location", "")
        if answer.status != _CREATED or not location.startswith("/"):
            raise self._error(answer)
        return location.rpartition("/")[2]

    def offset(self, upload: str) -> int | None:
        """The offset at which an upload continues; None if the server does not have it any more."""
        answer = self._request("HEAD", f"{_UPLOADS}/{upload}")
        if answer.status in {_NOT_FOUND, _GONE}:
            return None
        if answer.status != _OK:
            raise self._error(answer)
        return _whole(answer.headers.get("upload-offset", ""))

    def send(self, upload: str, offset: int, data: bytes) -> int:
        """Send bytes from `offset` with their SHA-256; returns the offset that the server has now.

        After a failure that offset may be any, also behind these bytes: the caller continues there.
        """
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        headers = {
            "Content-Type": _BYTES,
            "Upload-Offset": str(offset),
            "Upload-Checksum": f"sha256 {digest}",
        }
        backoff = self._backoff()
        while True:
            try:
                answer = self._once("PATCH", f"{_UPLOADS}/{upload}", headers, data)
            except TransientError as error:
                self._pause(backoff, error.message)
            else:
                if answer.status == _NO_CONTENT:
                    return _whole(answer.headers.get("upload-offset", ""))
                if answer.status not in _PASSING and answer.status != _CONFLICT:
                    raise self._error(answer)
                if answer.status != _CONFLICT:
                    self._pause(backoff, self._error(answer).message)
            # The bytes may have arrived although the answer did not.
            found = self.offset(upload)
            if found is None:
                raise InputError(
                    "the server does not have the upload any more", remedy="run the command again"
                )
            if found != offset:
                return found

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _json(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        headers = {"Content-Type": "application/json"} if body is not None else {}
        data = b"" if body is None else json.dumps(body).encode()
        answer = self._request(method, path, headers, data)
        if answer.status != _OK:
            raise self._error(answer)
        return answer.json()

    def _request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> _Answer:
        """A request that is repeated until the server answers, or a stop is requested."""
        backoff = self._backoff()
        while True:
            try:
                answer = self._once(method, path, headers or {}, body)
            except TransientError as error:
                self._pause(backoff, error.message)
                continue
            if answer.status not in _PASSING:
                return answer
            self._pause(backoff, self._error(answer).message)

    def _once(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> _Answer:
        self._stop.check()
        try:
            connection = self._connection = self._connection or self._connect()
            connection.request(method, self._url.path + path, body, {**self._headers, **headers})
            response = connection.getresponse()
            data = response.read(_MAX_ANSWER)
        except ssl.SSLCertVerificationError as error:
            raise UsageError(
                f"the certificate of {self._url.netloc} is not trusted: {error.verify_message}",
                remedy="check the address; set SSL_CERT_FILE for a certificate authority of your own",
            ) from error
        except (OSError, HTTPException) as error:
            self.close()
            raise TransientError(
                f"{self._url.netloc} is not reachable: {error or type(error).__name__}"
            ) from error
        found = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            self.close()
        return _Answer(status=response.status, headers=found, body=data)

    def _connect(self) -> HTTPConnection:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        return kind(self._url.hostname or "", self._url.port, timeout=self._timeout_s)

    def _backoff(self) -> Backoff:
        return Backoff(_BACKOFF, wait=self._stop.wait)

    def _pause(self, backoff: Backoff, reason: str) -> None:
        """Wait before the next attempt. Raises `Interrupted` when a stop is requested."""
        self._on_retry(reason)
        backoff.pause()
        self._stop.check()

    def _error(self, answer: _Answer) -> EddylineError:
        """The error that an answer states as problem details."""
        try:
            problem = json.loads(answer.body)
            detail, remedy = str(problem["detail"]), str(problem.get("remedy", ""))
        except (ValueError, LookupError, TypeError):
            detail, remedy = f"the server answered with status {answer.status}", ""
        detail, remedy = printable_line(detail, _MAX_TEXT), printable_line(remedy, _MAX_TEXT)
        if answer.status in _DENIED:
            return UsageError(
                f"{self._url.netloc}: {detail}",
                remedy=remedy or "pass a token with scope write in EDDYLINE_TOKEN or by --token-file",
            )
        return InputError(detail, remedy=remedy)


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_valid = SplitResult("", "", "", "", ""), False
    invalid = parts.query or parts.fragment or parts.username is not None or not url.isascii()
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid or invalid:
        raise UsageError(
            "invalid address of a server",
            remedy="write --server https://media.example.com, without a token in it",
        )
    return parts._replace(path=parts.path.rstrip("/"))


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:  # noqa: PLR2004 - digits of 2**59
        raise InputError(
            "the server did not state an offset", remedy="check that the address is that of eddyline serve"
        )
    return int(text)
