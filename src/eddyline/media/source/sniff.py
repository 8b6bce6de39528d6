"""What a file is by its first bytes, before any program is let near it.

FFmpeg guesses formats generously: a text file may become a playlist that opens other files. So what is not a
container named here is refused here, with words for what it is instead.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

from eddyline.core.errors import InputError, MissingError, TransientError

# How many bytes from the start `sniff` and `detect_container` want to see (fewer where the file is shorter).
HEAD_BYTES: Final = 4096

# Boxes that may begin an MP4 or QuickTime file (ISO/IEC 14496-12; QuickTime File Format).
_MP4_FIRST = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})
_SEGMENT_FIRST = frozenset({b"styp", b"moof", b"sidx", b"emsg", b"prft"})
_STILL_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"avis", b"crx ", b"jxl "})

# (offset, first bytes, container). The containers are the names of FFmpeg's demuxers.
_CONTAINERS = (
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (0, b"FLV\x01", "flv"),
    (0, b"OggS", "ogg"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", "mxf"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "asf"),
)
_STILLS = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF or camera raw"),
    (0, b"MM\0*", "TIFF or camera raw"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
)
_SOUNDS = (
    (8, b"WAVE", "WAV"),
    (0, b"ID3", "MP3"),
    (0, b"fLaC", "FLAC"),
    (8, b"AIF", "AIFF"),
    (0, b"caff", "CAF"),
    (0, b"#!AMR", "AMR"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (0, b"\xff\xfb", "MP3"),
    (0, b"\xff\xf3", "MP3"),
)
_OTHERS = (
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it and give the footage inside"),
    (0, b"%PDF", "a PDF document", "give the footage itself"),
    (0, b"\x7fELF", "a program", "give the footage itself"),
    (0, b"MZ", "a program", "give the footage itself"),
    (0, b"DEVC", "raw GPMF telemetry", "give the video that it was taken from"),
    (0, b"DKIF", "an IVF elementary stream", "wrap it first: ffmpeg -i IN -c copy OUT.mp4"),
    (0, b"YUV4MPEG2", "raw pictures (Y4M)", "encode it first, for example losslessly: ffmpeg -i IN OUT.mp4"),
    (
        0,
        b"\x00\x00\x00\x01",
        "a raw video stream, which knows no times",
        "wrap it with its frame rate: ffmpeg -r RATE -i IN -c copy OUT.mp4",
    ),
)
# Text that sends a player elsewhere, lower case, at its start after blanks and byte order mark.
_PLAYLISTS = (
    (r"#extm3u", "an HLS or M3U playlist"),
    (r"ffconcat\b|file\s+['\"]?\S", "an FFmpeg concat list"),
    (r"(<\?xml.*?)?(<!--.*?-->\s*)*<mpd\b", "a DASH manifest"),
    (r"(<\?xml.*?)?(<!--.*?-->\s*)*<smoothstreamingmedia\b", "a Smooth Streaming manifest"),
    (r"(<\?xml.*?)?<(smil|asx|playlist)\b|\[playlist\]|\[reference\]", "a playlist"),
    (r"v=0\r?\no=", "a stream description (SDP)"),
    (r"rtsptext|[a-z]{2,6}://\S+\s*$", "a link"),
)
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))  # plain, with arrival times (M2TS), with error correction
_TS_SYNC = 0x47


def sniff(what: Path | bytes) -> Literal["mp4", "remux"]:
    """Whether footage can be read as it is ("mp4", which includes MOV) or is to be rewrapped first ("remux").

    `what` is a local file or the first `HEAD_BYTES` bytes of any. Raises as `detect_container` does.
    """
    head = read_head(what) if isinstance(what, Path) else what
    return "mp4" if detect_container(head) in {"mp4", "mov"} else "remux"


def read_head(path: Path) -> bytes:
    """The first `HEAD_BYTES` bytes of a local file.

    Raises `MissingError`, `InputError` (a folder), `TransientError` (the disk fails).
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise MissingError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise InputError(
            f"{path} is a folder, not a file", remedy="name the files in it", reason="not-video"
        ) from error
    except OSError as error:
        raise TransientError(f"cannot read {path}: {error.strerror}") from error


def detect_container(head: bytes) -> str:
    """The container that these first bytes begin: "mp4", "mov" or the name of FFmpeg's demuxer.

    Raises `InputError`, in its own words and with its own remedy for each: empty, only zeros, a still
    picture, sound, a segment of a stream, a playlist, text, another kind of file, unknown.
    """
    if not head:
        raise InputError(
            "the file is empty",
            remedy="copy it again; if it is empty on the card itself, the recording never began",
            reason="empty",
        )
    found = _mp4_family(head) or _named(head, _CONTAINERS) or ("mpegts" if _transport_stream(head) else "")
    if found:
        return found
    _refuse_zeros(head)
    _refuse_known(head)
    _refuse_text(head)
    raise InputError(
        f"this is no video format that Eddyline knows (it begins {head[:8].hex(' ')})",
        remedy="give MP4, MOV, MKV, WebM, MPEG-TS, MPEG-PS, AVI, FLV, Ogg, MXF or ASF; if it should be one "
        "of these, the file is damaged: copy it again",
        reason="not-video",
    )


def _named(head: bytes, table: tuple[tuple[int, bytes, str], ...]) -> str:
    return next((name for at, magic, name in table if head[at : at + len(magic)] == magic), "")


def _mp4_family(head: bytes) -> str:
    kind, brand = head[4:8], head[8:12]
    if kind in _SEGMENT_FIRST:
        raise InputError(
            "this is one segment of a stream, not a whole file",
            remedy="put the initialisation segment in front of it, or give the file that it was made from",
            reason="stream-segment",
        )
    if kind not in _MP4_FIRST:
        return ""
    if kind == b"ftyp" and brand in _STILL_BRANDS:
        raise _still(brand.decode("latin-1").strip().upper())
    return "mp4" if kind == b"ftyp" and brand != b"qt  " else "mov"


def _transport_stream(head: bytes) -> bool:
    """Sync bytes in a row; a recording that was cut out of a broadcast may begin within a packet."""
    for length, at in _TS_PACKETS:
        if _in_step(head, at, length, least=3):  # a file of fewer packets holds no whole frame
            return True
        if any(_in_step(head, start, length, least=8) for start in range(length)):
            return True
    return False


def _in_step(head: bytes, at: int, length: int, *, least: int) -> bool:
    marks = head[at : at + 8 * length : length]
    return len(marks) >= least and all(mark == _TS_SYNC for mark in marks)


def _refuse_zeros(head: bytes) -> None:
    if not any(head):
        raise InputError(
            "the file holds only zeros where its header should be",
            remedy="the copy failed or the card was pulled too early: copy it again, or recover the card",
            reason="zeros",
        )


def _refuse_known(head: bytes) -> None:
    if name := _named(head, _STILLS):
        raise _still(name)
    if name := _named(head, _SOUNDS):
        raise InputError(
            f"this is sound alone ({name}): there is no picture to encode",
            remedy="give the video that the sound belongs to",
            reason="audio-only",
        )
    for at, magic, name, remedy in _OTHERS:
        if head[at : at + len(magic)] == magic:
            raise InputError(f"this is {name}, not footage", remedy=remedy, reason="not-video")


def _still(name: str) -> InputError:
    return InputError(
        f"this is a still picture ({name}), not a video",
        remedy="give the video itself; join the pictures of a time lapse first (ffmpeg -i %04d.jpg OUT.mp4)",
        reason="still-image",
    )


def _refuse_text(head: bytes) -> None:
    text = _as_text(head)
    if text is None:
        return
    start = text.lstrip("\ufeff \t\r\n").lower()
    for pattern, name in _PLAYLISTS:
        if re.match(pattern, start, re.DOTALL):
            raise InputError(
                f"this is {name}: it points to media elsewhere, which Eddyline never follows",
                remedy="give the media files themselves",
                reason="playlist",
            )
    raise InputError(
        "this is text, not footage", remedy="give the video file that it belongs to", reason="not-video"
    )


def _as_text(head: bytes) -> str | None:
    """The bytes as UTF-8 text, or None; a character that the end of `head` cuts in two is left out."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < HEAD_BYTES:
            return None
        text = head[: error.start].decode("utf-8")
    plain = all(char.isprintable() or char in "\r\n\t\f\ufeff" for char in text)
    return text if plain else None
