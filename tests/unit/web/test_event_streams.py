from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message

from eddyline.core.errors import TransientError
from eddyline.web import event_streams
from eddyline.web.event_response import EventStreamResponse
from eddyline.web.event_streams import MAX_QUEUED, EventStreams


@dataclass(frozen=True, kw_only=True)
class Happened:
    sequence: int
    owner: str = ""
    at: float = 1.5
    kind: str = "asset.ready"
    asset: str = "a" * 16
    body: dict[str, Any] = field(default_factory=dict)


class Log:
    """An event log in memory, and who is notified of changes."""

    def __init__(self, last: int = 0) -> None:
        self.events: list[Happened] = []
        self.last = last
        self.listeners: list[Callable[[], None]] = []
        self.reads = 0
        self.error: Exception | None = None

    def add(self, *, owner: str = "", count: int = 1, **values: Any) -> None:
        for _ in range(count):
            self.last += 1
            self.events.append(Happened(sequence=self.last, owner=owner, **values))
        for listener in list(self.listeners):
            listener()

    def after(self, sequence: int, *, owner: str | None, limit: int) -> list[Happened]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        found = [each for each in self.events if each.sequence > sequence and owner in {None, each.owner}]
        return found[:limit]

    def latest(self) -> int:
        if self.error is not None:
            raise self.error
        return self.last

    def oldest(self) -> int:
        return self.events[0].sequence if self.events else 0

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)


class Client:
    """One connection: what it received, and its end."""

    def __init__(
        self, streams: EventStreams, *, owner: str | None = None, after: int | None = None, token: str = ""
    ) -> None:
        self.text = ""
        self.status = 0
        self.reading = asyncio.Event()
        self.reading.set()
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()
        response = EventStreamResponse(streams, owner=owner, after=after, token=token)
        self.headers = response.headers
        self.task = asyncio.ensure_future(response({"type": "http"}, self._receive, self._send))

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reading.wait()
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()
        self._changed.set()

    def disconnect(self) -> None:
        self._gone.set()

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """(kind, data) of each event."""
        blocks = [block.splitlines() for block in self.text.split("\n\n") if block.startswith("id:")]
        return [(kind.removeprefix("event: "), json.loads(data[5:])) for _, kind, data in blocks]

    @property
    def sequences(self) -> list[int]:
        return [data["sequence"] for _, data in self.events]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


def run(scenario: Callable[[Log, EventStreams], Awaitable[None]], log: Log | None = None) -> None:
    log = log or Log()

    def valid_tokens(tokens: frozenset[str]) -> frozenset[str]:
        if log.error is not None:
            raise log.error
        return tokens - {"revoked"}

    streams = EventStreams(log, log.subscribe, valid_tokens)

    async def main() -> None:
        await scenario(log, streams)
        streams.close()

    asyncio.run(main())
    assert log.listeners == []


def test_a_client_receives_the_events_that_it_may_see() -> None:
    async def scenario(log: Log, streams: EventStreams) -> None:
        log.add(owner="ann")
        ann, everything = Client(streams, owner="ann"), Client(streams)
        await ann.until(lambda: ann.text)
        await everything.until(lambda: everything.text)
        log.add(owner="bob", kind="asset.failed", body={"error": "first\nsecond"})
        log.add(owner="ann")
        await ann.until(lambda: ann.events)
        await everything.until(lambda: len(everything.events) == 2)
        assert ann.status == 200
        assert ann.headers["content-type"].startswith("text/event-stream")
        assert ann.sequences == [3]
        assert everything.events[0] == (
            "asset.failed",
            {
                "sequence": 2,
                "at": 1.5,
                "kind": "asset.failed",
                "asset": "a" * 16,
                "body": {"error": "first\nsecond"},
            },
        )
        for client in (ann, everything):
            client.disconnect()
            await client.task
        assert len(streams) == 0
        await _until(lambda: not log.listeners)

    run(scenario)


def test_a_client_that_resumes_misses_nothing_and_gets_nothing_twice() -> None:
    async def scenario(log: Log, streams: EventStreams) -> None:
        log.add(count=1000, owner="ann")
        client = Client(streams, after=3, owner="ann")
        log.add(count=5, owner="ann")
        await client.until(lambda: 1005 in client.sequences)
        log.add(owner="ann")
        await client.until(lambda: 1006 in client.sequences)
        assert client.sequences == list(range(4, 1007))
        client.disconnect()
        await client.task

    run(scenario)


@pytest.mark.parametrize("after", [4, 7000])
def test_a_client_whose_events_were_deleted_is_reset(after: int) -> None:
    async def scenario(log: Log, streams: EventStreams) -> None:
        log.add(count=3)
        client = Client(streams, after=after)
        await client.until(lambda: client.events)
        assert client.events == [("reset", {"sequence": 103})]
        log.add()
        await client.until(lambda: len(client.events) == 2)
        assert client.sequences == [103, 104]
        client.disconnect()
        await client.task

    run(scenario, Log(last=100))


def test_a_client_that_has_the_last_event_is_not_reset() -> None:
    async def scenario(log: Log, streams: EventStreams) -> None:
        client = Client(streams, after=100)
        log.add()
        await client.until(lambda: client.events)
        assert client.sequences == [101]
        client.disconnect()
        await client.task

    run(scenario, Log(last=100))


def test_a_client_that_does_not_keep_up_is_disconnected_and_others_are_not() -> None:
    async def scenario(log: Log, streams: EventStreams) -> None:
        slow, fast = Client(streams), Client(streams)
        await slow.until(lambda: slow.text)
        await fast.until(lambda: fast.text)
        slow.reading.clear()
        for _ in range(MAX_QUEUED // 100 + 2):
            last = log.last + 100
            log.add(count=100)
            await fast.until(lambda last=last: last in fast.sequences)  # type: ignore[misc]
        slow.reading.set()
        async with asyncio.timeout(10):
            await slow.task
        assert len(slow.sequences) <= 1  # the one that was being sent
        assert fast.sequences == list(range(1, log.last + 1))
        fast.disconnect()
        await fast.task

    run(scenario)


def test_all_streams_end_at_once_when_the_server_ends() -> None:
    async def scenario(_: Log, streams: EventStreams) -> None:
        clients = [Client(streams) for _ in range(100)]
        for client in clients:
            await client.until(lambda client=client: client.text)  # type: ignore[misc]
        threading.Thread(target=streams.close).start()
        async with asyncio.timeout(1):
            await asyncio.gather(*(client.task for client in clients))
        late = Client(streams)
        async with asyncio.timeout(1):
            await late.task
        assert late.events == []

    run(scenario)


def test_clients_are_pinged_and_connect_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "PING_S", 0.0)
    monkeypatch.setattr(event_streams, "POLL_S", 0.01)
    monkeypatch.setattr(event_streams, "MAX_AGE_S", 0.5)

    async def scenario(_: Log, streams: EventStreams) -> None:
        client = Client(streams)
        await client.until(lambda: client.text.count(": ping\n\n") > 1)
        async with asyncio.timeout(10):
            await client.task
        assert client.text.startswith("retry: 1000\n\n")

    run(scenario)


def test_the_stream_of_a_token_that_is_not_valid_any_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "PING_S", 0.0)
    monkeypatch.setattr(event_streams, "POLL_S", 0.01)

    async def scenario(_: Log, streams: EventStreams) -> None:
        revoked, valid = (Client(streams, token=each) for each in ("revoked", "valid"))
        async with asyncio.timeout(10):
            await revoked.task
        pings = valid.text.count(": ping")
        await valid.until(lambda: valid.text.count(": ping") > pings + 1)
        valid.disconnect()
        await valid.task

    run(scenario)


def test_clients_are_pinged_while_the_ledger_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "PING_S", 0.0)
    monkeypatch.setattr(event_streams, "POLL_S", 0.01)

    async def scenario(log: Log, streams: EventStreams) -> None:
        client = Client(streams)
        await client.until(lambda: client.text)
        log.error = TransientError("the database is unavailable")
        pings = client.text.count(": ping")
        await client.until(lambda: client.text.count(": ping") > pings + 2)
        client.disconnect()
        await client.task

    run(scenario)


def test_the_ledger_is_read_once_for_all_clients() -> None:
    async def scenario(log: Log, streams: EventStreams) -> None:
        clients = [Client(streams) for _ in range(50)]
        for client in clients:
            await client.until(lambda client=client: client.text)  # type: ignore[misc]
        before = log.reads
        log.add()
        for client in clients:
            await client.until(lambda client=client: client.events)  # type: ignore[misc]
            client.disconnect()
            await client.task
        assert log.reads - before <= 2

    run(scenario)


def test_a_ledger_that_cannot_be_read_refuses_new_clients_and_keeps_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_streams, "POLL_S", 0.01)

    async def scenario(log: Log, streams: EventStreams) -> None:
        log.error = TransientError("the database is unavailable")
        refused = Client(streams)
        with pytest.raises(TransientError):
            await refused.task
        assert (len(streams), refused.status) == (0, 0)
        log.error = None
        client = Client(streams)
        await client.until(lambda: client.text)
        log.error = TransientError("the database is unavailable")
        log.add()
        reads = log.reads
        await _until(lambda: log.reads > reads + 1)
        log.error = None
        await client.until(lambda: client.events)
        client.disconnect()
        await client.task

    run(scenario)


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - conditions of other threads
            await asyncio.sleep(0.005)
