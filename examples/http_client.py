"""Uploads a recording to an Eddyline server, waits until it is ready, and prints what can be played.

python examples/http_client.py GX010001.MP4 --server http://127.0.0.1:8080

A server that is not on this machine needs a token (`eddyline token create`) in the variable EDDYLINE_TOKEN.
The upload follows the tus protocol 1.0: after a lost connection it continues where the server stopped. Only
the standard library is used.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PART = 8 << 20
ATTEMPTS = 8
TIMEOUT_S = 60.0  # the stream of events has a comment every 15 s
SERVER_ERROR = 500
FINAL = {"ready", "failed", "cancelled"}
TUS = {"Tus-Resumable": "1.0.0"}


class Client:
    """A client of one server."""

    def __init__(self, server: str, token: str = "") -> None:
        self._server = server.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def open(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, data: bytes | None = None
    ) -> http.client.HTTPResponse:
        """Send a request. Exits with the server's explanation if it is refused."""
        url = urllib.parse.urljoin(f"{self._server}/", path)
        request = urllib.request.Request(url, data, {**self._headers, **(headers or {})}, method=method)  # noqa: S310 - of the user
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
        except urllib.error.HTTPError as error:
            if error.code >= SERVER_ERROR or error.code in {409, 423}:  # try again
                raise
            problem = json.loads(error.read() or b"{}")
            sys.exit(f"{problem.get('detail', error.reason)}: {problem.get('remedy', '')}".rstrip(": "))
        return response

    def json(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """The JSON at a path."""
        with self.open("GET", path) as response:
            return json.load(response)

    def upload(self, file: Path, profile: str = "default") -> str:
        """Upload a file; returns the path of the upload."""
        metadata = {"filename": file.name, "profile": profile}
        encoded = [f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in metadata.items()]
        headers = {**TUS, "Upload-Length": str(file.stat().st_size), "Upload-Metadata": ",".join(encoded)}
        with self.open("POST", "/api/v1/uploads", headers, b"") as response:
            location = response.headers["Location"]
        with file.open("rb") as source:
            offset, failures = 0, 0
            while offset < file.stat().st_size:
                source.seek(offset)
                try:
                    offset = self._send(location, source.read(PART), offset)
                    failures = 0
                except OSError as error:  # HTTPError is one, too
                    failures += 1
                    if failures == ATTEMPTS:
                        sys.exit(f"the upload was interrupted: {error}")
                    time.sleep(0.1 * 2**failures)
                    offset = self._offset(location, offset)
        return str(urllib.parse.urlsplit(location).path)

    def _send(self, location: str, data: bytes, offset: int) -> int:
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        with self.open("PATCH", location, headers, data) as response:
            return int(response.headers["Upload-Offset"])

    def _offset(self, location: str, before: int) -> int:
        """Where the upload continues; `before` if the server does not answer."""
        try:
            with self.open("HEAD", location, TUS) as response:
                return int(response.headers["Upload-Offset"])
        except OSError:
            return before

    def asset_of(self, upload: str) -> str:
        """The id of the asset that an upload becomes."""
        while True:
            found = self.json(upload)
            if found["state"] == "failed":
                sys.exit(f"the upload is not a recording: {(found['failure'] or {}).get('message', '')}")
            if found["asset"]:
                return str(found["asset"])
            time.sleep(0.5)

    def wait(self, asset: str) -> Any:  # noqa: ANN401 - JSON
        """Wait for an asset by the stream of events; returns the asset."""
        while True:
            try:
                # The stream is open before the state is read: no change is missed between both.
                with self.open("GET", "/api/v1/events", {"Accept": "text/event-stream"}) as stream:
                    found = self.json(f"/api/v1/assets/{asset}")
                    if found["state"] in FINAL:
                        return found
                    for event in events(stream):
                        if event.get("asset") != asset:
                            continue
                        print(event["kind"], event["body"].get("reason", ""), file=sys.stderr)
                        if event["kind"].removeprefix("asset.") in FINAL:
                            break
                    else:
                        time.sleep(1)
            except OSError:  # the server was restarted, or ended the stream
                time.sleep(1)


def events(stream: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The data of each event of a stream (text/event-stream)."""
    for line in stream:
        if line.startswith(b"data:"):
            yield json.loads(line[5:])


def main() -> None:
    """Upload, wait, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--server", default="http://127.0.0.1:8080")
    parser.add_argument("--profile", default="default")
    options = parser.parse_args()
    client = Client(options.server, os.environ.get("EDDYLINE_TOKEN", ""))
    upload = client.upload(options.file, options.profile)
    asset = client.wait(client.asset_of(upload))
    if asset["state"] != "ready":
        sys.exit(f"{asset['state']}: {(asset['failure'] or {}).get('message', '')}")
    stream = asset["manifest"]["stream"] or {}
    print(f"{asset['name']}: {asset['duration_s']} s, {options.server}{asset['links']['page']}")
    for kind, path in stream.items():
        print(f"{kind}: {options.server}{asset['links']['media']}{path}")


if __name__ == "__main__":
    main()
