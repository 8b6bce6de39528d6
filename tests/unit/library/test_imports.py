"""A server imports files from URLs: by ranges, from public addresses only, over interruptions and kills."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.unit.library.uploads.upload_helpers import LIMITS, UploadSite

from eddyline.core.backoff import BackoffPolicy
from eddyline.core.clock import ManualClock
from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library import imports
from eddyline.library.imports import Importer
from eddyline.library.uploads.errors import FileTypeError, TooLargeError, UploadMissingError
from eddyline.library.uploads.upload import UploadState
from eddyline.store import http_ranges
from eddyline.store.public_http import ForbiddenAddressError, PublicConnections

VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + bytes(range(256)) * 640  # more than two parts
PART = 64 * 1024


class WebServer(ThreadingHTTPServer):
    """Serves `data` by ranges; `before(start)` may raise to break the connection."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = VIDEO
        self.tag: str | None = '"one"'
        self.starts: list[int] = []
        self.before: Callable[[int], None] = lambda _start: None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/cards/GX010042.MP4?signature=secret"

    def handle_error(self, *_: object) -> None:
        """Ignores the errors of closed connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        requested = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert requested
        start, stop = int(requested[1]), min(int(requested[2]) + 1, len(self.server.data))
        self.server.starts.append(start)
        self.server.before(start)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(self.server.data)}")
        self.send_header("Content-Length", str(stop - start))
        if self.server.tag:
            self.send_header("ETag", self.server.tag)
        self.end_headers()
        self.wfile.write(self.server.data[start:stop])


@contextmanager
def serve_video() -> Iterator[WebServer]:
    with WebServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setattr(http_ranges, "_BACKOFF", BackoffPolicy(base_s=0.001, cap_s=0.002))
    monkeypatch.setattr(imports, "PART", PART)
    with serve_video() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[UploadSite]:
    clock = ManualClock()
    with Ledger.open(tmp_path / "ledger.sqlite", clock=clock) as ledger:
        yield UploadSite(tmp_path / "library", ledger, clock)


def importer_of(site: UploadSite, server: WebServer) -> Importer:
    connections = PublicConnections(exempt=frozenset({server.host}))
    return Importer(uploads=site.uploads, connect=connections.open)


def break_after(server: WebServer, start: int) -> None:
    def before(at: int) -> None:
        if at >= start:
            raise ConnectionAbortedError

    server.before = before


def test_a_file_is_imported_whole_under_the_name_in_its_url(site: UploadSite, server: WebServer) -> None:
    importer = importer_of(site, server)
    upload = importer.start(server.url, owner="ann")
    assert (upload.name, upload.length, upload.state) == ("GX010042.MP4", len(VIDEO), UploadState.OPEN)
    assert importer.run_once(Stop()) == 1
    found = site.uploads.get(upload.id, "ann")
    assert found.state is UploadState.COMPLETE
    assert site.uploads.files.path(upload.id).read_bytes() == VIDEO
    with pytest.raises(UploadMissingError):
        site.uploads.get(upload.id, "bob")


def test_an_interrupted_import_continues_where_it_was_also_in_another_process(
    site: UploadSite, server: WebServer
) -> None:
    importer = importer_of(site, server)
    upload = importer.start(server.url, owner="")
    break_after(server, PART)
    assert importer.run_once(Stop()) == 0
    assert site.uploads.get(upload.id, "").offset == PART
    assert importer.run_once(Stop()) == 0  # not due yet
    server.before = lambda _start: None
    server.starts.clear()
    assert importer_of(site, server).run_once(Stop()) == 1
    assert server.starts == [0, PART, 2 * PART]  # the first is that of the size
    assert site.uploads.files.path(upload.id).read_bytes() == VIDEO


def test_a_file_that_changed_meanwhile_ends_the_import(site: UploadSite, server: WebServer) -> None:
    upload = importer_of(site, server).start(server.url, owner="")
    server.tag = '"two"'
    assert importer_of(site, server).run_once(Stop()) == 0
    found = site.uploads.get(upload.id, "")
    assert found.state is UploadState.FAILED
    assert found.failure is not None
    assert "changed" in found.failure["message"]


def test_without_an_entity_tag_an_interrupted_import_is_not_continued(
    site: UploadSite, server: WebServer
) -> None:
    server.tag = None
    importer = importer_of(site, server)
    upload = importer.start(server.url, owner="")
    break_after(server, PART)
    importer.run_once(Stop())
    server.before = lambda _start: None
    importer_of(site, server).run_once(Stop())
    assert site.uploads.get(upload.id, "").state is UploadState.FAILED


def test_an_import_that_keeps_failing_ends_with_its_error(site: UploadSite, server: WebServer) -> None:
    importer = importer_of(site, server)
    upload = importer.start(server.url, owner="")
    break_after(server, 0)
    for _ in range(12):
        assert site.uploads.get(upload.id, "").state is UploadState.OPEN
        importer.run_once(Stop())
        site.clock.advance(400)
    found = site.uploads.get(upload.id, "")
    assert found.state is UploadState.FAILED
    assert found.failure is not None
    assert "secret" not in str(found.failure)


def test_one_broken_import_does_not_stop_another(site: UploadSite, server: WebServer) -> None:
    importer = importer_of(site, server)
    with serve_video() as broken:
        exempt = PublicConnections(exempt=frozenset({broken.host}))
        Importer(uploads=site.uploads, connect=exempt.open).start(broken.url, owner="")
    upload = importer.start(server.url, owner="")
    assert importer.run_once(Stop()) == 1
    assert site.uploads.get(upload.id, "").state is UploadState.COMPLETE


def test_a_stop_ends_the_download_and_loses_nothing(site: UploadSite, server: WebServer) -> None:
    importer = importer_of(site, server)
    upload = importer.start(server.url, owner="")
    stop = Stop()
    server.before = lambda start: stop.request("test") if start else None
    assert importer.run_once(stop) == 0
    found = site.uploads.get(upload.id, "")
    assert (found.offset, found.state) == (2 * PART, UploadState.OPEN)


def test_a_cancelled_import_ends(site: UploadSite, server: WebServer) -> None:
    importer = importer_of(site, server)
    upload = importer.start(server.url, owner="")
    server.before = lambda start: site.uploads.terminate(upload.id, "") if start == PART else None
    assert importer.run_once(Stop()) == 0
    assert importer.run_once(Stop()) == 0
    assert site.uploads.listed(None) == []


def test_private_addresses_are_refused_at_the_start_and_at_each_download(
    site: UploadSite, server: WebServer
) -> None:
    guarded = Importer(uploads=site.uploads, connect=PublicConnections().open)
    with pytest.raises(ForbiddenAddressError):
        guarded.start(server.url, owner="")
    assert server.starts == []
    upload = importer_of(site, server).start(server.url, owner="")
    server.starts.clear()
    assert guarded.run_once(Stop()) == 0  # as for a name that resolves to another address by now
    assert server.starts == []
    assert site.uploads.get(upload.id, "").state is UploadState.FAILED


def test_what_is_not_a_video_or_too_large_is_refused_before_it_is_downloaded(
    site: UploadSite, server: WebServer
) -> None:
    importer = importer_of(site, server)
    server.data = b"<html>" + bytes(5_000_000)
    with pytest.raises(FileTypeError):
        importer.start(server.url, owner="")
    server.data = VIDEO
    limits = replace(LIMITS, file_bytes=100_000)
    small = UploadSite(site.root / "small", site.ledger, site.clock, limits=limits)
    with pytest.raises(TooLargeError):
        importer_of(small, server).start(server.url, owner="")
    assert max(server.starts) == 0
    assert site.uploads.listed(None) == []


def test_a_server_that_does_not_answer_is_an_error_at_the_start(site: UploadSite, server: WebServer) -> None:
    break_after(server, 0)
    with pytest.raises(TransientError, match="unavailable"):
        importer_of(site, server).start(server.url, owner="")
    assert site.uploads.listed(None) == []
