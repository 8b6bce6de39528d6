"""Serves a file of the media store by HTTP, with ranges and conditional requests (RFC 9110).

The file is read in parts of `PART` bytes: memory does not depend on its size, and a store that is a bucket is
read by ranges. A client that disconnects ends the reading. Bytes from the store are never run as a document
of this site: every response forbids sniffing and has a sandbox.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import quote

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from eddyline.core.errors import InputError, MissingError
from eddyline.core.identity import digest
from eddyline.store.content_types import content_type
from eddyline.store.ranges import Ranges
from eddyline.store.store import Store
from eddyline.web import problems

PART = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME = 120
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Accept-Ranges": "bytes",
    # Browsers may keep it, and must ask before they use it again: access can be revoked at any time.
    "Cache-Control": "private, no-cache",
}


@dataclass(frozen=True, kw_only=True)
class Span:
    """The bytes `[start, stop)` of a file."""

    start: int
    stop: int


def serve_file(request: Request, store: Store, key: str, *, download: str = "") -> Response:
    """The response with the object `key`: 200, 206, 304 or 416.

    With `download`, the name of the file to save, browsers save the file instead of showing it. It makes a
    request to the store: call it in a thread. Raises `Problem` 404 if the object does not exist.
    """
    try:
        source = store.ranges(key)
    except (MissingError, InputError):  # the latter: a directory
        raise problems.not_found() from None
    try:
        return _respond(request, source, key, download)
    except BaseException:
        source.close()
        raise


def _respond(request: Request, source: Ranges, key: str, download: str) -> Response:
    tag = etag(source)
    headers = {**HEADERS, "ETag": tag}
    if download:
        headers["Content-Disposition"] = attachment(download)
    if is_not_modified(request.headers, tag):
        source.close()
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    span = requested_span(request.headers, tag, source.size)
    if span is not None and span.start >= span.stop:
        source.close()
        problem = problems.Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "the requested range is outside the file",
            headers={"Content-Range": f"bytes */{source.size}"},
        )
        return problems.response(problem)
    status = HTTPStatus.OK
    if span is None:
        span = Span(start=0, stop=source.size)
    else:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{source.size}"
    headers["Content-Length"] = str(span.stop - span.start)
    media_type = content_type(key)
    if request.method == "HEAD":
        source.close()
        return Response(status_code=status, headers={**headers, "Content-Type": media_type})
    return StreamingResponse(_parts(source, span), status_code=status, headers=headers, media_type=media_type)


async def _parts(source: Ranges, span: Span) -> AsyncIterator[bytes]:
    with source:
        for offset in range(span.start, span.stop, PART):
            yield await run_sync(source.read, offset, min(PART, span.stop - offset))


def etag(source: Ranges) -> str:
    """A strong entity tag: it changes with the object, and shows neither times nor inodes."""
    stamp = getattr(source, "stamp", None) or ""
    return f'"{digest(stamp, source.size)[:32]}"'


def is_not_modified(headers: Mapping[str, str], tag: str) -> bool:
    """Whether the client has this version already (If-None-Match; RFC 9110 section 13.1.2)."""
    given = headers.get("if-none-match")
    if given is None:
        return False
    return given.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in given.split(",")}


def requested_span(headers: Mapping[str, str], tag: str, size: int) -> Span | None:
    """The range that the client asks for; None: the whole file. An empty span cannot be satisfied.

    Several ranges, and what is not a range, are answered with the whole file (RFC 9110 section 14.2), and so
    is a range of another version (If-Range, section 13.1.5; a date never matches).
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or headers.get("if-range", tag).strip() != tag:
        return None
    first, last = match[1], match[2]
    if not first and not last:
        return None
    if not first:
        return Span(start=max(0, size - int(last)), stop=size)
    if last and int(last) < int(first):
        return None
    return Span(start=int(first), stop=min(int(last) + 1, size) if last else size)


def attachment(name: str) -> str:
    """The Content-Disposition by which browsers save a file as `name` (RFC 6266).

    The plain name has ASCII letters only; the extended one (RFC 8187) has all others.
    """
    whole = PurePosixPath(name.replace("\\", "/")).name[-_MAX_NAME:] or "file"
    plain = _UNSAFE_IN_NAMES.sub("_", whole).strip("._") or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(whole, safe='')}"
