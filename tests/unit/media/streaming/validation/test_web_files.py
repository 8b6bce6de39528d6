"""A stream is validated over HTTP: within a budget, and only from public servers beside the given one."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.unit.media.streaming.validation.good_stream import MASTER, good_files

from eddyline.core.errors import MissingError, UsageError
from eddyline.media.streaming.validation.files import BudgetError, OutsideError, WebFiles
from eddyline.media.streaming.validation.validate import validate_url


class Server(ThreadingHTTPServer):
    daemon_threads = True
    files: dict[str, str]
    redirects: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        target = self.server.redirects.get(self.path.lstrip("/"))
        if target is not None:
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = self.server.files.get(self.path.lstrip("/"), "").encode()
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert found
        first, last = int(found[1]), min(int(found[2]), len(data) - 1)
        body = data[first : last + 1]
        self.send_response(206 if data else 404)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as served:
        served.files, served.redirects = good_files(), {}
        thread = threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield served
        served.shutdown()


def test_playlists_and_segments_are_read_from_the_server_of_the_url(server: Server) -> None:
    server.files["h360/main.m3u8"] = server.files["h360/main.m3u8"].replace("VERSION:6", "VERSION:5")
    report = validate_url(f"{server.url}/{MASTER}")
    found = {each.rule.id for each in report.violated}
    # The playlists are there, their segments are not.
    assert found == {"RFC8216-7", "RFC8216-6.2.1:segments"}
    assert report.files == 1 + 2 * 7 + 2


def test_references_to_private_servers_are_not_followed(server: Server) -> None:
    master = server.files[MASTER]
    for uri in ("http://169.254.169.254/latest/meta-data", "http://localhost:1/x", "ftp://example.org/x"):
        server.files[MASTER] = master.replace('"audio/main.m3u8"', f'"{uri}"')
        report = validate_url(f"{server.url}/{MASTER}")
        outside = [each for each in report.findings if each.rule.id == "LIMIT-references"]
        assert len(outside) == 1, uri
        assert outside[0].place.startswith("line 5")


@pytest.mark.parametrize("port", [80, "other"])
def test_redirects_to_private_servers_are_not_followed(server: Server, port: int | str) -> None:
    private = Server(("127.0.0.1", 0), Handler)  # it accepts connections, but answers none
    try:
        target = private.url if port == "other" else "http://127.0.0.1/"
        server.redirects = {"audio/main.m3u8": f"{target}/audio.m3u8", "h360/init.mp4": f"{target}/init.mp4"}
        report = validate_url(f"{server.url}/{MASTER}")
        found = [each for each in report.findings if "public address" in each.actual]
        assert {(each.rule.id, each.file.removeprefix(f"{server.url}/")) for each in found} == {
            ("LIMIT-references", MASTER),
            ("RFC8216-6.2.1:segments", "h360/main.m3u8"),
            ("RFC8216-6.2.1:segments", "h360/iframes.m3u8"),
        }
        server.redirects[MASTER] = f"{target}/{MASTER}"
        with pytest.raises(OutsideError, match="does not have a public address"):
            validate_url(f"{server.url}/{MASTER}")
        private.socket.settimeout(0.01)
        with pytest.raises(TimeoutError):  # it was never connected to
            private.socket.accept()
    finally:
        private.server_close()


def test_the_number_of_files_and_bytes_is_limited(server: Server) -> None:
    files = WebFiles(server.url, max_files=1)
    with files.open(f"{server.url}/{MASTER}") as opened:
        assert opened.size == len(server.files[MASTER])
    with pytest.raises(BudgetError) as caught:
        files.open(f"{server.url}/{MASTER}")
    assert "--segments" in caught.value.remedy
    small = WebFiles(server.url, max_bytes=100)
    with small.open(f"{server.url}/{MASTER}") as opened, pytest.raises(BudgetError):
        opened.read(0, 101)


def test_errors_of_the_given_url_are_those_of_the_server(server: Server) -> None:
    with pytest.raises(MissingError, match="404"):
        validate_url(f"{server.url}/gone.m3u8")
    with pytest.raises(UsageError):
        WebFiles("http://")


def test_urls_are_resolved_against_their_playlist(server: Server) -> None:
    files = WebFiles(server.url)
    assert files.resolve("https://a.example/x/y.m3u8?t=1", "../z.m4s") == "https://a.example/z.m4s"
    for uri in ("ftp://a/x", "data:text/plain,x", "http://[x"):
        with pytest.raises(OutsideError):
            files.resolve("https://a.example/x", uri)
