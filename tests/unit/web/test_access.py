"""Every route of the application is called by every kind of client (access_table.py)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import Mount
from tests.unit.web.access_resources import ABSENT, OWNER, Resources
from tests.unit.web.access_table import COLUMNS, TABLE, Access
from tests.unit.web.web_app import open_services

from eddyline.core.clock import ManualClock
from eddyline.library.tokens import Tokens
from eddyline.web.application import create_app
from eddyline.web.auth.failures import FailedAuthentications
from eddyline.web.services import Services

_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The response to a request; `body` is what was sent before the response ended or the stream began."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Site:
    """An application with clients of every column. Requests are ASGI calls; a stream ends at its start."""

    def __init__(self, services: Services) -> None:
        self.app = create_app(services)
        self.services = services
        self.resources = Resources(services)
        self.clients = self._clients()
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """Ends the event loop, and closes the ledger."""
        self._runner.close()
        self.services.ledger.close()

    def call(self, access: Access, column: str, path: str) -> Answer:
        """The answer to one request."""
        # Otherwise these requests reach the limit of failures (test_failures.py).
        self.app.state.failed_authentications = FailedAuthentications()
        body = b"" if access.body is None else json.dumps(access.body).encode()
        headers = {"host": "testserver", **self.clients[column], **access.headers}
        if access.body is not None:
            headers |= {"content-type": "application/json", "content-length": str(len(body))}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": access.method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": access.query.encode(), "client": ("testclient", 1), "server": ("testserver", 80),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        return self._runner.run(_call(self.app, scope, body))

    def _clients(self) -> dict[str, dict[str, str]]:
        tokens, clock = Tokens(self.services.ledger), self.services.clock
        assert isinstance(clock, ManualClock)
        expired = tokens.create(owner=OWNER, scope="admin", expires=clock.now() + 1).secret
        revoked = tokens.create(owner=OWNER, scope="admin")
        tokens.revoke(revoked.token.id)
        clock.advance(2)
        secrets = {
            "expired": expired,
            "revoked": revoked.secret,
            "other": tokens.create(owner="bob", scope="write").secret,
            **{scope: tokens.create(owner=OWNER, scope=scope).secret for scope in ("read", "write", "admin")},
            "share": self.resources.make("secret"),
        }
        found = {name: {"authorization": f"Bearer {secret}"} for name, secret in secrets.items()}
        return {"none": {}, **found}


async def _call(app: FastAPI, scope: dict[str, Any], body: bytes) -> Answer:
    sent: list[dict[str, Any]] = []
    ended = asyncio.Event()
    requests = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in requests:
            return message
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        headers = dict(message.get("headers", ()))
        if headers.get(b"content-type", b"").startswith(b"text/event-stream"):
            ended.set()
        await asyncio.sleep(0)

    task = asyncio.ensure_future(app(scope, receive, send))
    waiting = asyncio.ensure_future(ended.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
    ended.set()
    if not task.done():
        task.cancel()
    await asyncio.gather(task, waiting, return_exceptions=True)
    start = next(message for message in sent if message["type"] == "http.response.start")
    parts = [message.get("body", b"") for message in sent if message["type"] == "http.response.body"]
    return Answer(
        status=start["status"],
        # The id of a request is random, and says nothing about the resource.
        headers=tuple(
            (bytes(name), bytes(value)) for name, value in start["headers"] if name != b"x-request-id"
        ),
        body=b"".join(parts),
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root: Path = tmp_path_factory.mktemp("access")
    found = Site(open_services(root, local=False))
    yield found
    found.close()


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """The method and path of every route of an application, with those of included routers and mounts."""
    found: set[tuple[str, str]] = set()

    def walk(candidates: Any, path_for: Any) -> None:
        for each in candidates:
            route = getattr(each, "original_route", each)
            if hasattr(each, "effective_candidates"):  # FastAPI resolves included routers later
                walk(each.effective_candidates(), each.include_context.path_for)
            elif isinstance(route, Mount):
                found.add(("GET", f"{route.path}/{{path}}"))
            else:
                path = re.sub(r":\w+\}", "}", path_for(route))
                found.update((method, path) for method in route.methods)

    walk(app.routes, lambda route: route.path)
    return found


def name_of(access: Access) -> str:
    return f"{access.method} {access.path}"


def fill(access: Access, site: Site) -> str:
    special = {"/static/{path}": "/static/base.css"}
    return special.get(access.path) or _PARAMETER.sub(
        lambda match: site.resources.make(match[1]), access.path
    )


def test_every_route_is_in_the_table(site: Site) -> None:
    in_table = {(access.method, access.path) for access in TABLE}
    assert len(in_table) == len(TABLE), "a route is in the table twice"
    existing = routes(site.app)
    # A route with GET answers HEAD in the same way unless it has its own row.
    missing = {each for each in existing - in_table if each[0] != "HEAD" or ("GET", each[1]) not in in_table}
    assert not missing, "add rows for these routes to access_table.py"
    assert not in_table - existing, "these routes do not exist"


@pytest.mark.parametrize("access", TABLE, ids=name_of)
def test_the_access_to_a_route(site: Site, access: Access) -> None:
    found = tuple(site.call(access, column, fill(access, site)).status for column in COLUMNS)
    assert dict(zip(COLUMNS, found, strict=True)) == dict(zip(COLUMNS, access.statuses, strict=True))


@pytest.mark.parametrize("access", [each for each in TABLE if each.foreign], ids=name_of)
def test_a_foreign_resource_looks_like_an_absent_one(site: Site, access: Access) -> None:
    foreign = site.call(access, "other", fill(access, site))
    absent = site.call(access, "other", _PARAMETER.sub(lambda match: ABSENT[match[1]], access.path))
    assert foreign == absent
    assert foreign.status == 404
