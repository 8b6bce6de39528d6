"""Compares the recording settings of chapters: parameters that must not change within one file.

Differences without an effect on decoding are ignored: bit rates in sample entries, and parameter sets, of
which each chapter keeps its own, as long as profile, level and resolution agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from eddyline.core.errors import FormatError, InputError
from eddyline.core.timebase import nominal_rate
from eddyline.gpmf.camera import read_camera
from eddyline.gpmf.format.klv import Document
from eddyline.gpmf.format.reader import parse
from eddyline.media.source.frame_rate import frame_rate
from eddyline.mp4.boxes import Box, find_box, iter_boxes
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.entries.bit_rates import with_bit_rates
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation

_FIELDS = {"video": 78, "audio": 28}  # bytes of a sample entry before its boxes
_PARAMETERS = {"avcC": slice(1, 4), "hvcC": slice(1, 13)}  # profile, tier and level must agree
_IGNORED = frozenset({"btrt"})
_MAX_PAYLOAD_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The recording settings of a chapter: readable name -> value, the most telling first."""

    name: str
    values: Mapping[str, str]


def read_settings(
    name: str, src: ByteRanges, movie: Movie, track: Track, presentation: Presentation
) -> Settings:
    """Read the settings of one chapter; `track` is its main video track."""
    values = dict(_camera(src, movie))
    values["tracks"] = ", ".join(f"{each.kind} ({each.format})" for each in movie.tracks)
    values["resolution"] = f"{track.width}x{track.height}"
    values["frame rate"] = _rate(presentation, track)
    for number, each in enumerate(movie.tracks, 1):
        values.update(_of_track(f"track {number}", each))
    return Settings(name=name, values=values)


def require_same_settings(first: Settings, other: Settings) -> None:
    """Raise `InputError` with the first setting that differs, and both values."""
    for what in dict.fromkeys((*first.values, *other.values)):
        a, b = first.values.get(what, "none"), other.values.get(what, "none")
        if a != b:
            raise InputError(
                f"{first.name} and {other.name} were recorded with different settings: {what} {a} and {b}",
                remedy="merge only chapters of one recording; transcode others to the same settings first",
            )


def _rate(presentation: Presentation, track: Track) -> str:
    rate, variable = frame_rate(presentation, track.timescale)
    return "variable" if variable else str(nominal_rate(rate))


def _camera(src: ByteRanges, movie: Movie) -> Iterator[tuple[str, str]]:
    udta = movie.udta or b""
    read_settings = parse(find_box(udta, "GPMF"), lenient=True)
    camera = read_camera(iter_boxes(udta), read_settings, _devices(src, movie))
    yield "camera", camera.model or "unknown"
    yield "serial number", camera.serial or "unknown"
    yield "firmware", camera.firmware or "unknown"


def _devices(src: ByteRanges, movie: Movie) -> list[str]:
    """Return the device names of the first payload, the only place where older cameras name themselves."""
    track = movie.first_track("telemetry")
    if track is None or not len(track.samples) or int(track.samples.size[0]) > _MAX_PAYLOAD_BYTES:
        return []
    data = src.read(int(track.samples.offset[0]), int(track.samples.size[0]))
    document: Document = parse(data, lenient=True)
    named = (node.child("DVNM") for node in document.nodes if node.key == "DEVC")
    return [node.text for node in named if node is not None]


def _of_track(where: str, track: Track) -> Iterator[tuple[str, str]]:
    yield f"{where} clock", f"{track.timescale} ticks/s"
    yield f"{where} language", track.language
    if track.kind == "video":
        yield f"{where} video", f"{track.format} {track.width}x{track.height}"
        yield f"{where} orientation", f"{track.rotation} degrees{', mirrored' if track.mirrored else ''}"
        across, down = track.display_size
        yield f"{where} display size", f"{float(across):g}x{float(down):g}"
    if track.kind == "audio":
        audio = f"{track.format} {track.channels} channels at {track.sample_rate} Hz"
        yield f"{where} audio", audio
    yield (
        f"{where} codec parameters",
        "; ".join(decoder_parameters(row, track.kind).hex() for row in sample_entries(track.stsd)),
    )


def sample_entries(stsd: bytes) -> list[bytes]:
    """Return the sample entries of a complete stsd box."""
    return [bytes(entry.raw) for entry in _stsd_box(stsd).children(8)]


def decoder_parameters(row: bytes, kind: str) -> bytes:
    """Return the bytes of a sample entry that must agree between chapters."""
    entry = Box(kind="row", raw=memoryview(row), body=memoryview(row)[8:], offset=8, path="stsd")
    fields = _FIELDS.get(kind)
    if fields is None or len(entry.body) < fields:
        return row
    try:
        inner = [_significant_bytes(box) for box in entry.children(fields) if box.kind not in _IGNORED]
    except FormatError:
        return row  # QuickTime audio entries have other layouts: all bytes must agree
    return b"".join((row[4:8], bytes(entry.body[:fields]), *inner))


def _significant_bytes(box: Box) -> bytes:
    if box.kind in _PARAMETERS:
        return box.kind.encode() + bytes(box.body[_PARAMETERS[box.kind]])
    return with_bit_rates(bytes(box.raw), 0) if box.kind == "esds" else bytes(box.raw)


def _stsd_box(stsd: bytes) -> Box:
    return Box(kind="stsd", raw=memoryview(stsd), body=memoryview(stsd)[8:], offset=8, path="stsd")
