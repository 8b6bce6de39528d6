"""Detects the container of a file from its first bytes, before FFmpeg opens it.

FFmpeg's own detection accepts too much: it may treat a text file as a playlist that opens other files.
Therefore only the containers listed here are accepted; any other file is rejected with a message that says
what it is. Accepted: MP4, MOV and the containers in `_CONTAINERS`, and MPEG-TS.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

from eddyline.core.errors import InputError, MissingError, TransientError

# The number of first bytes that `sniff` and `detect_container` need (fewer if the file is shorter).
HEAD_BYTES: Final = 4096

# The first box of an MP4 or QuickTime file is one of these (ISO/IEC 14496-12; QuickTime File Format).
_MP4_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})
_SEGMENT_FIRST_BOXES = frozenset({b"styp", b"moof", b"sidx", b"emsg", b"prft"})
_IMAGE_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"avis", b"crx ", b"jxl "})

# (offset, signature, container); containers have the names of FFmpeg's demuxers.
_CONTAINERS = (
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (0, b"FLV\x01", "flv"),
    (0, b"OggS", "ogg"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", "mxf"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "asf"),
)
_IMAGES = (
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
_AUDIO = (
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
_OTHER_FILES = (
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it and pass the video files in it"),
    (0, b"%PDF", "a PDF document", "pass the video file"),
    (0, b"\x7fELF", "a program", "pass the video file"),
    (0, b"MZ", "a program", "pass the video file"),
    (0, b"DEVC", "raw GPMF telemetry", "pass the video that it was extracted from"),
    (0, b"DKIF", "an IVF elementary stream", "remux it first: ffmpeg -i IN -c copy OUT.mp4"),
    (0, b"YUV4MPEG2", "raw frames (Y4M)", "encode it first, for example losslessly: ffmpeg -i IN OUT.mp4"),
    (
        0,
        b"\x00\x00\x00\x01",
        "a raw video stream without timestamps",
        "remux it with its frame rate: ffmpeg -r RATE -i IN -c copy OUT.mp4",
    ),
)
# Playlists and links: patterns for the start of a text, in lower case, after spaces and byte order mark.
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
    """Return "mp4" for a source that can be read directly (MP4 or MOV), "remux" for other containers.

    `what` is a local file, or the first `HEAD_BYTES` bytes of one. Raises the errors of `detect_container`.
    """
    head = read_head(what) if isinstance(what, Path) else what
    return "mp4" if detect_container(head) in {"mp4", "mov"} else "remux"


def read_head(path: Path) -> bytes:
    """Return the first `HEAD_BYTES` bytes of a local file.

    Raises `MissingError`, `InputError` (a directory), `TransientError` (a disk error).
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise MissingError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise InputError(
            f"{path} is a directory, not a file", remedy="pass the files in it", reason="not-video"
        ) from error
    except OSError as error:
        raise TransientError(f"cannot read {path}: {error.strerror}") from error


def detect_container(head: bytes) -> str:
    """Return the container of a file with these first bytes: "mp4", "mov" or the name of FFmpeg's demuxer.

    Raises `InputError`, with a message and remedy for each case: empty, only zeros, a still image, audio, a
    segment of a stream, a playlist, text, another known file type, unknown.
    """
    if not head:
        raise InputError(
            "the file is empty",
            remedy="copy it again; if it is empty on the card too, the recording failed",
            reason="empty",
        )
    found = _mp4_family(head) or _match(head, _CONTAINERS) or ("mpegts" if _is_transport_stream(head) else "")
    if found:
        return found
    _reject_zeros(head)
    _reject_known(head)
    _reject_text(head)
    raise InputError(
        f"the file is not a supported video container (its first bytes are {head[:8].hex(' ')})",
        remedy="pass MP4, MOV, MKV, WebM, MPEG-TS, MPEG-PS, AVI, FLV, Ogg, MXF or ASF; if the file should be "
        "one of these, it is damaged: copy it again",
        reason="not-video",
    )


def _match(head: bytes, table: tuple[tuple[int, bytes, str], ...]) -> str:
    return next((name for at, magic, name in table if head[at : at + len(magic)] == magic), "")


def _mp4_family(head: bytes) -> str:
    kind, brand = head[4:8], head[8:12]
    if kind in _SEGMENT_FIRST_BOXES:
        raise InputError(
            "the file is one segment of a stream, not a complete file",
            remedy="prepend the initialization segment, or pass the file that the stream was made from",
            reason="stream-segment",
        )
    if kind not in _MP4_FIRST_BOXES:
        return ""
    if kind == b"ftyp" and brand in _IMAGE_BRANDS:
        raise _image_error(brand.decode("latin-1").strip().upper())
    return "mp4" if kind == b"ftyp" and brand != b"qt  " else "mov"


def _is_transport_stream(head: bytes) -> bool:
    """Look for sync bytes at equal distances; a recording of a broadcast may start within a packet."""
    for length, at in _TS_PACKETS:
        if _has_sync_bytes(head, at, length, least=3):  # a file of fewer packets has no complete frame
            return True
        if any(_has_sync_bytes(head, start, length, least=8) for start in range(length)):
            return True
    return False


def _has_sync_bytes(head: bytes, at: int, length: int, *, least: int) -> bool:
    found = head[at : at + 8 * length : length]
    return len(found) >= least and all(byte == _TS_SYNC for byte in found)


def _reject_zeros(head: bytes) -> None:
    if not any(head):
        raise InputError(
            "the file has zeros instead of a header",
            remedy="copy it again, or recover the card: the copy failed or the card was removed too early",
            reason="zeros",
        )


def _reject_known(head: bytes) -> None:
    if name := _match(head, _IMAGES):
        raise _image_error(name)
    if name := _match(head, _AUDIO):
        raise InputError(
            f"the file has audio but no video ({name})",
            remedy="pass the video that the audio belongs to",
            reason="audio-only",
        )
    for at, magic, name, remedy in _OTHER_FILES:
        if head[at : at + len(magic)] == magic:
            raise InputError(f"the file is {name}, not a video", remedy=remedy, reason="not-video")


def _image_error(name: str) -> InputError:
    return InputError(
        f"the file is a still image ({name}), not a video",
        remedy="pass the video file; join the images of a time lapse first (ffmpeg -i %04d.jpg OUT.mp4)",
        reason="still-image",
    )


def _reject_text(head: bytes) -> None:
    text = _as_text(head)
    if text is None:
        return
    start = text.lstrip("\ufeff \t\r\n").lower()
    for pattern, name in _PLAYLISTS:
        if re.match(pattern, start, re.DOTALL):
            raise InputError(
                f"the file is {name}: it refers to other media, which Eddyline does not open",
                remedy="pass the media files",
                reason="playlist",
            )
    raise InputError(
        "the file is text, not a video", remedy="pass the video file that it belongs to", reason="not-video"
    )


def _as_text(head: bytes) -> str | None:
    """Decode the bytes as UTF-8, or return None; ignores an incomplete character at the end of `head`."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < HEAD_BYTES:
            return None
        text = head[: error.start].decode("utf-8")
    plain = all(char.isprintable() or char in "\r\n\t\f\ufeff" for char in text)
    return text if plain else None
