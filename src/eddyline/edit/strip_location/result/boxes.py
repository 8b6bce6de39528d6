"""Reads finished copies with a parser that shares no code with the writer.

It accepts only the boxes that a copy may contain, requires that they fill the file to the last byte, and
derives the bytes of every chunk from the tables. Anything else is an error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from eddyline.core.errors import ProofError
from eddyline.edit.strip_location.result.tables import TrackTables, constant_size, read_table
from eddyline.mp4.byte_ranges import ByteRanges

_CONTAINERS: Final = {
    "moov": "mvhd iods trak mvex udta meta",
    "trak": "tkhd tapt edts tref mdia uuid udta meta",
    "tapt": "clef prof enof",
    "edts": "elst",
    "tref": "tmcd chap sync vdep auxl cdsc folw fall adda adrc",
    "mdia": "mdhd hdlr elng minf",
    "minf": "vmhd smhd nmhd sthd gmhd hdlr dinf stbl",
    "gmhd": "gmin text tmcd gpmd",
    "gmhd/tmcd": "tcmi",
    "dinf": "dref",
    "stbl": "stsd stts ctts cslg stss stps sdtp stsc stsz stz2 stco co64 sgpd sbgp",
    "mvex": "mehd trex",
    "moof": "mfhd traf",
    "traf": "tfhd tfdt trun sgpd sbgp",
    "udta": "FIRM LENS CAME SETT MUID GUMI HMMT GPMF chpl meta \xa9too \xa9swr \xa9enc"
    " \xa9mak \xa9mod name kind",
    "meta": "hdlr keys ilst",
}
_OUTERMOST: Final = frozenset({"ftyp", "moov", "mdat", "moof"})
_MOST_BOXES: Final = 2_000_000
_LARGEST_INDEX: Final = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Node:
    """A box: kind, path, extent [start, end) and start of its body."""

    kind: str
    path: str
    start: int
    body: int
    end: int


@dataclass(kw_only=True, eq=False)
class Chunk:
    """Contiguous samples of one track: bytes [start, end), and their sizes if known."""

    track: int
    start: int
    end: int
    sizes: list[int] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Result:
    """A finished copy: boxes outside mdat (bytes), tracks, extents of mdat bodies, all chunks."""

    outside: list[tuple[str, bytes]] = field(default_factory=list)
    tracks: dict[int, TrackTables] = field(default_factory=dict)
    media: list[tuple[int, int]] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)


def read_result(src: ByteRanges) -> Result:
    """Reads every box of a copy. Raises `ProofError` for an unexpected box or byte."""
    return _Reader(src).read()


class _Reader:
    def __init__(self, src: ByteRanges) -> None:
        self._src = src
        self._result = Result()
        self._left = _MOST_BOXES

    def read(self) -> Result:
        for node in self._boxes(0, self._src.size, ""):
            if node.kind not in _OUTERMOST:
                raise ProofError(f"the copy has an unexpected box {node.kind!a} at byte {node.start}")
            if node.kind == "mdat":
                self._result.media.append((node.body, node.end))
                continue
            if node.end - node.start > _LARGEST_INDEX:
                raise ProofError(f"box {node.kind} of the copy has {node.end - node.start} bytes")
            self._result.outside.append((node.kind, self._src.read(node.start, node.end - node.start)))
            if node.kind == "moov":
                self._movie(node)
            elif node.kind == "moof":
                self._fragment(node)
        for track in self._result.tracks.values():
            self._chunks_of(track)
        self._check_coverage()
        return self._result

    def _movie(self, moov: Node) -> None:
        for node in self._inside(moov):
            if node.kind == "trak":
                self._track(node)
            elif node.kind == "mvex":
                self._defaults(node)

    def _boxes(self, at: int, end: int, path: str) -> Iterator[Node]:
        while at < end:
            self._left -= 1
            head = self._src.read(at, min(16, end - at))
            size, name = struct.unpack(">I4s", head[:8]) if len(head) >= 8 else (0, b"")  # noqa: PLR2004
            header = 8
            if size == 1 and len(head) == 16:  # noqa: PLR2004 - a 64-bit size
                (size,) = struct.unpack(">Q", head[8:])
                header = 16
            if size < header or at + size > end or self._left < 0:
                raise ProofError(f"{end - at} bytes of the copy at {at} are not a box ({path or 'file'})")
            kind = name.decode("latin-1")
            yield Node(kind=kind, path=f"{path}/{kind}", start=at, body=at + header, end=at + size)
            at += size

    def _inside(self, parent: Node) -> Iterator[Node]:
        """Yields all descendants of a container. Raises `ProofError` for a box not allowed in its parent."""
        name = "gmhd/tmcd" if parent.path.endswith("gmhd/tmcd") else parent.kind
        allowed = _CONTAINERS[name].split(" ")
        skip = 4 if name == "meta" and self._src.read(parent.body, 4) == bytes(4) else 0
        for node in self._boxes(parent.body + skip, parent.end, parent.path):
            if node.kind not in allowed:
                raise ProofError(f"the copy has an unexpected box {node.path!a} at byte {node.start}")
            yield node
            inner = "gmhd/tmcd" if node.path.endswith("gmhd/tmcd") else node.kind
            reference = parent.kind == "tref"
            if inner in _CONTAINERS and not reference:
                yield from self._inside(node)

    def _body(self, node: Node) -> bytes:
        return self._src.read(node.body, node.end - node.body)

    def _track(self, trak: Node) -> None:
        track = TrackTables()
        for node in self._inside(trak):
            if node.kind in {"tkhd", "hdlr", "stsd", "stsc", "stsz", "stz2", "stco", "co64"}:
                body = self._body(node)
                if node.kind == "hdlr" and not node.path.endswith("mdia/hdlr"):
                    continue
                read_table(track, node.kind, body)
        self._result.tracks[track.number] = track

    def _defaults(self, mvex: Node) -> None:
        for node in self._inside(mvex):
            if node.kind == "trex":
                number, _, _, size = struct.unpack_from(">4I", self._body(node), 4)
                self._result.tracks[number].default_size = size

    def _chunks_of(self, track: TrackTables) -> None:
        """Adds the chunks in moov: stsc gives the number of samples per chunk, stsz their sizes."""
        at = 0
        for index, start in enumerate(track.chunks):
            per = next((count for first, count in reversed(track.runs) if first <= index + 1), 0)
            if track.sizes:
                sizes = list(track.sizes[at : at + per])
                self._result.chunks.append(
                    Chunk(track=track.number, start=start, end=start + sum(sizes), sizes=sizes)
                )
            else:
                size = constant_size(track, per)
                known_sizes = [track.size] * per if size == track.size * per else []
                self._result.chunks.append(
                    Chunk(track=track.number, start=start, end=start + size, sizes=known_sizes)
                )
            at += per

    def _fragment(self, moof: Node) -> None:
        tfhd_size, number = 0, 0
        for node in self._inside(moof):
            if node.kind == "tfhd":
                body = self._body(node)
                flags, number = struct.unpack_from(">II", body)
                at = 8 + 4 * bool(flags & 2) + 4 * bool(flags & 8)
                known = self._result.tracks[number].default_size
                tfhd_size = int.from_bytes(body[at : at + 4], "big") if flags & 16 else known
            elif node.kind == "trun":
                body = self._body(node)
                flags, count, offset = struct.unpack_from(">IIi", body)
                at = 12 + 4 * bool(flags & 4)
                columns = [column for column in (0x100, 0x200, 0x400, 0x800) if flags & column]
                sizes = [tfhd_size] * count
                if 0x200 in columns:  # noqa: PLR2004 - sample sizes are given
                    column = columns.index(0x200)
                    rows = struct.unpack_from(f">{count * len(columns)}I", body, at)
                    sizes = list(rows[column :: len(columns)])
                if at + 4 * count * len(columns) != len(body):
                    raise ProofError(
                        f"a run of the copy has {len(body)} bytes, which does not match its row count"
                    )
                start = moof.start + offset
                self._result.chunks.append(
                    Chunk(track=number, start=start, end=start + sum(sizes), sizes=sizes)
                )

    def _check_coverage(self) -> None:
        """Checks that the chunks cover the media without gaps or overlaps."""
        spans = sorted((chunk.start, chunk.end) for chunk in self._result.chunks if chunk.end > chunk.start)
        at = 0
        for start, end in self._result.media:
            covered = start
            while at < len(spans) and spans[at][0] < end:
                if spans[at][0] != covered:
                    raise ProofError(
                        f"bytes {covered} to {spans[at][0]} of the copy's media belong to no sample"
                    )
                covered = spans[at][1]
                at += 1
            if covered != end:
                raise ProofError(f"bytes {covered} to {end} of the copy's media belong to no sample")
        if at != len(spans):
            raise ProofError("samples of the copy are outside its media")
