"""Which files of what was named are footage: files, folders and whole camera cards.

A file that is named is footage, whatever it is called: if it is not, the pipeline says why. A file that is
only found in a folder is judged by its extension, then by its first bytes, and skipped with a reason if
neither says video. Nothing outside a named folder is ever reached through it.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eddyline.core.errors import EddylineError, InputError, MissingError, TransientError
from eddyline.media.sniff import sniff as sniff_file

STATE = ".eddyline"  # the folder of state that marks an output folder
OUTPUT = "assets"  # what a run writes beside it

# What the extension alone decides. In lower case, with the dot.
FOOTAGE = frozenset(
    {
        *(".mp4", ".mov", ".m4v", ".qt", ".360", ".insv", ".3gp", ".3g2", ".mkv", ".webm", ".m2ts", ".m2t"),
        *(".mpg", ".mpeg", ".vob", ".mod", ".tod", ".avi", ".divx", ".flv", ".f4v", ".ogv", ".ogm"),
        *(".mxf", ".wmv", ".asf"),
    }
)
# TypeScript shares these with MPEG transport streams; the first bytes decide.
_AMBIGUOUS = frozenset({".ts", ".mts", ".cts"})
_COMPANION = {
    ".thm": "the camera's thumbnail of a clip",
    ".lrv": "the camera's low-resolution proxy of a clip",
    ".lrf": "the camera's low-resolution proxy of a clip",
}
_OTHER = {
    "a still image": ".jpg .jpeg .png .gif .webp .heic .heif .tif .tiff .bmp .gpr .dng "
    ".raw .cr2 .cr3 .nef .arw",
    "sound without pictures": ".wav .mp3 .m4a .aac .flac .ogg .oga .opus .wma .aif .aiff .mka",
    "a playlist, which only points at footage": ".m3u8 .m3u .mpd .pls .ffconcat .edl .xspf",
    "camera raw video, which FFmpeg cannot decode": ".r3d .braw .crm .ari",
    "a side file": ".xml .xmp .srt .vtt .ass .txt .log .json .csv .gpx .fit .kml .md .html .pdf .ini .dat "
    ".bin .sav .bdm .cpi .mpl .inp .int .idx .ifo .bup .gis .sec .zip .db .yaml .yml",
}
_SKIPPED = {suffix: why for why, suffixes in _OTHER.items() for suffix in suffixes.split()}
# GoPro: GX010042 is chapter 1 of clip 42, GOPR0042 and GP010042 chapters 0 and 1. Clips come before chapters.
_CHAPTER = re.compile(r"(G[HXSL])(\d\d|[A-Z]{2})(\d{4})", re.IGNORECASE)
_OLD_CHAPTER = re.compile(r"(?:GOPR|GP(\d\d))(\d{4})", re.IGNORECASE)

Sniff = Callable[[Path], object]


def not_footage(name: str) -> str:
    """Why a file of this name is no footage, as far as its extension tells; "" if it may well be."""
    suffix = PurePosixPath(name).suffix.lower()
    return _COMPANION.get(suffix) or _SKIPPED.get(suffix, "")


def why_not(path: Path, *, sniff: Sniff = sniff_file) -> str:
    """Why a file that was found, not named, is no footage; "" if it is."""
    suffix = path.suffix.lower()
    if suffix in FOOTAGE:
        return ""
    if reason := not_footage(path.name):
        return reason
    try:
        sniff(path)
    except (EddylineError, OSError) as error:
        wrong = error.message if isinstance(error, EddylineError) else f"cannot be read: {error.strerror}"
        return f"not known to be video: {wrong}" if suffix not in _AMBIGUOUS else "not a transport stream"
    return ""


@dataclass(frozen=True, kw_only=True)
class Discovered:
    """What was found. `skipped` pairs a path with why it is not footage; `failed` with what is wrong with it.

    `footage` keeps the order of what was named; within a folder, the order in which it was filmed by name.
    """

    footage: tuple[Path, ...]
    skipped: tuple[tuple[Path, str], ...]
    failed: tuple[tuple[Path, EddylineError], ...] = ()


def discover(sources: Iterable[Path], *, sniff: Sniff = sniff_file) -> Discovered:
    """Find the footage of `sources` (files and folders); a source that fails does not stop the others.

    `sniff` looks at a file's first bytes and raises an `EddylineError` if they are no video that can be read
    (default: `media.sniff.sniff`).
    """
    search = _Search(sniff)
    for source in sources:
        search.named(source)
    return search.result()


class _Search:
    """One search over all that was named; a file reached twice is taken once."""

    def __init__(self, sniff: Sniff) -> None:
        self._sniff = sniff
        self._seen: set[tuple[int, int]] = set()
        self._footage: list[Path] = []
        self._skipped: list[tuple[Path, str]] = []
        self._failed: list[tuple[Path, EddylineError]] = []

    def result(self) -> Discovered:
        return Discovered(
            footage=tuple(self._footage), skipped=tuple(self._skipped), failed=tuple(self._failed)
        )

    def named(self, source: Path) -> None:
        """Take what the user named; links are followed, because the user asked for this very one."""
        try:
            status = source.stat()
        except (OSError, ValueError) as error:
            self._failed.append((source, _unreachable(error)))
            return
        if stat.S_ISDIR(status.st_mode):
            self._folder(source)
        elif stat.S_ISREG(status.st_mode):
            self._take(source, (status.st_dev, status.st_ino))
        else:
            wrong = InputError("not a regular file", remedy="name a video file, or a folder that holds some")
            self._failed.append((source, wrong))

    def _folder(self, root: Path) -> None:
        """Walk one named folder, folder by folder, without recursion: depth costs no stack."""
        open_folders = [root]
        while open_folders:
            folder = open_folders.pop()
            try:
                entries = sorted(folder.iterdir(), key=_order)
            except OSError as error:
                self._failed.append((folder, _unreachable(error)))
                continue
            if any(entry.name == STATE for entry in entries):
                if folder != root:
                    self._skipped.append((folder, "results of an earlier run"))
                    continue
                entries = [entry for entry in entries if entry.name != OUTPUT]
            inner = list(self._entries(entries, root))
            open_folders.extend(reversed(inner))

    def _entries(self, entries: list[Path], root: Path) -> Iterator[Path]:
        """Judge the files among `entries`; give back the folders to walk next."""
        for entry in entries:
            if entry.name.startswith("."):
                continue  # .DS_Store, .Trashes, ._GX010042.MP4 and our own state
            try:
                status = entry.lstat()
            except OSError as error:
                self._skipped.append((entry, f"cannot be read: {error.strerror}"))
                continue
            if stat.S_ISLNK(status.st_mode):
                self._skipped.append((entry, _link_reason(entry, root)))
            elif stat.S_ISDIR(status.st_mode):
                yield entry
            elif stat.S_ISREG(status.st_mode):
                self._judge(entry, (status.st_dev, status.st_ino))
            else:
                self._skipped.append((entry, "not a regular file"))

    def _judge(self, path: Path, identity: tuple[int, int]) -> None:
        """Take or skip a file that was found, not named."""
        reason = why_not(path, sniff=self._sniff)
        if reason:
            self._skipped.append((path, reason))
        else:
            self._take(path, identity)

    def _take(self, path: Path, identity: tuple[int, int]) -> None:
        if identity not in self._seen:
            self._seen.add(identity)
            self._footage.append(path)


def _order(path: Path) -> tuple[str, str]:
    """Sort key within a folder: by name, but a camera's chapters by clip, then chapter."""
    stem = path.stem
    if match := _CHAPTER.fullmatch(stem):
        return (f"{match[1].upper()}{match[3]}{match[2].upper()}", path.name)
    if match := _OLD_CHAPTER.fullmatch(stem):
        return (f"GOPR{match[2]}{match[1] or '00'}", path.name)
    return (path.name, path.name)


def _link_reason(link: Path, root: Path) -> str:
    """Links inside a folder are never followed: what they lead to is found by itself, or is not ours."""
    try:
        target = link.resolve(strict=True)
        inside = target.is_relative_to(root.resolve(strict=True))
    except (OSError, RuntimeError):  # Python 3.11 raises RuntimeError for a loop
        return "a link that leads nowhere"
    return "a link to a place in the same folder" if inside else "a link that leads out of the folder"


def _unreachable(error: OSError | ValueError) -> EddylineError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MissingError(
            "there is no such file or folder", remedy="check the path and that the card is mounted"
        )
    if isinstance(error, PermissionError):
        remedy = "give yourself the right to read it, then run the same command again"
        return TransientError("it may not be read", remedy=remedy)
    what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError(f"it cannot be reached: {what}", remedy="check the path")
