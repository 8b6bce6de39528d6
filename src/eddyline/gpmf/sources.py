"""Sources of telemetry: MP4 and related formats, raw payload files, JPEG.

Only the necessary bytes are read: of an MP4 its index (moov), the samples of the gpmd track in few requests,
and udta.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eddyline.gpmf.errors import GpmfError, NoTelemetryError, WarningCollector
from eddyline.gpmf.format.klv import HEADER
from eddyline.gpmf.payloads import Payloads, join_payloads, no_payloads, split_payloads
from eddyline.mp4.boxes import find_box
from eddyline.mp4.byte_ranges import ByteRanges, read_ranges

if TYPE_CHECKING:
    from eddyline.mp4.movie import Movie, Track

MAX_BYTES = 1 << 29  # a day of telemetry
_JPEG, _GPMF_KEY, _GOPRO = b"\xff\xd8\xff", b"DEVC", b"GoPro\0"
_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"sidx", b"moof", b"uuid", b"pnot"}
_APP_FIRST, _APP_LAST, _SCAN, _PAD = 0xE0, 0xEF, 0xDA, 0xFF
_GAP = 1 << 16
_SETTINGS_NAME, _NEAR_START = b"Global Settings", 128


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """The contents of a file: payloads, the udta payload of its movie, its settings block (raw GPMF)."""

    kind: str
    payloads: Payloads
    udta: bytes = b""
    settings: bytes = b""
    duration_s: float = 0.0


def read_source(src: ByteRanges, collector: WarningCollector) -> Source:
    """Detect the file format by its first bytes (never by its name) and read the telemetry.

    Raises:
        NoTelemetryError: the file has no telemetry, or its format cannot contain any.
        Mp4Error, TruncatedError: the MP4 structure is damaged or truncated.
    """
    if src.size == 0:
        raise GpmfError("the file is empty", remedy="copy it from the card again")
    start = src.read(0, min(src.size, 16))
    if start[:3] == _JPEG:
        return _from_jpeg(src)
    if start[4:8] in _BOXES:
        return _from_movie(src, collector)
    if start[:4] == _GPMF_KEY:
        return _from_raw(src)
    raise NoTelemetryError("the file is neither MP4, JPEG nor raw GPMF (which starts with DEVC)")


def _from_raw(src: ByteRanges) -> Source:
    _check_size(src.size)
    return source_from_bytes(src.read(0, src.size))


def source_from_bytes(data: bytes) -> Source:
    """Raw GPMF: payloads, or a settings block saved from udta (detected by its device name)."""
    if _SETTINGS_NAME in data[:_NEAR_START]:
        return Source(kind="settings", payloads=no_payloads(), settings=data)
    return Source(kind="raw", payloads=split_payloads(data))


def read_detached_source(
    movie_src: ByteRanges, payloads_src: ByteRanges, collector: WarningCollector
) -> Source:
    """The telemetry of a movie whose payloads are also stored back to back in a file, as assets have them.

    Of the movie only the index is read: it has the times, which the file of payloads lacks. The result equals
    that of `read_source` for the movie, with far fewer requests. Raises as `read_source` does.
    """
    from eddyline.mp4.index import read_movie  # noqa: PLC0415 - as in `_from_movie`

    movie = read_movie(movie_src)
    track = next((each for each in movie.tracks if each.format == "gpmd"), None)
    if track is None or int(track.samples.size.sum()) != payloads_src.size:
        return _from_movie(movie_src, collector)
    _check_size(payloads_src.size)
    data = memoryview(payloads_src.read(0, payloads_src.size))
    stop = np.cumsum(track.samples.size)
    bounds = zip((stop - track.samples.size).tolist(), stop.tolist(), strict=True)
    payloads = _timed_payloads(movie, track, [bytes(data[at:end]) for at, end in bounds])
    return _movie_source(movie, payloads)


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise GpmfError(f"{size} bytes of telemetry, more than {MAX_BYTES}")


def _from_movie(src: ByteRanges, collector: WarningCollector) -> Source:
    from eddyline.mp4.index import read_movie  # noqa: PLC0415 - a tenth of the start-up time, needed for movies only

    movie = read_movie(src)
    track = next((each for each in movie.tracks if each.format == "gpmd"), None)
    settings = find_box(movie.udta or b"", "GPMF")
    if track is None and not settings:
        raise NoTelemetryError("the movie has neither a gpmd track nor GPMF settings")
    if track is None:
        collector.warn("the movie has settings, but no gpmd track")
    return _movie_source(movie, _read_track(src, movie, track) if track else no_payloads())


def _movie_source(movie: Movie, payloads: Payloads) -> Source:
    udta = movie.udta or b""
    return Source(
        kind="mp4",
        payloads=payloads,
        udta=udta,
        settings=find_box(udta, "GPMF"),
        duration_s=movie.duration / movie.timescale if movie.timescale else 0.0,
    )


def _read_track(src: ByteRanges, movie: Movie, track: Track) -> Payloads:
    samples = track.samples
    _check_size(int(samples.size.sum()))
    return _timed_payloads(movie, track, list(read_ranges(src, samples.offset, samples.size, gap=_GAP)))


def _timed_payloads(movie: Movie, track: Track, blocks: Sequence[bytes]) -> Payloads:
    samples = track.samples
    shift = float(movie.time_offset(track))
    start = samples.pts / track.timescale + shift
    end = start + samples.duration / track.timescale
    return join_payloads(blocks, offset=samples.offset, start_s=start, end_s=end)


def _from_jpeg(src: ByteRanges) -> Source:
    """A still image: GPMF in "GoPro" APP segments or in EXIF; long blocks span several segments."""
    _check_size(src.size)
    block = b"".join(map(_segment_gpmf, _segments(src)))
    if not block:
        raise NoTelemetryError("the JPEG has no GPMF segment")
    return Source(kind="jpeg", payloads=no_payloads(), settings=block)


def _segments(src: ByteRanges) -> Iterator[bytes]:
    """The APPn segments before the image data."""
    at = 2
    while at + 4 <= src.size:
        head = src.read(at, 4)
        marker, length = head[1], int.from_bytes(head[2:4], "big")
        if head[0] != _PAD or marker == _SCAN or length < 2:  # noqa: PLR2004 - the length counts itself
            return
        if _APP_FIRST <= marker <= _APP_LAST and at + 2 + length <= src.size:
            yield src.read(at + 4, length - 2)
        at += 2 + length


def _segment_gpmf(body: bytes) -> bytes:
    """The GPMF of one segment: all of a GoPro segment, or the complete DEVCs in another one (EXIF)."""
    if body.startswith(_GOPRO):
        return body[len(_GOPRO) :]
    first = at = body.find(_GPMF_KEY + b"\0")
    while at >= 0 and body[at : at + 4] == _GPMF_KEY and at + HEADER.size <= len(body):
        _, _, size, repeat = HEADER.unpack_from(body, at)
        after = at + HEADER.size + (size * repeat + 3) // 4 * 4
        if after > len(body):
            break
        at = after
    return body[first:at] if at > first >= 0 else b""
