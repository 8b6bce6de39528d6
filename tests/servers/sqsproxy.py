"""The network between everyone and the queue: requests get lost, late or doubled, and answers are cut off.

A plain HTTP proxy in front of an SQS server. What it does to a request is decided by `Weather` before it is
forwarded; what it did is counted.
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
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from tests.servers.loopback import Handler, listening

_LONGEST_POLL_S = 30.0
_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})


class Fate(StrEnum):
    """What may happen to a request."""

    WELL = "passed"
    DROP = "dropped"
    DELAY = "delayed"
    DOUBLE = "doubled"
    CUT = "cut"


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How likely each mishap is (0 to 1, together at most 1); `longest_s` bounds a delay.

    Dropped: the server never sees the request. Doubled: it sees it twice. Cut: it did the work, and nobody
    hears of it.
    """

    drop: float = 0.0
    delay: float = 0.0
    double: float = 0.0
    cut: float = 0.0
    longest_s: float = 1.0

    def fate(self, action: str, at: float) -> Fate:
        """What happens to a request, by a number `at` drawn from [0, 1). Only what sends is doubled."""
        bounds = ((Fate.DROP, self.drop), (Fate.CUT, self.cut), (Fate.DELAY, self.delay))
        for fate, likely in bounds:
            if at < likely:
                return fate
            at -= likely
        return Fate.DOUBLE if at < self.double and action.startswith("SendMessage") else Fate.WELL


FINE = Weather()


Answer: TypeAlias = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers, body."""


@dataclass(kw_only=True)
class Proxy:
    """A running proxy; `weather` may be changed at any time, `done` counts by (action, fate).

    `law`: (action, body) -> what the real service would refuse and this server does not; None: it may pass.
    """

    url: str
    server: str
    rng: random.Random
    weather: Weather = FINE
    law: Callable[[str, bytes], Answer | None] = lambda _action, _body: None
    done: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, fate: Fate) -> int:
        """How many requests met that fate."""
        with self._lock:
            return sum(number for (_, met), number in self.done.items() if met is fate)

    def fates(self) -> dict[Fate, int]:
        """How many requests met each fate."""
        return {fate: self.count(fate) for fate in Fate}

    def carry(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Do to a request what its fate says; None: the client gets no answer."""
        action = (headers.get("X-Amz-Target") or method).rpartition(".")[2]
        fate, pause = self._draw(action)
        time.sleep(pause)
        if fate is Fate.DROP:
            return None
        if refused := self.law(action, body):
            return refused
        # The Host that the client named goes along: a queue's address is made of it.
        kept = {name: value for name, value in headers.items() if name.lower() not in _OF_ONE_HOP}
        try:
            answer = self._forward(method, path, kept, body)
            if fate is Fate.DOUBLE:
                answer = self._forward(method, path, kept, body)
        except (OSError, http.client.HTTPException):
            return None
        return None if fate is Fate.CUT else answer

    def _draw(self, action: str) -> tuple[Fate, float]:
        with self._lock:
            weather = self.weather
            fate = weather.fate(action, self.rng.random())
            pause = self.rng.uniform(0.0, weather.longest_s) if fate is Fate.DELAY else 0.0
            self.done[action, fate] += 1
        return fate, pause

    def _forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.server, timeout=_LONGEST_POLL_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()


@contextmanager
def proxy(server: str, rng: random.Random) -> Iterator[Proxy]:
    """A proxy on a free port of loopback before `server` (host:port), which may come and go."""
    made = Proxy(url="", server=server, rng=rng)
    with listening(_handler(made)) as made.url:
        yield made


def _handler(carrier: Proxy) -> type[Handler]:
    class Carrier(Handler):
        def _carry(self) -> None:
            answer = carrier.carry(self.command, self.path, dict(self.headers.items()), self.body())
            if answer is None:
                self.close_connection = True
            else:
                self._pass_on(*answer)

        def _pass_on(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in _OF_ONE_HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _carry

    return Carrier
