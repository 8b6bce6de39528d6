"""A recording without its location: a copy in which nothing moves and nothing else changes.

Positions leave the telemetry (see `gpmf.edit.location`), every box that says where becomes padding (see
`places`), and so do bytes between the samples that no track refers to, if they say where. Picture, sound,
motion sensors and all else keep their bytes and their places. The copy is read back before it gets its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eddyline.core.appearing import appearing
from eddyline.core.errors import UnsupportedError
from eddyline.core.ranges import FileRanges
from eddyline.gpmf.edit.location import block_without_location, without_location
from eddyline.gpmf.errors import GpmfError
from eddyline.gpmf.sources import MAX_BYTES, of_block
from eddyline.mp4.index import read_movie
from eddyline.mp4.layout import read_layout
from eddyline.mp4.movie import Limits, Movie, Track
from eddyline.mp4.ranges import ByteRanges
from eddyline.mp4.slice import sample_bytes
from eddyline.pipeline.edit.places import Patch, outermost, padding, places
from eddyline.pipeline.edit.stripproof import prove_movie, prove_raw
from eddyline.pipeline.edit.watched import Watched, never

_BLOCK = 4 << 20
_RAW = b"DEVC"
# Handlers of text and metadata, in which any track might say where; and those of them that are known.
_TELLING = frozenset({"meta", "text", "sbtl", "subt", "clcp", "camm"})
_KNOWN = frozenset({"gpmd", "fdsc", "tmcd"})


@dataclass(frozen=True, kw_only=True)
class Stripped:
    """What was taken away: from how many telemetry payloads, and which boxes (path -> how often)."""

    bytes: int
    payloads: int
    places: Mapping[str, int] = field(default_factory=dict)


def strip_location(source: Path, out: Path, *, check: Callable[[], None] = never) -> Stripped:
    """Write a copy of an MP4 (MOV, LRV, .360) or of raw GPMF to `out`, which appears whole or not at all.

    `check` is called with every read and may raise, to stop.
    Raises `GpmfError` for broken telemetry, `UnsupportedError` for tracks that may hold positions in formats
    that cannot be read, `Mp4Error`, `ProofError` if a location is found in the copy.
    """
    with FileRanges(source) as file, appearing(out) as aside:
        src = Watched(file, check)
        if src.size >= len(_RAW) and src.read(0, len(_RAW)) == _RAW:
            return _raw(src, aside.file)
        return _movie(src, aside.file)


def _raw(src: ByteRanges, out: Path) -> Stripped:
    if src.size > MAX_BYTES:
        raise GpmfError(f"{src.size} bytes of telemetry: more than {MAX_BYTES}, which no camera writes")
    data = src.read(0, src.size)
    told = of_block(data)
    if told.settings:
        kept = [block_without_location(data)]
        changed = int(kept[0] != data)
    else:
        blocks = [told.payloads[number] for number in range(len(told.payloads))]
        places_of = told.payloads.offset.tolist()
        kept = [
            without_location(block, offset=at, path=f"payload[{number}]")
            for number, (block, at) in enumerate(zip(blocks, places_of, strict=True))
        ]
        changed = sum(a != b for a, b in zip(kept, blocks, strict=True))
    whole = b"".join(kept) if changed else data
    out.write_bytes(whole)
    prove_raw(out)
    return Stripped(bytes=len(whole), payloads=changed)


def _movie(src: ByteRanges, out: Path) -> Stripped:
    movie = read_movie(src)
    _require_readable(movie)
    boxes = [*places(src), *_between(src, movie)]
    telemetry = [patch for at, track in enumerate(movie.tracks) for patch in _telemetry(src, at, track)]
    patches = sorted((*boxes, *telemetry), key=lambda patch: patch.offset)
    with out.open("wb") as file:
        for block in patched(src, patches):
            file.write(block)
    prove_movie(out, movie, lambda: patched(src, patches))
    return Stripped(
        bytes=src.size,
        payloads=sum(patch.what == "gpmd" for patch in telemetry),
        places=Counter(patch.what for patch in boxes),
    )


def _require_readable(movie: Movie) -> None:
    titles = {number for track in movie.tracks for number in track.references.get("chap", ())}
    for track in movie.tracks:
        unknown = track.handler in _TELLING and track.format not in _KNOWN and track.number not in titles
        if (unknown and len(track.samples)) or track.encrypted:
            raise UnsupportedError(
                f"track {track.number} ({track.format!r}) may hold positions that Eddyline cannot read",
                remedy="take that track out first, for example with FFmpeg, and strip what is left",
            )


def _telemetry(src: ByteRanges, at: int, track: Track) -> Iterator[Patch]:
    """New payloads in the places of the old ones, and their sizes in the track's table.

    A payload that another follows at once keeps its size, with zero words at its end.
    """
    if track.kind != "telemetry":
        return
    samples = track.samples
    table, count = _size_table(src, at)
    ends = samples.offset + samples.size
    followed = set(ends.tolist()) & set(samples.offset.tolist())
    for number, payload in enumerate(sample_bytes(src, track)):
        offset = int(samples.offset[number])
        kept = without_location(payload, offset=offset, path=f"payload[{number}]")
        if kept == payload:
            continue
        yield Patch(offset=offset, data=kept, zeros=len(payload) - len(kept), what="gpmd")
        if number < count and offset + len(payload) not in followed:
            yield Patch(offset=table + 4 * number, data=len(kept).to_bytes(4, "big"), what="stsz")


def _size_table(src: ByteRanges, at: int) -> tuple[int, int]:
    """Where the sizes of a track's samples stand in the file, and how many; none where all have one size."""
    moov = read_layout(src, Limits()).moov
    traks = [box for box in moov.children() if box.kind == "trak"]
    box = traks[at].need("mdia").need("minf").need("stbl").find("stsz")
    if box is None:
        return 0, 0
    fields = box.fields()
    fields.version()
    size, count = fields.unpack("II")
    return (box.offset + fields.at, count) if size == 0 else (0, 0)


def _between(src: ByteRanges, movie: Movie) -> Iterator[Patch]:
    """What lies in mdat without belonging to a sample, where it says where: an editor's left-overs."""
    offset = np.concatenate([track.samples.offset for track in movie.tracks])
    size = np.concatenate([track.samples.size for track in movie.tracks])
    order = np.argsort(offset, kind="stable")
    starts, ends = offset[order], np.maximum.accumulate((offset + size)[order])
    for span in outermost(src):
        if span.kind != "mdat":
            continue
        first, last = np.searchsorted(starts, (span.body, span.end))
        begins, stops = [span.body, *ends[first:last].tolist()], [*starts[first:last].tolist(), span.end]
        for begin, end in zip(begins, stops, strict=True):
            if begin < end:
                yield from padding(src, begin, end, "mdat")


def patched(src: ByteRanges, patches: Iterable[Patch]) -> Iterator[bytes]:
    """The bytes of a file with patches, which are in order, applied."""
    at = 0
    for patch in patches:
        yield from _blocks(src, at, patch.offset)
        yield patch.data
        for done in range(0, patch.zeros, _BLOCK):
            yield bytes(min(_BLOCK, patch.zeros - done))
        at = patch.end
    yield from _blocks(src, at, src.size)


def _blocks(src: ByteRanges, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _BLOCK):
        yield src.read(at, min(_BLOCK, end - at))
