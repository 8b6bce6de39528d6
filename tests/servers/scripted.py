"""An object store with scripted responses: errors, silence, half a response."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.loopback import Handler, listening

_BLOCK = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Request:
    """A received request; only the length of its body is kept."""

    method: str
    path: str
    headers: Mapping[str, str]
    length: int


@dataclass(frozen=True, kw_only=True)
class Response:
    """A response, sent after `delay_s`; `content_length` replaces the length of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_length: int | None = None
    delay_s: float = 0.0


def error(status: int, code: str, message: str = "no") -> Response:
    """An error response in the format of S3."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(status=status, body=body.encode(), headers={"Content-Type": "application/xml"})


@dataclass(kw_only=True)
class Scripted:
    """A running server; `requests` lists all requests."""

    url: str
    requests: list[Request]


@contextmanager
def scripted(respond: Callable[[Request], Response]) -> Iterator[Scripted]:
    """A server on a free loopback port; `respond` returns the response to each request."""
    requests: list[Request] = []

    class Script(Handler):
        def _respond(self) -> None:
            length = left = int(self.headers.get("Content-Length") or 0)
            while left > 0:
                left -= len(self.rfile.read(min(left, _BLOCK)))
            request = Request(
                method=self.command, path=self.path, headers=dict(self.headers.items()), length=length
            )
            requests.append(request)
            response = respond(request)
            time.sleep(response.delay_s)
            length_header = (
                {} if response.content_length is None else {"Content-Length": str(response.content_length)}
            )
            self.respond(response.status, response.body, {**response.headers, **length_header})
            if response.content_length is not None:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _respond

    with listening(Script) as url:
        yield Scripted(url=url, requests=requests)


def discard_uploads(request: Request) -> Response:
    """Respond as a store that accepts uploads, multipart or not, and discards them."""
    if request.method == "POST" and request.path.endswith("?uploads="):
        return Response(
            body=b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
        )
    if request.method == "POST":
        return Response(
            body=b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>'
        )
    return Response(headers={"ETag": f'"{re.sub("[^a-z0-9]", "", request.path)}"'})
