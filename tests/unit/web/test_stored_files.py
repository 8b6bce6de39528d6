from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response
from obstore.store import MemoryStore
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient
from starlette.types import Message

from eddyline.store.local import LocalStore
from eddyline.store.objects import ObjectStore
from eddyline.store.store import Store
from eddyline.web import problems
from eddyline.web.stored_files import PART, attachment, serve_file

DATA = bytes(n % 251 for n in range(3 * PART + 17))


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return (
        LocalStore(tmp_path) if request.param == "directory" else ObjectStore(MemoryStore(), address="m://b")
    )


def client_of(store: Store) -> TestClient:
    app = FastAPI()
    problems.install(app)

    @app.api_route("/{key:path}", methods=["GET", "HEAD"])
    def file(request: Request, key: str) -> Response:
        return serve_file(request, store, key)

    return TestClient(app)


@pytest.fixture
def get(store: Store) -> Callable[..., Any]:
    store.put_bytes("a/film.mp4", DATA)
    client = client_of(store)
    return lambda method="GET", **headers: client.request(
        method, "/a/film.mp4", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def test_a_file_is_served_whole(get: Callable[..., Any]) -> None:
    response = get()
    assert (response.status_code, response.content) == (200, DATA)
    assert response.headers["content-length"] == str(len(DATA))
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-type"] == "video/mp4"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-", 10, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        (f"bytes={PART - 3}-{2 * PART + 3}", PART - 3, 2 * PART + 4),
        ("bytes=5-999999999999", 5, len(DATA)),
        ("bytes=-999999999999", 0, len(DATA)),
    ],
)
def test_a_range_is_served(get: Callable[..., Any], asked: str, start: int, stop: int) -> None:
    response = get(range=asked)
    assert (response.status_code, response.content) == (206, DATA[start:stop])
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
    assert response.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=-0", "bytes=999999999999-"])
def test_a_range_outside_the_file_cannot_be_satisfied(get: Callable[..., Any], asked: str) -> None:
    response = get(range=asked)
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(DATA)}"
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "asked", ["bytes=5-3", "bytes=-", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", f"bytes={'9' * 40}-"]
)
def test_what_is_not_one_range_is_answered_with_the_file(get: Callable[..., Any], asked: str) -> None:
    response = get(range=asked)
    assert (response.status_code, response.content) == (200, DATA)


def test_the_entity_tag_changes_with_the_file(store: Store, get: Callable[..., Any]) -> None:
    tag = get().headers["etag"]
    assert get().headers["etag"] == tag
    assert get(if_none_match=tag).status_code == 304
    assert get(if_none_match=f'"x", W/{tag}').status_code == 304
    assert get(if_none_match="*").content == b""
    assert get(if_range=tag, range="bytes=0-3").content == DATA[:4]
    store.put_bytes("a/film.mp4", DATA[::-1])
    assert get(if_none_match=tag).status_code == 200
    assert get(if_range=tag, range="bytes=0-3").content == DATA[::-1]


def test_a_date_is_not_the_version_of_a_range(get: Callable[..., Any]) -> None:
    assert get(if_range="Mon, 30 Nov 2026 00:00:00 GMT", range="bytes=0-3").status_code == 200


def test_an_absent_object_is_not_found(store: Store) -> None:
    assert client_of(store).get("/a/absent.mp4").status_code == 404


def test_an_empty_file_has_no_ranges(store: Store) -> None:
    store.put_bytes("a/empty.vtt", b"")
    client = client_of(store)
    assert client.get("/a/empty.vtt").content == b""
    assert client.get("/a/empty.vtt", headers={"range": "bytes=0-"}).status_code == 416


def test_a_file_is_read_in_parts_and_no_further_than_the_client_takes_it(tmp_path: Path) -> None:
    with (tmp_path / "large.mp4").open("wb") as file:
        file.truncate(1 << 40)
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
    response = serve_file(request, LocalStore(tmp_path), "large.mp4")
    sizes: list[int] = []

    async def send(message: Message) -> None:
        sizes.append(len(message.get("body", b"")))
        if len(sizes) == 5:
            raise ClientGoneError

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    with pytest.raises(ClientDisconnect):
        asyncio.run(response(scope, receive, send))
    assert sizes == [0, PART, PART, PART, PART]


class ClientGoneError(OSError):
    pass


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("GX010001.mp4", "GX010001.mp4"),
        ('a"; x=".mp4', "a_x_.mp4"),
        ("../../etc/passwd", "passwd"),
        ("Fahrt über Berge.mp4", "Fahrt_ber_Berge.mp4"),
        ("\r\nSet-Cookie: x", "Set-Cookie_x"),
        ("...", "file"),
    ],
)
def test_the_name_of_a_download_is_safe(name: str, plain: str) -> None:
    header = attachment(name)
    assert header.startswith(f'attachment; filename="{plain}"; filename*=UTF-8')
    assert header.isascii()
    assert header.isprintable()
