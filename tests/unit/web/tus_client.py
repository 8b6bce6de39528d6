"""A client of the tus protocol for tests of the server, and bytes that begin like a video."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from starlette.testclient import TestClient

UPLOADS = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 8


def encode_metadata(**values: str) -> dict[str, str]:
    """The header Upload-Metadata of these values."""
    items = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())
    return {"Upload-Metadata": ",".join(items)}


@dataclass
class TusClient:
    """Sends requests with the headers of the protocol; `headers` of a call replace or add to them."""

    http: TestClient

    def create(self, length: int | None = len(VIDEO), body: bytes = b"", **headers: str) -> Any:
        size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        metadata = {} if "Upload-Metadata" in headers else encode_metadata(filename="GX010042.MP4")
        kind = BYTES if body else {}
        return self.http.post(UPLOADS, content=body, headers={**TUS, **size, **metadata, **kind, **headers})

    def created(self, length: int | None = len(VIDEO), body: bytes = b"", **metadata: str) -> str:
        """The path of a new upload."""
        response = self.create(length, body, **encode_metadata(**{"filename": "GX010042.MP4", **metadata}))
        assert response.status_code == 201, response.text
        return str(response.headers["location"])

    def patch(self, path: str, offset: int, body: bytes, **headers: str) -> Any:
        return self.http.patch(
            path, content=body, headers={**TUS, **BYTES, "Upload-Offset": str(offset), **headers}
        )

    def head(self, path: str) -> Any:
        return self.http.head(path, headers=TUS)

    def delete(self, path: str) -> Any:
        return self.http.delete(path, headers=TUS)

    def status(self, path: str) -> dict[str, Any]:
        response = self.http.get(path)
        assert response.status_code == 200, response.text
        return dict(response.json())
