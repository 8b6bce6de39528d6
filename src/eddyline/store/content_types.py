"""The Content-Type of an object by its file name extension; players and browsers rely on it."""

from __future__ import annotations

from pathlib import PurePosixPath

DEFAULT = "application/octet-stream"

# HLS: RFC 8216 section 4 and the authoring specification for Apple devices; DASH: ISO/IEC 23009-1 annex C;
# CMAF segments: RFC 8216bis section 3; WebVTT: W3C. Each kind of output is a row.
BY_EXTENSION = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".m4v": "video/mp4",
    ".m4a": "audio/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".ts": "video/mp2t",
    ".aac": "audio/aac",
    ".wav": "audio/wav",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".svg": "image/svg+xml",
    ".vtt": "text/vtt; charset=utf-8",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".gpx": "application/gpx+xml",
    ".kml": "application/vnd.google-earth.kml+xml",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".yaml": "application/yaml",
    ".gz": "application/gzip",
    ".gpmf": DEFAULT,
    ".bin": DEFAULT,
}


def content_type(key: str) -> str:
    """The Content-Type of the object `key`; DEFAULT for unknown extensions."""
    return BY_EXTENSION.get(PurePosixPath(key).suffix.lower(), DEFAULT)
