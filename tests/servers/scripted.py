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
    """What was asked. The body is only counted."""

    method: str
    path: str
    headers: Mapping[str, str]
    length: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to answer; `promised` bytes if they differ from those of the body; after a silence, in seconds."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None
    silence_s: float = 0.0


def error(status: int, code: str, message: str = "no") -> Answer:
    """An error as S3 says it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status=status, body=body.encode(), headers={"Content-Type": "application/xml"})


@dataclass(kw_only=True)
class Scripted:
    """A running server; `asked` is all that was asked of it."""

    url: str
    asked: list[Request]


@contextmanager
def scripted(answer: Callable[[Request], Answer]) -> Iterator[Scripted]:
    """A server on a free port of loopback that answers each request by `answer`."""
    asked: list[Request] = []

    class Script(Handler):
        def _answer(self) -> None:
            length = left = int(self.headers.get("Content-Length") or 0)
            while left > 0:
                left -= len(self.rfile.read(min(left, _BLOCK)))
            request = Request(
                method=self.command, path=self.path, headers=dict(self.headers.items()), length=length
            )
            asked.append(request)
            response = answer(request)
            time.sleep(response.silence_s)
            promised = {} if response.promised is None else {"Content-Length": str(response.promised)}
            self.say(response.status, response.body, {**response.headers, **promised})
            if response.promised is not None:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer

    with listening(Script) as url:
        yield Scripted(url=url, asked=asked)


def swallowing(request: Request) -> Answer:
    """A store that takes uploads, in parts or not, and keeps nothing."""
    if request.method == "POST" and request.path.endswith("?uploads="):
        return Answer(
            body=b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
        )
    if request.method == "POST":
        return Answer(body=b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>')
    return Answer(headers={"ETag": f'"{re.sub("[^a-z0-9]", "", request.path)}"'})
