"""The scripts and styles of the pages: compressed once, and revalidated by browsers with each load.

The files have no digest in their names, because modules import each other by name. A conditional request
costs one round trip and no body; only files of npm packages (`vendor/`) are kept for a day.
"""

from __future__ import annotations

import gzip
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_COMPRESSED = frozenset({".js", ".css", ".svg", ".txt", ".json", ".html", ".map"})
_REVALIDATED = "no-cache"
_KEPT = "public, max-age=86400"
_LEVEL = 6
# Files of assets are served in ranges, and static files are compressed already.
_UNCOMPRESSED = ("/static/", "/media/", "/s/", "/api/v1/uploads", "/api/v1/events")


class CompressedFiles(StaticFiles):
    """Serves a directory with entity tags; texts in gzip where the client accepts it."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Any,  # noqa: ANN401 - Starlette's type is a mutable mapping of any values
        status_code: int = 200,
    ) -> Response:
        """The response for one file, or 304."""
        request = Headers(scope=scope)
        plain = FileResponse(full_path, status_code=status_code, stat_result=stat_result)
        path, tag = Path(full_path), plain.headers["etag"].strip('"')
        headers = {
            "cache-control": _KEPT if "/vendor/" in str(scope["path"]) else _REVALIDATED,
            "etag": f'"{tag}"',
            "last-modified": plain.headers["last-modified"],
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
        }
        compressed = path.suffix in _COMPRESSED and accepts_gzip(request)
        if compressed:
            headers |= {"etag": f'"{tag}-gzip"', "content-encoding": "gzip"}
        response: Response = plain
        if compressed:
            data = _compress(path, stat_result.st_mtime_ns)
            response = Response(data, status_code, media_type=plain.media_type)
        response.headers.update(headers)
        if self.is_not_modified(response.headers, request):
            return NotModifiedResponse(response.headers)
        return response


class CompressPages:
    """Compresses pages and JSON, but no media, uploads and event streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._compressing = app, GZipMiddleware(app, minimum_size=1000, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with or without compression."""
        skipped = scope["type"] != "http" or str(scope["path"]).startswith(_UNCOMPRESSED)
        await (self._app if skipped else self._compressing)(scope, receive, send)


def accepts_gzip(request: Headers) -> bool:
    """Whether the client accepts gzip, as all browsers do."""
    for each in request.get("accept-encoding", "").lower().split(","):
        name, _, quality = each.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


@lru_cache(maxsize=256)
def _compress(path: Path, _changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), _LEVEL, mtime=0)
