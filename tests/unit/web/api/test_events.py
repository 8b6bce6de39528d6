from __future__ import annotations

import asyncio
import json

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message

from eddyline.graph.ledger.catalogue import events
from eddyline.web.application import create_app
from eddyline.web.services import Services

ASSET = "0123456789abcdef"


def append(services: Services, kind: str) -> None:
    services.ledger.write(
        lambda c: events.append(c, kind=kind, owner="", asset=ASSET, body={"name": "ride"}, now=1.5)
    )


async def receive_until(app: FastAPI, text: str, *, query: str = "", **headers: str) -> str:
    """The text of a stream up to and including `text`; then the client disconnects."""
    received, gone = [], asyncio.Event()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/events",
        "raw_path": b"/api/v1/events",
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
        ],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    pending = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if pending:
            return pending.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        received.append(message.get("body", b"").decode())
        if text in "".join(received):
            gone.set()

    async with asyncio.timeout(20):
        await app(scope, receive, send)
    return "".join(received)


def test_events_are_streamed_from_the_ledger(services: Services) -> None:
    app = create_app(services)

    async def scenario() -> tuple[str, str]:
        append(services, "asset.created")
        live = asyncio.create_task(receive_until(app, "asset.ready"))
        while (started := app.state.streams._started) is None or not started.done():  # noqa: ASYNC110 - by a task
            await asyncio.sleep(0.01)
        await asyncio.to_thread(append, services, "asset.ready")
        resumed = await receive_until(app, "asset.ready", last_event_id="1")
        return await live, resumed

    live, resumed = asyncio.run(scenario())
    block = next(each for each in resumed.split("\n\n") if each.startswith("id: 2"))
    identifier, kind, data = block.splitlines()
    assert (identifier, kind) == ("id: 2", "event: asset.ready")
    assert json.loads(data.removeprefix("data: ")) == {
        "sequence": 2,
        "at": 1.5,
        "kind": "asset.ready",
        "asset": ASSET,
        "body": {"name": "ride"},
    }
    assert "asset.ready" in live
    assert "asset.created" not in live


def test_the_query_names_the_start_for_clients_that_cannot_set_headers(services: Services) -> None:
    append(services, "asset.created")
    append(services, "asset.ready")
    text = asyncio.run(receive_until(create_app(services), "asset.ready", query="after=0"))
    assert "asset.created" in text


@pytest.mark.parametrize("identifier", ["x", "-1", "1" * 30, "²"])
def test_an_invalid_id_is_refused(services: Services, identifier: str) -> None:
    client = TestClient(create_app(services))
    response = client.get("/api/v1/events", params={"after": identifier})
    assert response.status_code == 400


def test_a_server_that_ends_refuses_streams(services: Services) -> None:
    app = create_app(services)
    app.state.streams.close()
    response = TestClient(app).get("/api/v1/events")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
