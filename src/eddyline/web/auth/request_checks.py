"""Checks of every request before it reaches a route: host, origin and size of the body.

Plain ASGI middleware: it passes streams through and adds no task to a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eddyline.web import problems
from eddyline.web.problems import Problem
from eddyline.web.services import WebSettings

MAX_BODY = 1 << 20
"""Bytes of a request's body, except of uploads, which have their own limits."""
UPLOADS = "/api/v1/uploads"
UPLOAD_TYPE = "application/offset+octet-stream"
PROBES = frozenset({"/healthz", "/readyz"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SITES = frozenset({"same-origin", "none"})  # "none": the user's own action, such as a bookmark


class RequestChecks:
    """Refuses requests with a wrong host (421), of another origin (403), or with a large body (413)."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then pass it on or send the problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = str(scope["method"])
        # Load balancers probe by address; the answer has nothing that another site could read.
        is_probe = scope["path"] in PROBES
        problem = None if is_probe else check_host(headers.get("host", ""), self._settings)
        if problem is None and method not in _SAFE:
            problem = check_origin(headers, self._settings)
        if problem is None and not _is_upload(str(scope["path"]), headers):
            found = await _read_body(headers, receive)
            if isinstance(found, Problem):
                problem = found
            elif found:
                receive = _replay(found, receive)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problems.response(problem)(scope, receive, send)


def check_host(host: str, settings: WebSettings) -> Problem | None:
    """A problem if the server is not meant by this host: a page of another site may have rebound its name.

    The origin's own host is always accepted.
    """
    accepted = {*settings.hosts, urlsplit(settings.origin).hostname or ""} - {""}
    if "*" in accepted or _host_name(host) in accepted:
        return None
    return Problem(
        HTTPStatus.MISDIRECTED_REQUEST,
        "this server does not serve that host",
        remedy="use the address that the server printed at its start",
    )


def _host_name(host: str) -> str:
    """The name in a Host header, without the port: "localhost" of "localhost:8080", "[::1]" of "[::1]:80"."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def check_origin(headers: dict[str, str], settings: WebSettings) -> Problem | None:
    """A problem if a page of another site makes a request that changes something.

    A browser adds a cookie by itself, and in local mode needs no credential at all, so the request must come
    from a page of this server. A request with a bearer token was made on purpose: a page of another site
    cannot add that header, because no route allows it (CORS). Without Sec-Fetch-Site and Origin the client is
    not a browser.
    """
    if headers.get("authorization", "").lower().startswith("bearer "):
        return None
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        same = site in _SITES
    elif origin is not None:
        same = (
            origin == settings.origin if settings.origin else urlsplit(origin).netloc == headers.get("host")
        )
    else:
        same = True
    if same:
        return None
    return Problem(HTTPStatus.FORBIDDEN, "the request was made by a page of another site")


def _is_upload(path: str, headers: dict[str, str]) -> bool:
    """Whether the body is part of an uploaded file, which is written to disk as it arrives."""
    return path.startswith(UPLOADS) and headers.get("content-type", "").startswith(UPLOAD_TYPE)


def _too_large() -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body of the request has more than {MAX_BODY} bytes"
    )


async def _read_body(headers: dict[str, str], receive: Receive) -> Sequence[Message] | Problem:
    """The messages of a body that is within the limit; none for a request without a body."""
    length = headers.get("content-length", "")
    if not length and "transfer-encoding" not in headers:
        return ()
    if length and (not length.isdecimal() or int(length) > MAX_BODY):
        return _too_large()
    messages: list[Message] = []
    total = 0
    while True:
        message = await receive()
        messages.append(message)
        total += len(message.get("body", b""))
        if total > MAX_BODY:
            return _too_large()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return messages


def _replay(messages: Iterable[Message], receive: Receive) -> Receive:
    """A function that returns the messages that were read already, then those that follow."""
    queue = iter(messages)

    async def replayed() -> Message:
        for message in queue:
            return message
        return await receive()

    return replayed
