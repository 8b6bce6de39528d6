"""Reads the playlists and the MPD of a stream, within limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.core.errors import FormatError, InputError, MissingError, UnsupportedError, UsageError
from eddyline.media.streaming.playlist_lines import MAX_TEXT
from eddyline.media.streaming.validation.files import OutsideError, StreamFiles
from eddyline.media.streaming.validation.hls_model import (
    MediaPlaylist,
    MultivariantPlaylist,
    parse_playlist,
)
from eddyline.media.streaming.validation.mpd_model import Mpd, parse_mpd
from eddyline.media.streaming.validation.stream_model import Stream, Unreadable

_MAX_PLAYLISTS = 1_000
_MAX_ALL_TEXT = 512 * 1024 * 1024  # bytes of all playlists
_MASTER, _MPD = "master.m3u8", "manifest.mpd"
_REMEDY = "pass a multivariant playlist (.m3u8), an MPD, or a directory that contains them"


def find_manifests(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The directory of a local stream, and the names of its multivariant playlist and MPD.

    `path` is a playlist, an MPD, a directory with them, or the directory of an asset. Raises `UsageError`.
    """
    if path.is_file():
        return path.parent, (path.name,)
    for directory in (path, path / "stream"):
        if not directory.is_dir():
            continue
        usual = tuple(name for name in (_MASTER, _MPD) if (directory / name).is_file())
        found = usual or _other_manifests(directory)
        if found:
            return directory, found
    raise UsageError(f"{path} has neither a multivariant playlist nor an MPD", remedy=_REMEDY)


def _other_manifests(directory: Path) -> tuple[str, ...]:
    """The only MPD, and the only multivariant playlist, under other names."""
    mpds = sorted(each.name for each in directory.glob("*.mpd") if each.is_file())
    playlists = sorted(each.name for each in directory.glob("*.m3u8") if each.is_file())
    masters = [name for name in playlists if _mentions_variants(directory / name)]
    for names in (mpds, masters):
        if len(names) > 1:
            raise UsageError(f"{directory} has several: {', '.join(names[:5])}", remedy="pass one of them")
    return (*masters, *mpds)


def _mentions_variants(path: Path) -> bool:
    with path.open("rb") as file:
        return b"#EXT-X-STREAM-INF" in file.read(64 * 1024)


@dataclass(kw_only=True)
class _Loader:
    files: StreamFiles
    master: MultivariantPlaylist | None = None
    media: dict[str, MediaPlaylist] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    mpd: Mpd | None = None
    unreadable: list[Unreadable] = field(default_factory=list)
    undecodable: list[str] = field(default_factory=list)
    text_left: int = _MAX_ALL_TEXT

    def load(self, name: str) -> None:
        """Read a manifest and the playlists that it references."""
        data = self._read(name)
        text = self._decode(name, data)
        if text.lstrip("\ufeff \t\r\n").startswith("<"):
            self.mpd = parse_mpd(text, name)
            return
        if "#EXT" not in text[:1024]:
            raise UsageError(f"{name} is neither an HLS playlist nor an MPD", remedy=_REMEDY)
        playlist = parse_playlist(text, name)
        if isinstance(playlist, MediaPlaylist):
            self.media[name] = playlist
            return
        self.master = playlist
        for reference in playlist.references:
            self._load_media(playlist.name, reference.uri, reference.tag.place)

    def _load_media(self, base: str, uri: str, place: str) -> None:
        if (base, uri) in self.names:
            return
        try:
            name = self.files.resolve(base, uri)
            self.names[base, uri] = name
            if name in self.media:
                return
            if len(self.media) >= _MAX_PLAYLISTS:
                raise InputError(f"the stream has more than {_MAX_PLAYLISTS:,} playlists")
            playlist = parse_playlist(self._decode(name, self._read(name)), name)
        except OutsideError as error:
            self.unreadable.append(Unreadable(file=base, place=place, reason=error.message, leads_out=True))
        except (MissingError, FormatError) as error:
            self.unreadable.append(Unreadable(file=base, place=place, reason=error.message))
        else:
            if isinstance(playlist, MediaPlaylist):
                self.media[name] = playlist
            else:
                reason = f"{uri} is a multivariant playlist"
                self.unreadable.append(Unreadable(file=base, place=place, reason=reason))

    def _read(self, name: str) -> bytes:
        with self.files.open(name) as opened:
            self.text_left -= opened.size
            if opened.size > MAX_TEXT or self.text_left < 0:
                raise UnsupportedError(f"{name}: the playlist is too large to validate")
            return opened.read(0, opened.size)

    def _decode(self, name: str, data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            self.undecodable.append(name)
            return data.decode("utf-8", "replace")


def load_stream(files: StreamFiles, manifests: Sequence[str]) -> Stream:
    """The playlists and the MPD of a stream, without measurements.

    Raises `UsageError` for other files, `UnsupportedError` and `InputError` beyond the limits, `MissingError`
    for a manifest that does not exist, and `TransientError` for a server that is unavailable.
    """
    loader = _Loader(files=files)
    for name in manifests:
        loader.load(name)
    return Stream(
        master=loader.master,
        media=loader.media,
        names=loader.names,
        mpd=loader.mpd,
        unreadable=tuple(loader.unreadable),
        undecodable=tuple(loader.undecodable),
    )
