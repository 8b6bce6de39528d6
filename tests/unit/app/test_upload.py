"""`eddyline upload` sends what a server lacks, continues what was interrupted, and verifies every byte."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.web.live_server import LiveServer, serving
from tests.unit.web.tus_client import VIDEO
from tests.unit.web.web_app import open_services
from typer.testing import CliRunner

from eddyline.app import upload
from eddyline.app.upload import (
    UploadEvent,
    UploadProgress,
    UploadReport,
    UploadRequest,
    upload_sources,
)
from eddyline.cli.main import build
from eddyline.cli.upload import read_token
from eddyline.core.background_tasks import run_tasks
from eddyline.core.errors import TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.web.services import Services
from eddyline.web.upload_services import open_uploads, upload_tasks


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    services = open_services(tmp_path_factory.mktemp("library"))
    yield services
    services.ledger.close()


@pytest.fixture(scope="module")
def server(services: Services) -> Iterator[LiveServer]:
    with serving(services) as running, run_tasks(upload_tasks(services)):
        yield running


def address(server: LiveServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def call(
    server: LiveServer, *sources: Path, stop: Stop | None = None
) -> tuple[UploadReport, list[UploadEvent]]:
    events: list[UploadEvent] = []
    request = UploadRequest(sources=tuple(map(str, sources)), server=address(server))
    return upload_sources(request, stop=stop or Stop(), on_event=events.append), events


def write(path: Path, size: int, seed: int) -> bytes:
    data = VIDEO + random.Random(seed).randbytes(size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def sha256_of(services: Services, name: str) -> str | None:
    return next(each.sha256 for each in open_uploads(services).listed("") if each.name == name)


def test_a_card_is_uploaded_and_other_files_are_skipped(
    server: LiveServer, services: Services, tmp_path: Path
) -> None:
    data = write(tmp_path / "DCIM" / "100GOPRO" / "GX010010.MP4", 100_000, 1)
    (tmp_path / "DCIM" / "100GOPRO" / "GX010010.THM").write_bytes(b"\xff\xd8\xff")
    report, _ = call(server, tmp_path)
    assert [each.name for each in report.done] == ["GX010010.MP4"]
    assert [each.reason for each in report.skipped] == ["the camera's thumbnail of a clip"]
    assert not report.failed
    assert sha256_of(services, "GX010010.MP4") == hashlib.sha256(data).hexdigest()
    again, _ = call(server, tmp_path)
    assert [(each.reused, each.asset) for each in again.done] == [(True, report.done[0].asset)]


def test_an_interrupted_upload_continues(
    server: LiveServer, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_CHUNK", 50_000)
    data = write(tmp_path / "GX010011.MP4", 300_000, 2)
    stop = Stop()

    def stop_in_the_middle(event: UploadEvent) -> None:
        if isinstance(event, UploadProgress) and event.sent >= 100_000:
            stop.request("Ctrl-C")

    request = UploadRequest(sources=(str(tmp_path),), server=address(server))
    report = upload_sources(request, stop=stop, on_event=stop_in_the_middle)
    assert report.interrupted == "Ctrl-C"
    assert not report.done
    report, events = call(server, tmp_path)
    (done,) = report.done
    assert done.resumed == 100_000
    assert min(each.sent for each in events if isinstance(each, UploadProgress)) > 100_000
    assert sha256_of(services, "GX010011.MP4") == hashlib.sha256(data).hexdigest()


def test_one_bad_file_stops_no_other(server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "GX010012.MP4").write_bytes(b"\xff\xd8\xff" + bytes(100))
    write(tmp_path / "GX010013.MP4", 1000, 3)
    report, _ = call(server, tmp_path)
    assert [each.name for each in report.done] == ["GX010013.MP4"]
    (failed,) = report.failed
    assert "JPEG" in failed.reason
    assert failed.remedy


def test_a_server_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    write(tmp_path / "GX010014.MP4", 1000, 4)
    request = UploadRequest(sources=(str(tmp_path),), server="http://127.0.0.1:9")
    with pytest.raises(TransientError, match="not reachable"):
        upload_sources(request, stop=Stop(), on_event=lambda _: None)


def test_a_refused_token_is_an_error_before_anything_is_read(services: Services) -> None:
    strict = replace(services, settings=replace(services.settings, local=False))
    with serving(strict) as server:
        request = UploadRequest(sources=("/absent",), server=address(server), token="edl_wrong")  # noqa: S106
        with pytest.raises(UsageError, match="token"):
            upload_sources(request, stop=Stop(), on_event=lambda _: None)


@pytest.mark.parametrize(
    "url", ["ftp://host", "http://user@host", "https://", "http://host:0x1", "http://h?q"]
)
def test_an_invalid_address_is_refused(url: str) -> None:
    request = UploadRequest(sources=("a",), server=url)
    with pytest.raises(UsageError, match="address"):
        upload_sources(request, stop=Stop(), on_event=lambda _: None)


def test_the_token_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("edl_secret\n")
    assert read_token(file) == "edl_secret"
    assert not read_token(None)


@pytest.mark.parametrize("data", [b"", b"\n", b"two\nlines", b"\xff\xfe"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(data)
    with pytest.raises(UsageError, match="token"):
        read_token(file)


def test_a_token_is_not_sent_without_tls() -> None:
    request = UploadRequest(sources=("a",), server="http://media.example.com", token="edl_x")  # noqa: S106
    with pytest.raises(UsageError, match="without TLS"):
        upload_sources(request, stop=Stop(), on_event=lambda _: None)


def test_the_command_prints_json_lines(server: LiveServer, tmp_path: Path) -> None:
    write(tmp_path / "GX010015.MP4", 1000, 5)
    arguments = ["upload", str(tmp_path), "--server", address(server), "--json"]
    result = CliRunner().invoke(build(arguments), arguments)
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["event"] for each in lines if each["event"] != "progress"] == ["done", "finished"]
    assert lines[-1] == {"event": "finished", "done": 1, "failed": 0, "skipped": 0, "interrupted": ""}


def test_the_command_fails_if_a_file_fails(server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "GX010016.MP4").write_bytes(b"\xff\xd8\xff" + bytes(100))
    arguments = ["upload", str(tmp_path), "--server", address(server)]
    result = CliRunner().invoke(build(arguments), arguments)
    assert result.exit_code == 1
    assert "✗ GX010016.MP4  failed: the file is a still image" in result.stdout
