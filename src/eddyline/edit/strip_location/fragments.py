"""Fragments of the copy: each moof rebuilt from its known boxes, each with an mdat of its samples alone."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.box_parts import children, drop, numbers
from eddyline.edit.strip_location.copy_writer import Written, read_samples
from eddyline.edit.strip_location.report import Report
from eddyline.edit.strip_location.sample_tables import SampleTables
from eddyline.edit.strip_location.track_kinds import Choice
from eddyline.mp4.boxes import Box, make_box, make_full_box
from eddyline.mp4.byte_ranges import ByteRanges, Ints

_U32: Final = (1 << 32) - 1
# tfhd: description, duration, size, flags, "no samples"; then "offsets count from moof".
_BASE, _TFHD_KEPT, _FROM_MOOF = 0x1, 0x1003A, 0x20000
_TFHD_FIELDS: Final = (0x2, 0x8, 0x10, 0x20)
# trun: offset, first flags; for each sample its duration, size, flags, composition offset.
_OFFSET, _FIRST_FLAGS, _SIZES = 0x1, 0x4, 0x200
_COLUMNS: Final = (0x100, 0x200, 0x400, 0x800)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """A trun of a kept track: its fields, and the samples [first, stop) of `mp4.movie.Samples`."""

    version: int
    flags: int
    first_flags: bytes
    rows: Ints
    choice: Choice
    first: int
    stop: int

    def box(self, sizes: Ints, offset: int) -> bytes:
        """The trun box with new sizes, its data `offset` bytes behind the start of moof."""
        columns = [column for column in _COLUMNS if self.flags & column]
        rows = self.rows
        flags = self.flags | _OFFSET
        if self.choice.clean is not None:
            place = sum(column < _SIZES for column in columns)
            if _SIZES in columns:
                rows = np.delete(rows, place, axis=1)
            rows = np.insert(rows, place, sizes, axis=1)
            flags |= _SIZES
        head = struct.pack(">Ii", self.stop - self.first, offset) + self.first_flags
        return make_full_box("trun", self.version, flags, head, (rows & _U32).astype(">u4").tobytes())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """A traf: the boxes in front of its runs, the runs, the boxes behind them."""

    front: bytes
    runs: tuple[_Run, ...]
    behind: bytes


@dataclass(kw_only=True, eq=False)
class Fragments:
    """Rewrites fragments one after another; `at` is how many samples of each track came before."""

    src: ByteRanges
    choices: Sequence[Choice]
    report: Report
    at: dict[int, int]
    _kept: Mapping[int, Choice] = field(init=False)

    def __post_init__(self) -> None:
        self._kept = {choice.track.number: choice for choice in self.choices}

    def write(self, file: BinaryIO, moof: Box, written: Mapping[int, Written]) -> None:
        """Write a fragment, its samples behind it. Raises `UnsupportedError` where they take 4 GB or more."""
        start = file.tell()
        trafs = self._trafs(moof)
        runs = [run for part in trafs for run in part.runs]
        head = next((bytes(each.body[:8]) for each in moof.children() if each.kind == "mfhd"), bytes(8))
        nothing = [np.zeros(run.stop - run.first, np.int64) for run in runs]
        length = len(_moof(head, trafs, nothing, [0] * len(runs)))
        file.seek(start + length + 8)
        sizes: list[Ints] = []
        offsets: list[int] = []
        at = length + 8
        for run in runs:
            samples = run.choice.track.samples
            offsets.append(at)
            mine: list[int] = []
            for data in read_samples(
                self.src, samples.offset[run.first : run.stop], samples.size[run.first : run.stop]
            ):
                kept = data if run.choice.clean is None else run.choice.clean(data)
                mine.append(len(kept))
                at += file.write(written[run.choice.track.number].add(kept))
            sizes.append(np.array(mine, np.int64))
        if at > _U32 >> 1:
            raise UnsupportedError(
                "a fragment is larger than 2 GB",
                remedy="rewrap the file first: ffmpeg -i IN -map 0:v? -map 0:a? -c copy OUT.mp4",
            )
        file.seek(start)
        file.write(_moof(head, trafs, sizes, offsets))
        file.write(struct.pack(">I4s", at - length, b"mdat"))
        file.seek(start + at)

    def _trafs(self, moof: Box) -> list[_Part]:
        """Each kept track's part of a fragment."""
        found: list[_Part] = []
        for traf in children(moof, self.report):
            if traf.kind == "traf":
                part = self._traf(traf)
                found += [part] if part is not None else []
            elif traf.kind != "mfhd":
                drop(traf, self.report)
        return found

    def _traf(self, traf: Box) -> _Part | None:
        """One track's part of a fragment; None where the track is not kept."""
        tfhd = bytes(traf.require("tfhd").body)
        number = int.from_bytes(tfhd[4:8], "big")
        choice = self._kept.get(number)
        front, behind = _header(tfhd), b""
        runs: list[_Run] = []
        for child in children(traf, self.report):
            if child.kind == "trun":
                count = int.from_bytes(child.body[4:8], "big")
                first = self.at[number]
                self.at[number] += count
                if choice is not None and count:
                    runs.append(_run(child, choice, first, first + count))
            elif child.kind == "tfdt":
                front += numbers(self.report, 8, 12)(child)
            elif child.kind in {"sgpd", "sbgp"}:
                behind += SampleTables(report=self.report).group(child)
            elif child.kind != "tfhd":
                drop(child, self.report)
        return None if choice is None else _Part(front=front, runs=tuple(runs), behind=behind)


def samples_in_fragments(moofs: Sequence[Box]) -> Counter[int]:
    """How many samples of each track the fragments hold."""
    found: Counter[int] = Counter()
    for traf in (each for moof in moofs for each in moof.children() if each.kind == "traf"):
        number = int.from_bytes(traf.require("tfhd").body[4:8], "big")
        runs = (each for each in traf.children() if each.kind == "trun")
        found[number] += sum(int.from_bytes(each.body[4:8], "big") for each in runs)
    return found


def _header(tfhd: bytes) -> bytes:
    """A tfhd box whose offsets count from its moof."""
    flags = int.from_bytes(tfhd[1:4], "big")
    at = 16 if flags & _BASE else 8
    end = at + 4 * sum(bool(flags & each) for each in _TFHD_FIELDS)
    return make_full_box("tfhd", 0, flags & _TFHD_KEPT | _FROM_MOOF, tfhd[4:8], tfhd[at:end])


def _run(trun: Box, choice: Choice, first: int, stop: int) -> _Run:
    fields = trun.fields()
    version, flags = fields.read_version()
    fields.skip(4 + (4 if flags & _OFFSET else 0))
    first_flags = bytes(fields.read(4)) if flags & _FIRST_FLAGS else b""
    columns = sum(bool(flags & column) for column in _COLUMNS)
    rows = fields.read_table(stop - first, columns) if columns else np.zeros((stop - first, 0), np.int64)
    kept = flags & (_FIRST_FLAGS | sum(_COLUMNS))
    return _Run(
        version=version, flags=kept, first_flags=first_flags, rows=rows, choice=choice, first=first, stop=stop
    )


def _moof(head: bytes, trafs: Sequence[_Part], sizes: Sequence[Ints], offsets: Sequence[int]) -> bytes:
    parts = [make_box("mfhd", head)]
    at = 0
    for part in trafs:
        stop = at + len(part.runs)
        given = zip(part.runs, sizes[at:stop], offsets[at:stop], strict=True)
        truns = [run.box(size, offset) for run, size, offset in given]
        parts.append(make_box("traf", part.front, *truns, part.behind))
        at = stop
    return make_box("moof", *parts)
