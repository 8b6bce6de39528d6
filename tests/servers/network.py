"""The network between everyone and a server: requests get lost, late or doubled, answers are cut off.

A plain HTTP proxy in front of an SQS or S3 server. What it does to a request is decided by `Weather` before
it is forwarded; what it did is counted.
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
_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})


class Fate(StrEnum):
    """What may happen to a request."""

    WELL = "passed"
    DROP = "dropped"
    DELAY = "delayed"
    DOUBLE = "doubled"
    CUT = "cut"
    REFUSE = "refused"


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How likely each mishap is (0 to 1, together at most 1); `longest_s` bounds a delay.

    Dropped: the server never sees the request. Doubled: it sees it twice. Cut: it did the work, and nobody
    hears of it, or only of the first half. Refused: 503, as of a server that is asked too much.
    """

    drop: float = 0.0
    delay: float = 0.0
    double: float = 0.0
    cut: float = 0.0
    refuse: float = 0.0
    longest_s: float = 1.0

    def fate(self, action: str, at: float) -> Fate:
        """What happens to a request, by a number `at` drawn from [0, 1). Only what sends is doubled."""
        bounds = (
            (Fate.DROP, self.drop),
            (Fate.CUT, self.cut),
            (Fate.DELAY, self.delay),
            (Fate.REFUSE, self.refuse),
        )
        for fate, likely in bounds:
            if at < likely:
                return fate
            at -= likely
        return Fate.DOUBLE if at < self.double and action.startswith("SendMessage") else Fate.WELL


FINE = Weather()
AWAY = Weather(drop=1.0)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server says; of the body, `told` bytes get through (None: all of it)."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    told: int | None = None


_BUSY = Answer(
    status=503,
    headers=[("Content-Type", "application/xml")],
    body=b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
)


@dataclass(kw_only=True)
class Proxy:
    """A running proxy; `weather` may be changed at any time, `done` counts by (action, fate).

    `law`: (action, body) -> what the real service would refuse and this server does not; None: it may pass.
    `heard` is told the method and the path of every request.
    """

    url: str
    server: str
    rng: random.Random
    weather: Weather = FINE
    law: Callable[[str, bytes], Answer | None] = lambda _action, _body: None
    heard: Callable[[str, str], None] = lambda _method, _path: None
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
        self.heard(method, path)
        action = (headers.get("X-Amz-Target") or method).rpartition(".")[2]
        fate, pause = self._draw(action)
        time.sleep(pause)
        if fate is Fate.DROP:
            return None
        if fate is Fate.REFUSE:
            return _BUSY
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
        if fate is not Fate.CUT:
            return answer
        return replace(answer, told=len(answer.body) // 2) if len(answer.body) > 1 else None

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
            return Answer(status=answer.status, headers=answer.getheaders(), body=answer.read())


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
                self._pass_on(answer)

        def _pass_on(self, answer: Answer) -> None:
            self.send_response_only(answer.status)
            of_head = self.command == "HEAD"  # its length is that of a body which does not come
            for name, value in answer.headers:
                if name.lower() not in _OF_ONE_HOP and (of_head or name.lower() != "content-length"):
                    self.send_header(name, value)
            if not of_head:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if answer.told is not None:
                self.close_connection = True
            if not of_head:
                self.wfile.write(answer.body[: answer.told])

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _carry

    return Carrier
