"""Streams of events to many clients (server-sent events): one reader of the ledger for all of them.

The reader runs in the event loop while streams are open. It reads new events from the ledger in a thread,
after a change in this process or else every `POLL_S` (workers are other processes), encodes each once and
puts it into the queue of every client that may see it. A queue is bounded: a client that does not keep up is
disconnected, and resumes from the ledger by its Last-Event-ID.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from anyio.to_thread import run_sync

from eddyline.core.background_loop import report_error
from eddyline.core.errors import EddylineError

POLL_S = 1.0
"""The pause between two reads without a change in this process."""
MIN_PAUSE_S = 0.05
"""The pause after each read, so that many changes cause one read."""
PING_S = 15.0
"""Comments are sent this often, so that proxies keep the connection and lost clients are found; streams of
tokens that are not valid any more are ended then."""
MAX_QUEUED = 512
"""Events that a client may be behind before it is disconnected."""
MAX_STREAMS = 2000
"""Open streams of one server; more are refused."""
MAX_AGE_S = 900.0
"""A stream ends after this time: the client connects again, and is authenticated again."""
PAGE = 200
"""Events that are read at once."""
PING = b": ping\n\n"


class Event(Protocol):
    """An event of the ledger."""

    @property
    def sequence(self) -> int: ...  # noqa: D102
    @property
    def at(self) -> float: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def owner(self) -> str: ...  # noqa: D102
    @property
    def asset(self) -> str: ...  # noqa: D102
    @property
    def body(self) -> dict[str, Any]: ...  # noqa: D102


class EventSource(Protocol):
    """Where events are read: `ledger.events`."""

    def after(self, sequence: int, *, owner: str | None, limit: int) -> Sequence[Event]:
        """The events after `sequence`, oldest first."""
        ...

    def latest(self) -> int:
        """The sequence of the newest event; 0 if there never was one."""
        ...

    def oldest(self) -> int:
        """The sequence of the oldest event that is kept; 0 without events."""
        ...


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """An event as its bytes in a stream."""

    sequence: int
    data: bytes


def encode(event: Event) -> Encoded:
    """The event as the text of a stream."""
    values = {
        "sequence": event.sequence,
        "at": event.at,
        "kind": event.kind,
        "asset": event.asset,
        "body": event.body,
    }
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return Encoded(
        sequence=event.sequence, data=f"id: {event.sequence}\nevent: {event.kind}\ndata: {text}\n\n".encode()
    )


def reset(sequence: int) -> Encoded:
    """Tells a client that it has missed events: it must read the state again, and continues from here."""
    text = json.dumps({"sequence": sequence})
    return Encoded(sequence=sequence, data=f"id: {sequence}\nevent: reset\ndata: {text}\n\n".encode())


class Subscriber:
    """The queue of one client. Used in the event loop only."""

    __slots__ = ("_queue", "_wake", "ended", "expires", "owner", "token")

    def __init__(self, owner: str | None, token: str, expires: float) -> None:
        self.owner = owner
        self.token = token
        self.expires = expires
        self.ended = False
        self._queue: deque[Encoded] = deque()
        self._wake: asyncio.Future[bool] | None = None

    def put(self, item: Encoded) -> None:
        """Add an event. Ends the stream if the client is too far behind."""
        if len(self._queue) >= MAX_QUEUED:
            self.end()
        elif not self.ended:
            self._queue.append(item)
            self._notify(ping=False)

    def ping(self) -> None:
        """Have a ping sent if the client waits for an event."""
        self._notify(ping=True)

    def end(self) -> None:
        """End the stream now; what is queued is dropped, and read from the ledger after a reconnection."""
        self.ended = True
        self._queue.clear()
        self._notify(ping=False)

    async def next(self) -> Encoded | None:
        """The next event, None for a ping. Raises `StopAsyncIteration` at the end of the stream."""
        pinged = False
        while not self._queue and not self.ended and not pinged:
            self._wake = asyncio.get_running_loop().create_future()
            pinged = await self._wake
        if self.ended:
            raise StopAsyncIteration
        return self._queue.popleft() if self._queue else None

    def _notify(self, *, ping: bool) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(ping)


class EventStreams:
    """All open streams of a server, at `app.state.streams`.

    Call `close` before the server waits for its connections to end: it ends all streams at once.
    `valid_tokens` returns those of some ids of tokens ("": no token) whose clients may continue.
    """

    def __init__(
        self,
        events: EventSource,
        subscribe: Callable[[Callable[[], None]], Callable[[], None]],
        valid_tokens: Callable[[frozenset[str]], frozenset[str]],
    ) -> None:
        self.events = events
        self.closed = False
        self._subscribe = subscribe
        self._valid_tokens = valid_tokens
        self._subscribers: set[Subscriber] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started: asyncio.Future[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._position = 0

    def __len__(self) -> int:
        """The number of open streams."""
        return len(self._subscribers)

    def close(self) -> None:
        """End all streams now, and refuse new ones. Safe from threads, from signal handlers, and twice."""
        self.closed = True
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._end_all)

    async def open(self, owner: str | None, token: str = "") -> Subscriber:
        """Register a client: it gets all events after those that the ledger had before this call returned.

        `owner` None: of all owners. `token` is the id of the client's token. Raises `EddylineError` if the
        ledger cannot be read. Call `leave` after it.
        """
        loop = self._loop = asyncio.get_running_loop()
        subscriber = Subscriber(owner, token, loop.time() + MAX_AGE_S)
        self._subscribers.add(subscriber)
        if self._reader is None or self._started is None:
            self._started = loop.create_future()
            self._reader = loop.create_task(self._run(self._started))
        try:
            await asyncio.shield(self._started)
        except BaseException:
            self.leave(subscriber)
            raise
        if self.closed:
            subscriber.end()
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a client that disconnected; the reader ends after the last one."""
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            self._changed.set()

    async def _run(self, started: asyncio.Future[None]) -> None:
        """Read and distribute events while there are clients."""
        unsubscribe: Callable[[], None] | None = None
        try:
            unsubscribe = await run_sync(self._subscribe, self._on_change)
            self._position = await run_sync(self.events.latest)
            started.set_result(None)
            await self._distribute()
        except Exception as error:  # noqa: BLE001 - raised in `open`; later ones end the streams
            if started.done():
                report_error("event streams", error)
            else:
                started.set_exception(error)
                started.exception()  # not reported again if the clients are gone
        finally:
            self._reader = None
            self._end_all()
            if unsubscribe is not None:
                unsubscribe()

    async def _distribute(self) -> None:
        loop = asyncio.get_running_loop()
        pinged = loop.time()
        while self._subscribers:
            self._changed.clear()
            try:
                await self._read()
            except EddylineError as error:  # the database is unavailable: clients wait
                report_error("event streams", error)
            if loop.time() - pinged >= PING_S:
                pinged = loop.time()
                await self._ping(pinged)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL_S)
            await asyncio.sleep(MIN_PAUSE_S)

    async def _read(self) -> None:
        """Read what is new, and put it into the queues."""
        more = True
        while more:
            page = await run_sync(partial(self.events.after, self._position, owner=None, limit=PAGE))
            for event in page:
                encoded = encode(event)
                for each in self._subscribers:
                    if each.owner is None or each.owner == event.owner:
                        each.put(encoded)
                self._position = event.sequence
            more = len(page) == PAGE

    async def _ping(self, now: float) -> None:
        tokens = frozenset(each.token for each in self._subscribers)
        try:
            valid = await run_sync(self._valid_tokens, tokens)
        except EddylineError as error:  # the tokens are checked with the next ping
            report_error("event streams", error)
            valid = tokens
        for each in list(self._subscribers):
            if now >= each.expires or (each.token in tokens and each.token not in valid):
                each.end()
            else:
                each.ping()

    def _on_change(self) -> None:
        """The ledger changed: called in any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._changed.set)

    def _end_all(self) -> None:
        for each in list(self._subscribers):
            each.end()
        self._changed.set()
