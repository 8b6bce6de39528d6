"""What a share link shows: the files that strangers may read, and an allow-list of the manifest's fields.

Renditions contain the camera's telemetry track and metadata (udta), and so the route, the serial number of
the camera and more; streams, pictures and subtitles do not. Only a link with `location` shows the former.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from eddyline.core.formatting import printable_line
from eddyline.core.name_rules import is_plain_path

_STREAM_FILES = frozenset({".m3u8", ".mpd", ".m4s", ".mp4", ".vtt", ".json"})
_TEXTS = frozenset({".m3u8", ".mpd", ".vtt", ".json"})
_SUBTITLES = "subtitles"  # the directories of subtitles in a stream; their segments contain plain text
_SHEETS = frozenset({".jpg", ".jpeg", ".webp"})  # the images of a storyboard, which its WebVTT file names
_TRACK_FILES = ("gpx", "geojson", "svg")
_MAX_TITLE = 200
_NO_DIRECTORY = PurePosixPath("-")
# Titles that the camera or Eddyline gave; others are free text, which often names the location.
_NEUTRAL_TITLE = re.compile(r"Start|HiLight \d{1,4}( \(\w{1,20}\))?|Chapter \d{1,4}")


@dataclass(frozen=True, kw_only=True)
class SharedFiles:
    """The files of a published asset that a share link shows.

    The manifest was written by a worker, but a damaged one must not show more: names that are not plain paths
    are left out, and missing sections have no files.
    """

    manifest: Mapping[str, Any]
    location: bool
    downloads: bool

    def allows(self, path: str) -> bool:
        """Whether strangers may read the file at `path`, relative to the manifest."""
        if not is_plain_path(path):
            return False
        if path in self._named():
            return True
        pure = PurePosixPath(path)
        if pure.suffix in _STREAM_FILES and self._stream_directory() in pure.parents:
            return True
        storyboard = self._text("pictures", "storyboard")
        return bool(storyboard) and pure.suffix in _SHEETS and pure.parent == PurePosixPath(storyboard).parent

    def must_be_searched(self, path: str) -> bool:
        """Whether the text in the file at `path` must not contain a location: subtitles and titles may do."""
        pure = PurePosixPath(path)
        text = pure.suffix in _TEXTS or pure.parent.name.startswith(_SUBTITLES)
        return text and not self.location

    def summary(self) -> dict[str, Any]:
        """The fields of the manifest that strangers see: nothing else of it leaves the server."""
        pictures, stream = self._section("pictures"), self._section("stream")
        source = self._section("source")
        return {
            "duration_s": source.get("duration_s"),
            # The player of the page has no keys.
            "stream": {
                name: None if stream.get("encryption") else self._path(stream.get(name))
                for name in ("hls", "dash")
            },
            "chapters": self._chapters_file(),
            "pictures": {name: self._path(pictures.get(name)) for name in ("poster", "storyboard")},
            "subtitles": [
                {
                    "path": self._path(each.get("path")),
                    "language": printable_line(str(each.get("language") or "und"), 20),
                    "title": printable_line(str(each.get("title") or ""), _MAX_TITLE)
                    if self.location
                    else "",
                }
                for each in self._list("subtitles")
            ],
            "renditions": [
                {
                    name: each.get(name)
                    for name in ("name", "path", "codec", "width", "height", "bytes", "sha256")
                }
                for each in self._list("renditions")
                if self.downloads and is_plain_path(each.get("path"))
            ],
            "track": {
                name: self._path(self._section("telemetry").get(name))
                for name in _TRACK_FILES
                if self.location
            },
        }

    def _chapters_file(self) -> str | None:
        """The path of the chapters; None if a title may name the location."""
        chapters, directory = self._list("chapters"), self._stream_directory()
        neutral = all(_NEUTRAL_TITLE.fullmatch(str(each.get("title", ""))) for each in chapters)
        if not chapters or directory == _NO_DIRECTORY or not (neutral or self.location):
            return None
        return str(directory / "chapters.vtt")

    def _named(self) -> set[str]:
        return {path for path in self._names() if is_plain_path(path)}

    def _names(self) -> Iterator[str]:
        pictures = self._section("pictures")
        yield from (str(pictures.get(name)) for name in ("poster", "storyboard"))
        thumbnails = pictures.get("thumbnails")
        for each in thumbnails if isinstance(thumbnails, list) else ():
            yield str(each.get("path")) if isinstance(each, dict) else ""
        yield from (str(each.get("thumbnail")) for each in self._list("highlights"))
        yield from (str(each.get("path")) for each in self._list("subtitles"))
        if self.downloads:
            yield from (str(each.get("path")) for each in self._list("renditions"))
        if self.location:
            yield from (self._text("telemetry", name) for name in _TRACK_FILES)

    def _stream_directory(self) -> PurePosixPath:
        """The directory of the stream; without one, a path that contains no plain path."""
        path = self._text("stream", "hls") or self._text("stream", "dash")
        parent = PurePosixPath(path).parent
        return parent if parent.parts else _NO_DIRECTORY

    def _section(self, name: str) -> Mapping[str, Any]:
        found = self.manifest.get(name)
        return found if isinstance(found, Mapping) else {}

    def _list(self, name: str) -> list[Mapping[str, Any]]:
        found = self.manifest.get(name)
        return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []

    def _text(self, section: str, name: str) -> str:
        return self._path(self._section(section).get(name)) or ""

    @staticmethod
    def _path(value: object) -> str | None:
        return value if isinstance(value, str) and is_plain_path(value) else None


def renditions_have_location(manifest: Mapping[str, Any]) -> bool:
    """Whether the renditions may contain a location: in telemetry, metadata or subtitles."""
    telemetry = manifest.get("telemetry")
    if not isinstance(telemetry, Mapping):
        return True
    carried = (telemetry.get("payloads"), telemetry.get("udta"), manifest.get("location"))
    return any(carried) or bool(manifest.get("subtitles")) or bool(manifest.get("title"))
