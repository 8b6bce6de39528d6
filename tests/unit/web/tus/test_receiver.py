"""Bodies that are slow, broken, repeated or refused, on real connections."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.web.live_server import LiveServer, read_response, serving
from tests.unit.web.tus_client import VIDEO
from tests.unit.web.web_app import open_services
from tests.waiting import wait_until

from eddyline.web.services import Services
from eddyline.web.tus import receiver as receivers
from eddyline.web.tus.receiver import Receiver
from eddyline.web.upload_services import open_uploads

LENGTH = len(VIDEO)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    services = open_services(tmp_path_factory.mktemp("library"))
    yield services
    services.ledger.close()


@pytest.fixture(scope="module")
def server(services: Services) -> Iterator[LiveServer]:
    with serving(services) as running:
        yield running


def file_of(services: Services, path: str) -> Path:
    return services.settings.data / "uploads" / path.rpartition("/")[2]


def test_head_during_a_stalled_body_states_what_is_durable_within_a_second(server: LiveServer) -> None:
    path = server.create(LENGTH)
    with server.begin_patch(path, 0, LENGTH) as stalled:
        stalled.sendall(VIDEO[:700])
        started = time.monotonic()
        wait_until(lambda: server.offset(path) == 700, timeout_s=5)
        assert time.monotonic() - started < 1.5
        started = time.monotonic()
        assert server.offset(path) == 700
        assert time.monotonic() - started < 1


def test_a_stalled_request_is_taken_over(server: LiveServer, services: Services) -> None:
    path = server.create(LENGTH)
    with server.begin_patch(path, 0, LENGTH) as stalled:
        stalled.sendall(VIDEO[:700])
        wait_until(lambda: server.offset(path) == 700, timeout_s=5)
        started = time.monotonic()
        responses = []

        def continued() -> bool:
            responses.append(server.patch(path, 700, VIDEO[700:]))
            return responses[-1].status != 423

        wait_until(continued, timeout_s=5)
        assert responses[-1].status == 204
        assert time.monotonic() - started < 3
        assert read_response(stalled).status == 423  # the request that lost the upload ends as well
    assert file_of(services, path).read_bytes() == VIDEO


def test_a_request_that_progresses_is_not_interrupted(server: LiveServer) -> None:
    path = server.create(LENGTH)
    with server.begin_patch(path, 0, LENGTH) as first:
        first.sendall(VIDEO[:700])
        wait_until(lambda: server.offset(path) == 700, timeout_s=5)
        first.sendall(VIDEO[700:710])
        wait_until(lambda: server.offset(path) == 710, timeout_s=5)
        first.sendall(VIDEO[710:720])
        second = server.patch(path, 710, VIDEO[710:])
        assert second.status == 423
        assert second.seconds < 1
        assert second.headers["retry-after"] == "1"
        first.sendall(VIDEO[720:])
        assert read_response(first).status == 204
    assert server.offset(path) == LENGTH


def test_an_upload_continues_at_once_after_a_lost_connection(server: LiveServer, services: Services) -> None:
    path = server.create(LENGTH)
    with server.begin_patch(path, 0, LENGTH) as lost:
        lost.sendall(VIDEO[:900])
        wait_until(lambda: server.offset(path) == 900, timeout_s=5)
        lost.sendall(VIDEO[900:950])  # the server may find these bytes or the end of the connection first
    started = time.monotonic()

    def continued() -> bool:
        offset = server.offset(path)
        assert offset >= 900
        return server.patch(path, offset, VIDEO[offset:]).status == 204

    wait_until(continued, timeout_s=5)
    assert time.monotonic() - started < 2
    assert file_of(services, path).read_bytes() == VIDEO


def test_an_incomplete_body_with_a_checksum_is_not_kept(server: LiveServer) -> None:
    path = server.create(LENGTH)
    digest = base64.b64encode(hashlib.sha256(VIDEO).digest()).decode()
    with server.begin_patch(path, 0, LENGTH, **{"Upload-Checksum": f"sha256 {digest}"}) as lost:
        lost.sendall(VIDEO[:900])
        wait_until(lambda: server.offset(path) == 0)
    wait_until(lambda: server.patch(path, 0, VIDEO).status == 204, timeout_s=5)


def test_a_body_without_bytes_is_ended(server: LiveServer, services: Services) -> None:
    server.app.state.receiver, kept = Receiver(open_uploads(services), idle_s=0.4), server.app.state.receiver
    try:
        path = server.create(LENGTH)
        with server.begin_patch(path, 0, LENGTH) as stalled:
            stalled.sendall(VIDEO[:5])
            response = read_response(stalled)
        assert response.status == 408
        assert response.seconds < 4
        assert response.headers["upload-offset"] == "5"
    finally:
        server.app.state.receiver = kept


def test_a_cancelled_upload_ends_its_request(server: LiveServer, services: Services) -> None:
    path = server.create(LENGTH)
    with server.begin_patch(path, 0, LENGTH) as first:
        first.sendall(VIDEO[:50])
        wait_until(lambda: server.offset(path) == 50, timeout_s=5)
        assert server.request("DELETE", path, {"Tus-Resumable": "1.0.0"}).status == 204
        assert read_response(first).status == 423
    assert not file_of(services, path).exists()


def test_a_refused_type_is_answered_while_the_client_still_sends(server: LiveServer) -> None:
    body = (b"\xff\xd8\xff" + bytes(1021)) * 8 * 1024  # 8 MiB
    path = server.create(len(body) * 2)
    response = server.patch(path, 0, body)
    assert response.status == 415
    assert "JPEG" in response.json()["detail"]


def test_a_server_in_another_process_takes_over(server: LiveServer, services: Services) -> None:
    """Two applications share a directory; only the lock on the file connects them."""
    with serving(services) as other:
        path = server.create(LENGTH)
        with server.begin_patch(path, 0, LENGTH) as stalled:
            stalled.sendall(VIDEO[:700])
            wait_until(lambda: other.offset(path) == 700, timeout_s=5)
            response = other.patch(path, 700, VIDEO[700:])
            assert response.status == 204
            assert response.seconds < 2
            assert read_response(stalled).status == 423
    assert file_of(services, path).read_bytes() == VIDEO


def test_a_request_without_a_token_writes_nothing(server: LiveServer, services: Services) -> None:
    path = server.create(LENGTH)
    strict = replace(services, settings=replace(services.settings, local=False))
    with serving(strict) as other:
        response = other.patch(path, 0, VIDEO)
    assert response.status == 401
    assert file_of(services, path).read_bytes() == b""


def test_a_large_body_is_durable_in_steps(
    server: LiveServer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "_STEP_BYTES", 4 * 1024 * 1024)
    body = VIDEO + bytes(12 * 1024 * 1024)
    path = server.create(len(body) + 1)
    offsets = []
    record = type(open_uploads(services)).record

    def recorded(uploads: object, upload: object, offset: int) -> object:
        offsets.append((offset, file_of(services, path).stat().st_size))
        return record(uploads, upload, offset)  # type: ignore[arg-type] # passes its arguments on

    monkeypatch.setattr("eddyline.library.uploads.uploads.Uploads.record", recorded)
    assert server.patch(path, 0, body).status == 204
    assert len(offsets) >= 3
    assert all(offset <= size for offset, size in offsets)
