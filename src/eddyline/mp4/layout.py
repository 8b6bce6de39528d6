"""Finds the index boxes (moov, moof) among the top-level boxes of a file, with few small reads."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.core.errors import FormatError, TruncatedError, UnsupportedError
from eddyline.mp4.boxes import Box, parse_box_header, quote_fourcc
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.errors import EmptyFileError, LimitError, MoovMissingError, Mp4Error, NotMp4Error
from eddyline.mp4.movie import Limits

_FIRST_WINDOW = 64 * 1024  # contains the index of a short file that starts with moov
_WINDOW = 4 * 1024  # a box header; often a complete moof
_HEADER = 16

# Boxes that may start a file (ISO/IEC 14496-12 and QuickTime), for any brand.
_FIRST_BOXES = frozenset(
    {"ftyp", "styp", "moov", "moof", "mdat", "free", "skip", "wide", "pnot", "uuid", "sidx", "emsg"}
)
_STILL_BRANDS = frozenset({"heic", "heix", "mif1", "msf1", "avif", "crx "})
# Signatures of other file formats: (offset, bytes, name).
_SIGNATURES = (
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (0, b"#EXTM3U", "an HLS playlist"),
    (0, b"<?xml", "XML"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"GIF8", "a GIF image"),
    (8, b"AVI ", "AVI"),
    (8, b"WAVE", "WAV audio"),
    (0, b"ID3", "MP3 audio"),
    (0, b"OggS", "Ogg"),
    (0, b"FLV", "Flash video"),
    (0, b"\x00\x00\x01\xba", "an MPEG program stream"),
    (0, b"\x00\x00\x00\x01", "a raw video stream"),
    (0, b"\x06\x0e\x2b\x34", "MXF"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "Windows Media"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"DEVC", "raw GPMF telemetry"),
)
_TS_PACKET = 188
_TRUNCATED_REMEDY = (
    "copy the file again; if the file on the card is truncated too, the recording was interrupted:"
    " put the card back into the camera and let it repair the file"
)
_IMAGES = frozenset({"a JPEG image", "a PNG image", "a GIF image"})


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The index boxes of a file, in memory. `brand` is the major brand ("" for old QuickTime files)."""

    moov: Box
    moofs: tuple[Box, ...]
    brand: str


def read_layout(src: ByteRanges, limits: Limits) -> Layout:
    """Walk the top-level boxes and read moov and every moof.

    Raises `EmptyFileError`, `NotMp4Error`, `TruncatedError`, `MoovMissingError`, `LimitError`, `Mp4Error`.
    """
    if src.size == 0:
        raise EmptyFileError("the file is empty")
    walk = _BoxWalk(src, limits)
    walk.run()
    if walk.moov is None:
        raise walk.missing()
    return Layout(moov=walk.moov, moofs=tuple(walk.moofs), brand=walk.brand)


class _Window:
    """Keeps the last read range in memory, so that adjacent headers cost one request."""

    def __init__(self, src: ByteRanges) -> None:
        self._src = src
        self._start = 0
        self._data = src.read(0, min(src.size, _FIRST_WINDOW))

    def read(self, offset: int, length: int, ahead: int = 0) -> bytes:
        end = self._start + len(self._data)
        if not self._start <= offset <= offset + length <= end:
            wanted = min(max(length, ahead), self._src.size - offset)
            self._data, self._start = self._src.read(offset, wanted), offset
        at = offset - self._start
        return self._data[at : at + length]


class _BoxWalk:
    def __init__(self, src: ByteRanges, limits: Limits) -> None:
        self._size, self._limits = src.size, limits
        self.window = _Window(src)
        self.moov: Box | None = None
        self.moofs: list[Box] = []
        self.brand = ""
        self._index_bytes = 0
        self._mdat_offset = -1  # of the last mdat box
        self._truncation: TruncatedError | None = None

    def run(self) -> None:
        if self._size < 8:  # noqa: PLR2004 - a box is at least as long as its header
            self._require_mp4(self.window.read(0, self._size))
        at = count = 0
        while self._size - at >= 8:  # noqa: PLR2004 - a box header; fewer bytes at the end are padding
            head = self.window.read(at, min(_HEADER, self._size - at), ahead=_WINDOW)
            if at == 0:
                self._require_mp4(head)
            try:
                kind, header, size = parse_box_header(memoryview(head), 1 << 62, "file", at)
            except Mp4Error:
                if self.moov is not None:
                    return  # the index is complete: ignore invalid data after it
                raise
            if head[:4] == b"\0\0\0\0":
                size = self._size - at
            count += 1
            if count > self._limits.boxes:
                raise LimitError(
                    f"the file has more than {self._limits.boxes} top-level boxes", path="file", offset=at
                )
            if self._process_box(kind, at, header, size):
                return
            at += size

    def _process_box(self, kind: str, at: int, header: int, size: int) -> bool:
        """Process one box; returns True if no later box is needed."""
        end = at + size
        if kind == "mdat":
            self._mdat_offset = at
        if end > self._size:
            if kind == "mdat" or self.moov is None:
                self._truncation = TruncatedError(
                    f"box {quote_fourcc(kind)} ends at byte {end}, but the file ends at {self._size}:"
                    f" {end - self._size} bytes are missing",
                    path=quote_fourcc(kind)[1:-1],
                    offset=at,
                    remedy=_TRUNCATED_REMEDY if kind == "mdat" else "",
                )
            return True
        if kind == "ftyp" and size >= header + 4:
            self.brand = self.window.read(at + header, 4).decode("latin-1")
        elif kind == "moov" and self.moov is None:
            self.moov = self._read_box(kind, at, header, size)
            _require_uncompressed(self.moov)
            return self.moov.find("mvex") is None
        elif kind == "moof":
            self.moofs.append(self._read_box(f"moof[{len(self.moofs)}]", at, header, size))
        return False

    def _read_box(self, path: str, at: int, header: int, size: int) -> Box:
        self._index_bytes += size
        if self._index_bytes > self._limits.index:
            raise LimitError(f"the index is larger than {self._limits.index} bytes", path=path, offset=at)
        raw = memoryview(self.window.read(at, size))
        return Box(kind=path[:4], raw=raw, body=raw[header:], offset=at + header, path=path)

    def _require_mp4(self, head: bytes) -> None:
        if head[4:8].decode("latin-1") in _FIRST_BOXES:
            return
        start = self.window.read(0, min(self._size, 4 * _TS_PACKET))
        name = _looks_like(start)
        what = f"this is {name}, not MP4 or MOV" if name else "this is not an MP4 or MOV file"
        remedy = "pass the video file: an image has no frames to encode" if name in _IMAGES else ""
        raise NotMp4Error(what, looks_like=name, remedy=remedy)

    def missing(self) -> FormatError:
        """The error that explains why moov is missing."""
        if self._truncation is not None:
            return self._truncation
        if self.brand in _STILL_BRANDS:
            return NotMp4Error(
                f"this is a still image (brand {self.brand!r}), not a video",
                looks_like="a still image",
                remedy="pass the video file: an image has no frames to encode",
            )
        if self.moofs:
            return MoovMissingError(
                "the file has fragments (moof), but not their header (moov)",
                remedy="prepend the initialisation segment of the stream to its segments",
            )
        if self._mdat_offset >= 0:
            return MoovMissingError(
                "the recording was interrupted: the media is present, but its index (moov) was never written",
                path="mdat",
                offset=self._mdat_offset,
            )
        return MoovMissingError(
            "the file has neither an index (moov) nor media (mdat)",
            remedy="copy the file from the card or camera again",
        )


def _looks_like(start: bytes) -> str:
    for offset, magic, name in _SIGNATURES:
        if start[offset : offset + len(magic)] == magic:
            return name
    if len(start) > _TS_PACKET and start[0] == start[_TS_PACKET] == ord("G"):
        return "an MPEG transport stream"
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "text" if all(char.isprintable() or char in "\r\n\t" for char in text) else ""


def _require_uncompressed(moov: Box) -> None:
    """Raise `UnsupportedError` for a compressed movie header (cmov instead of tables).

    QuickTime File Format, "Compressed Movie Resources". Only old QuickTime programs write them, and few
    programs read them, so such files are rejected with a specific error.
    """
    if moov.find("cmov") is not None:
        raise UnsupportedError(
            "the index is compressed (a QuickTime movie with a compressed header, cmov)",
            remedy="remux it without compression: ffmpeg -i IN.mov -map 0 -c copy OUT.mov",
            reason="compressed-index",
        )
