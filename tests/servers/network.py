"""An unreliable network: a proxy that drops, delays and duplicates requests and truncates responses.

An HTTP proxy before an SQS or S3 server. `FaultRates` determine the fault of a request before it is
forwarded; faults are counted.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tests.servers.loopback import Handler, listening

_LONGEST_POLL_S = 30.0
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})


class Fault(StrEnum):
    """The faults of a request."""

    PASSED = "passed"
    DROP = "dropped"
    DELAY = "delayed"
    DOUBLE = "doubled"
    CUT = "cut"
    REFUSE = "refused"


@dataclass(frozen=True, kw_only=True)
class FaultRates:
    """The probability of each fault (together at most 1); `longest_s` is the longest delay.

    Dropped: the server never sees the request. Doubled: it sees it twice. Cut: the server
    processes it, and the client gets no response, or half of it. Refused: 503, as if throttled.
    """

    drop: float = 0.0
    delay: float = 0.0
    double: float = 0.0
    cut: float = 0.0
    refuse: float = 0.0
    longest_s: float = 1.0

    def fault_for(self, action: str, at: float) -> Fault:
        """The fault of a request, by a random number `at` of [0, 1). Only SendMessage is doubled."""
        bounds = (
            (Fault.DROP, self.drop),
            (Fault.CUT, self.cut),
            (Fault.DELAY, self.delay),
            (Fault.REFUSE, self.refuse),
        )
        for fault, probability in bounds:
            if at < probability:
                return fault
            at -= probability
        return Fault.DOUBLE if at < self.double and action.startswith("SendMessage") else Fault.PASSED


NO_FAULTS = FaultRates()
UNAVAILABLE = FaultRates(drop=1.0)


@dataclass(frozen=True, kw_only=True)
class Response:
    """A response; the client gets `sent_bytes` of the body (None: all)."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    sent_bytes: int | None = None


_BUSY = Response(
    status=503,
    headers=[("Content-Type", "application/xml")],
    body=b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
)


@dataclass(kw_only=True)
class Proxy:
    """A running proxy; `fault_rates` may be changed at any time, `done` counts by (action, fault).

    `reject`: (action, body) -> the error of the real service where this server has none; None: forward.
    `on_request` gets the method and the path of every request.
    """

    url: str
    server: str
    rng: random.Random
    fault_rates: FaultRates = NO_FAULTS
    reject: Callable[[str, bytes], Response | None] = lambda _action, _body: None
    on_request: Callable[[str, str], None] = lambda _method, _path: None
    done: Counter[tuple[str, Fault]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, fault: Fault) -> int:
        """The number of requests with that fault."""
        with self._lock:
            return sum(number for (_, met), number in self.done.items() if met is fault)

    def fault_counts(self) -> dict[Fault, int]:
        """The number of requests with each fault."""
        return {fault: self.count(fault) for fault in Fault}

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Forward a request with its fault; None: the client gets no response."""
        self.on_request(method, path)
        action = (headers.get("X-Amz-Target") or method).rpartition(".")[2]
        fault, pause = self._draw(action)
        time.sleep(pause)
        if fault is Fault.DROP:
            return None
        if fault is Fault.REFUSE:
            return _BUSY
        if rejected := self.reject(action, body):
            return rejected
        # The Host header is forwarded: the server builds the URLs of queues from it.
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            response = self._forward(method, path, kept, body)
            if fault is Fault.DOUBLE:
                response = self._forward(method, path, kept, body)
        except (OSError, http.client.HTTPException):
            return None
        if fault is not Fault.CUT:
            return response
        return replace(response, sent_bytes=len(response.body) // 2) if len(response.body) > 1 else None

    def _draw(self, action: str) -> tuple[Fault, float]:
        with self._lock:
            fault_rates = self.fault_rates
            fault = fault_rates.fault_for(action, self.rng.random())
            pause = self.rng.uniform(0.0, fault_rates.longest_s) if fault is Fault.DELAY else 0.0
            self.done[action, fault] += 1
        return fault, pause

    def _forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        connection = http.client.HTTPConnection(self.server, timeout=_LONGEST_POLL_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Response(status=response.status, headers=response.getheaders(), body=response.read())


@contextmanager
def proxy(server: str, rng: random.Random) -> Iterator[Proxy]:
    """A proxy on a free loopback port before `server` (host:port), which may be down at times."""
    running = Proxy(url="", server=server, rng=rng)
    with listening(_handler(running)) as running.url:
        yield running


def _handler(proxy: Proxy) -> type[Handler]:
    class ProxyHandler(Handler):
        def _forward(self) -> None:
            response = proxy.forward(self.command, self.path, dict(self.headers.items()), self.body())
            if response is None:
                self.close_connection = True
            else:
                self._send(response)

        def _send(self, response: Response) -> None:
            self.send_response_only(response.status)
            is_head = self.command == "HEAD"  # its Content-Length is that of a body which is not sent
            for name, value in response.headers:
                if name.lower() not in _HOP_BY_HOP and (is_head or name.lower() != "content-length"):
                    self.send_header(name, value)
            if not is_head:
                self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if response.sent_bytes is not None:
                self.close_connection = True
            if not is_head:
                self.wfile.write(response.body[: response.sent_bytes])

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _forward

    return ProxyHandler
