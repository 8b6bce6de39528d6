"""Writes the fragments of the copy: a moof rebuilt from known boxes, then an mdat of its samples."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.boxes.box_parts import children, number_rule, remove_box
from eddyline.edit.strip_location.boxes.sample_tables import SampleTables
from eddyline.edit.strip_location.copy_writer import WrittenTrack, read_samples
from eddyline.edit.strip_location.report import Report
from eddyline.edit.strip_location.track_kinds import SelectedTrack
from eddyline.mp4.boxes import Box, make_box, make_full_box
from eddyline.mp4.byte_ranges import ByteRanges, Ints

_U32: Final = (1 << 32) - 1
# tfhd: description, duration, size, flags, "no samples"; then default-base-is-moof.
_BASE, _TFHD_KEPT, _FROM_MOOF = 0x1, 0x1003A, 0x20000
_TFHD_FIELDS: Final = (0x2, 0x8, 0x10, 0x20)
# trun: data offset, first sample flags; per sample: duration, size, flags, composition offset.
_OFFSET, _FIRST_FLAGS, _SIZES = 0x1, 0x4, 0x200
_COLUMNS: Final = (0x100, 0x200, 0x400, 0x800)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """A trun of a kept track: its fields and the samples [first, stop) of `mp4.movie.Samples`."""

    version: int
    flags: int
    first_flags: bytes
    rows: Ints
    selected: SelectedTrack
    first: int
    stop: int

    def box(self, sizes: Ints, offset: int) -> bytes:
        """Returns the trun box with new sizes; its data starts `offset` bytes after the start of moof."""
        columns = [column for column in _COLUMNS if self.flags & column]
        rows = self.rows
        flags = self.flags | _OFFSET
        if self.selected.clean is not None:
            index = sum(column < _SIZES for column in columns)
            if _SIZES in columns:
                rows = np.delete(rows, index, axis=1)
            rows = np.insert(rows, index, sizes, axis=1)
            flags |= _SIZES
        head = struct.pack(">Ii", self.stop - self.first, offset) + self.first_flags
        return make_full_box("trun", self.version, flags, head, (rows & _U32).astype(">u4").tobytes())


@dataclass(frozen=True, kw_only=True, eq=False)
class _TrackFragment:
    """A traf: the boxes before its runs, the runs and the boxes after them."""

    before: bytes
    runs: tuple[_Run, ...]
    after: bytes


@dataclass(kw_only=True, eq=False)
class FragmentWriter:
    """Rewrites fragments in file order; `at` counts the samples of each track that precede the fragment."""

    src: ByteRanges
    selection: Sequence[SelectedTrack]
    report: Report
    at: dict[int, int]
    _kept: Mapping[int, SelectedTrack] = field(init=False)

    def __post_init__(self) -> None:
        self._kept = {selected.track.number: selected for selected in self.selection}

    def write(self, file: BinaryIO, moof: Box, written: Mapping[int, WrittenTrack]) -> None:
        """Writes a moof and an mdat of its samples. Raises `UnsupportedError` if they exceed 2 GiB."""
        start = file.tell()
        trafs = self._trafs(moof)
        runs = [run for part in trafs for run in part.runs]
        head = next((bytes(each.body[:8]) for each in moof.children() if each.kind == "mfhd"), bytes(8))
        no_sizes = [np.zeros(run.stop - run.first, np.int64) for run in runs]
        length = len(_moof(head, trafs, no_sizes, [0] * len(runs)))
        file.seek(start + length + 8)
        sizes: list[Ints] = []
        offsets: list[int] = []
        at = length + 8
        for run in runs:
            samples = run.selected.track.samples
            offsets.append(at)
            kept_sizes: list[int] = []
            for data in read_samples(
                self.src, samples.offset[run.first : run.stop], samples.size[run.first : run.stop]
            ):
                kept = data if run.selected.clean is None else run.selected.clean(data)
                kept_sizes.append(len(kept))
                at += file.write(written[run.selected.track.number].add(kept))
            sizes.append(np.array(kept_sizes, np.int64))
        if at > _U32 >> 1:
            raise UnsupportedError(
                "a fragment is larger than 2 GiB",
                remedy="remux the file first: ffmpeg -i IN -map 0:v? -map 0:a? -c copy OUT.mp4",
            )
        file.seek(start)
        file.write(_moof(head, trafs, sizes, offsets))
        file.write(struct.pack(">I4s", at - length, b"mdat"))
        file.seek(start + at)

    def _trafs(self, moof: Box) -> list[_TrackFragment]:
        """Returns the traf boxes of kept tracks."""
        found: list[_TrackFragment] = []
        for traf in children(moof, self.report):
            if traf.kind == "traf":
                part = self._traf(traf)
                found += [part] if part is not None else []
            elif traf.kind != "mfhd":
                remove_box(traf, self.report)
        return found

    def _traf(self, traf: Box) -> _TrackFragment | None:
        """Returns one traf; None if its track is not kept."""
        tfhd = bytes(traf.require("tfhd").body)
        number = int.from_bytes(tfhd[4:8], "big")
        selected = self._kept.get(number)
        before, after = _header(tfhd), b""
        runs: list[_Run] = []
        for child in children(traf, self.report):
            if child.kind == "trun":
                count = int.from_bytes(child.body[4:8], "big")
                first = self.at[number]
                self.at[number] += count
                if selected is not None and count:
                    runs.append(_run(child, selected, first, first + count))
            elif child.kind == "tfdt":
                before += number_rule(self.report, 8, 12)(child)
            elif child.kind in {"sgpd", "sbgp"}:
                after += SampleTables(report=self.report).group(child)
            elif child.kind != "tfhd":
                remove_box(child, self.report)
        return None if selected is None else _TrackFragment(before=before, runs=tuple(runs), after=after)


def samples_in_fragments(moofs: Sequence[Box]) -> Counter[int]:
    """Returns the number of samples of each track in these fragments."""
    found: Counter[int] = Counter()
    for traf in (each for moof in moofs for each in moof.children() if each.kind == "traf"):
        number = int.from_bytes(traf.require("tfhd").body[4:8], "big")
        runs = (each for each in traf.children() if each.kind == "trun")
        found[number] += sum(int.from_bytes(each.body[4:8], "big") for each in runs)
    return found


def _header(tfhd: bytes) -> bytes:
    """Returns a tfhd box with default-base-is-moof."""
    flags = int.from_bytes(tfhd[1:4], "big")
    at = 16 if flags & _BASE else 8
    end = at + 4 * sum(bool(flags & each) for each in _TFHD_FIELDS)
    return make_full_box("tfhd", 0, flags & _TFHD_KEPT | _FROM_MOOF, tfhd[4:8], tfhd[at:end])


def _run(trun: Box, selected: SelectedTrack, first: int, stop: int) -> _Run:
    fields = trun.fields()
    version, flags = fields.read_version()
    fields.skip(4 + (4 if flags & _OFFSET else 0))
    first_flags = bytes(fields.read(4)) if flags & _FIRST_FLAGS else b""
    columns = sum(bool(flags & column) for column in _COLUMNS)
    rows = fields.read_table(stop - first, columns) if columns else np.zeros((stop - first, 0), np.int64)
    kept = flags & (_FIRST_FLAGS | sum(_COLUMNS))
    return _Run(
        version=version,
        flags=kept,
        first_flags=first_flags,
        rows=rows,
        selected=selected,
        first=first,
        stop=stop,
    )


def _moof(
    head: bytes, trafs: Sequence[_TrackFragment], sizes: Sequence[Ints], offsets: Sequence[int]
) -> bytes:
    parts = [make_box("mfhd", head)]
    at = 0
    for part in trafs:
        stop = at + len(part.runs)
        values = zip(part.runs, sizes[at:stop], offsets[at:stop], strict=True)
        truns = [run.box(size, offset) for run, size, offset in values]
        parts.append(make_box("traf", part.before, *truns, part.after))
        at = stop
    return make_box("moof", *parts)
