"""The HTTP server: uvicorn with limits, that ends within a second of a signal also while streams are open."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from eddyline.core.errors import UsageError

GRACE_S = 0.4
"""How long requests may still run after a signal; streams end at once (`Shutdown`)."""

MAX_HEAD = 65_536
"""The greatest size of the request line and the headers of a request, in bytes."""

HEAD_TIMEOUT_S = 20.0
"""How long a client may take to send the first request line and headers of a connection."""

_KEEP_ALIVE_S = 15
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class LimitedProtocol(HttpToolsProtocol):
    """The parser of uvicorn with a limit of the size of headers, and of the time for the first ones."""

    _head_bytes = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time for the first request."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuse a request before its headers fill the memory: the parser keeps them until they end."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The headers have ended; what follows is the body."""
        self._in_head, self._head_bytes = False, 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body has ended; what follows are the next headers."""
        self._in_head = True
        super().on_message_complete()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class HttpServer(uvicorn.Server):
    """Serves until SIGTERM or Ctrl-C; a second signal ends the process at once. `signal` is the first one.

    `on_signal` is called in the signal handler: it must not take a lock. `on_listening` gets the bound port.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_signal: Callable[[], None] = lambda: None,
        on_listening: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__(config)
        self.signal: int | None = None
        self._on_signal = on_signal
        self._on_listening = on_listening

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - of a signal handler
        """Begin to end, or end at once."""
        if self.signal is not None:
            os._exit(128 + sig)
        self.signal = sig
        self.should_exit = True
        self._on_signal()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Listen, and say where."""
        await super().startup(sockets=sockets)  # type: ignore[arg-type]
        if self.started:
            self._on_listening(self.servers[0].sockets[0].getsockname()[1])


def configure(app: object, *, host: str, port: int, trusted_proxies: str) -> uvicorn.Config:
    """The configuration of uvicorn. `trusted_proxies`: the peers whose X-Forwarded headers count."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    config.timeout_graceful_shutdown = cast("int", GRACE_S)
    return config


def run(server: HttpServer) -> int:
    """Run the server until a signal; returns its number (SIGTERM: the usual end).

    Raises `UsageError` if it cannot listen on its address.
    """
    try:
        server.run()
    except SystemExit as error:  # uvicorn ends so when it cannot listen
        raise _cannot_listen(server.config) from error
    return server.signal or signal.SIGTERM


def _cannot_listen(config: uvicorn.Config) -> UsageError:
    return UsageError(
        f"cannot listen on {config.host}:{config.port}",
        remedy="choose another port with --port (0: any free one), or an address of this machine with --host",
    )
