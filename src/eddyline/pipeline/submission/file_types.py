"""Classifies files by name as videos or other types; for the rest, the first bytes decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from eddyline.core.errors import EddylineError

# Extensions of videos, in lower case.
VIDEO_SUFFIXES = frozenset(
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
    "audio without video": ".wav .mp3 .m4a .aac .flac .ogg .oga .opus .wma .aif .aiff .mka",
    "a playlist, which only refers to videos": ".m3u8 .m3u .mpd .pls .ffconcat .edl .xspf",
    "camera raw video, which FFmpeg cannot decode": ".r3d .braw .crm .ari",
    "a sidecar file": ".xml .xmp .srt .vtt .ass .txt .log .json .csv .gpx .fit .kml .md .html .pdf .ini "
    ".dat .bin .sav .bdm .cpi .mpl .inp .int .idx .ifo .bup .gis .sec .zip .db .yaml .yml",
}
_SKIPPED = {suffix: why for why, suffixes in _OTHER.items() for suffix in suffixes.split()}
# GoPro: GX010042 is chapter 1 of clip 42, GOPR0042 and GP010042 chapters 0 and 1, of a Fusion's front
# GPFR0042 and GF010042. Clips sort before chapters.
_CHAPTER = re.compile(r"(G[HXSLG])(\d\d|[A-Z]{2})(\d{4})", re.IGNORECASE)
_OLD_CHAPTER = re.compile(r"(?:GOPR|GPFR|GPBK|G([PFB])(\d\d))(\d{4})", re.IGNORECASE)
_FIRST = {"P": "GOPR", "F": "GPFR", "B": "GPBK"}


def skip_reason_by_name(name: str) -> str:
    """Why a file with this extension is skipped; "" if it may be a video."""
    suffix = PurePosixPath(name).suffix.lower()
    return _COMPANION.get(suffix) or _SKIPPED.get(suffix, "")


def skip_reason(name: str, sniff: Callable[[], object]) -> str:
    """Why a file is skipped; "" if it is a video.

    If the name does not decide, `sniff` reads the first bytes and raises if they are not those of a video.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return ""
    if reason := skip_reason_by_name(name):
        return reason
    try:
        sniff()
    except (EddylineError, OSError) as error:
        reason = error.message if isinstance(error, EddylineError) else f"cannot be read: {error.strerror}"
        return f"not recognised as video: {reason}" if suffix not in _AMBIGUOUS else "not a transport stream"
    return ""


def recording_order(name: str) -> tuple[str, str]:
    """Sort key within a directory: by name, but a camera's chapter files by clip, then chapter."""
    stem = PurePosixPath(name).stem
    if match := _CHAPTER.fullmatch(stem):
        return (f"{match[1].upper()}{match[3]}{match[2].upper()}", name)
    if match := _OLD_CHAPTER.fullmatch(stem):
        first = _FIRST[match[1].upper()] if match[1] else stem[:4].upper()
        return (f"{first}{match[3]}{match[2] or '00'}", name)
    return (name, name)
