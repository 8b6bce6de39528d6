"""The response that streams events to one client.

It is an ASGI application by itself, without a task group and a queue of its framework: an idle stream costs
little memory (`python -m benchmarks event_streams`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from anyio.to_thread import run_sync
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from eddyline.web.event_streams import PAGE, PING, EventStreams, Subscriber, encode, reset

RETRY = b"retry: 1000\n\n"
"""Clients connect again after one second."""


class EventStreamResponse(Response):
    """The events of an owner (None: of all) after a sequence (None: from now on).

    It ends soon after the token with the id `token` was revoked or has expired.
    """

    media_type = "text/event-stream"

    def __init__(
        self, streams: EventStreams, *, owner: str | None, after: int | None, token: str = ""
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._streams = streams
        self._owner = owner
        self._after = after
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client disconnects, is too slow, or the server ends."""
        del scope
        subscriber = await self._streams.open(self._owner, self._token)
        watcher = asyncio.create_task(_watch(receive, subscriber))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for data in self._data(subscriber):
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watcher.cancel()
            self._streams.leave(subscriber)

    async def _data(self, subscriber: Subscriber) -> AsyncIterator[bytes]:
        yield RETRY
        sent = 0
        async for sent, data in self._missed(subscriber):  # noqa: B007 - used after the loop
            yield data
        while True:
            try:
                item = await subscriber.next()
            except StopAsyncIteration:
                return
            if item is None:
                yield PING
            elif item.sequence > sent:
                yield item.data

    async def _missed(self, subscriber: Subscriber) -> AsyncIterator[tuple[int, bytes]]:
        """What happened since the client was connected last: (sequence, data)."""
        if self._after is None:
            return
        events = self._streams.events
        latest, oldest = await run_sync(lambda: (events.latest(), events.oldest()))
        if self._after > latest or (self._after < latest and self._after + 1 < (oldest or latest + 1)):
            yield latest, reset(latest).data
            return
        position, more = self._after, True
        while more and not subscriber.ended:
            page = await run_sync(partial(events.after, position, owner=self._owner, limit=PAGE))
            for event in page:
                position = event.sequence
                yield position, encode(event).data
            more = len(page) == PAGE


async def _watch(receive: Receive, subscriber: Subscriber) -> None:
    """End the stream when the client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass
    subscriber.end()
