"""Middleware that counts and logs every request, by the template of its route.

Paths, queries and headers are not logged: they may hold secrets of share links and tokens.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eddyline.observe.web_metrics import WebMetrics
from eddyline.web.monitoring.route_template import UNMATCHED, method_of, route_template

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

REQUEST_ID = "x-request-id"
_CLIENT_LEFT = 499  # no response was begun
_FAILED = 500
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/static"})


class AccessLog:
    """Adds the header X-Request-Id to responses, and writes one line for each request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: WebMetrics,
        log: FilteringBoundLogger | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._metrics, self._log, self._monotonic = app, metrics, log, monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(self._metrics, send)
        started = self._monotonic()
        try:
            await self._app(scope, receive, request.send)
        except BaseException:
            request.status = request.status or _FAILED
            raise
        finally:
            request.end()
            self._record(dict(scope), request, self._monotonic() - started)

    def _record(self, scope: dict[str, Any], request: _Request, elapsed_s: float) -> None:
        status = request.status or _CLIENT_LEFT
        method, route = method_of(scope), route_template(scope)
        self._metrics.record_request(method, route, status, seconds=None if request.is_stream else elapsed_s)
        if self._log is None:
            return
        write = self._log.debug if route in _QUIET and status < _FAILED else self._log.info
        client = scope.get("client")
        write(
            "request",
            client=client[0] if client else "",
            method=method,
            route=route,
            status=status,
            elapsed_ms=round(elapsed_s * 1000, 1),
            bytes=request.bytes,
            request_id=request.id,
            **({"asset": asset} if (asset := _asset(scope, route)) else {}),
        )


class _Request:
    """What is known about one request when its response has ended."""

    def __init__(self, metrics: WebMetrics, send: Send) -> None:
        self.id = secrets.token_hex(8)
        self.status = 0
        self.bytes = 0
        self.is_stream = False
        self._metrics, self._send = metrics, send

    async def send(self, message: Message) -> None:
        """Pass on a part of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = self.id
            self.is_stream = headers.get("content-type", "").startswith("text/event-stream")
            if self.is_stream:
                self._metrics.event_streams.inc()
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self._send(message)

    def end(self) -> None:
        """The response has ended, or its client has left."""
        if self.is_stream:
            self._metrics.event_streams.dec()


def _asset(scope: dict[str, Any], route: str) -> str:
    """The id of the asset in the path: it is not a secret."""
    found = scope.get("path_params", {}).get("asset", "") if route != UNMATCHED else ""
    return found if isinstance(found, str) and found.isalnum() else ""
