"""Reads the samples of fragmented files: moof, traf, trun (ISO/IEC 14496-12 section 8.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from eddyline.mp4.boxes import Box
from eddyline.mp4.errors import LimitError, Mp4Error
from eddyline.mp4.movie import Limits, Samples
from eddyline.mp4.samples.audio_units import TIME_LIMIT
from eddyline.mp4.samples.sample_tables import check_description

# tfhd flags
_BASE, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
_BASE_IS_MOOF = 0x20000
# trun flags
_DATA_OFFSET, _FIRST_FLAGS = 0x1, 0x4
_EACH_DURATION, _EACH_SIZE, _EACH_FLAGS, _EACH_OFFSET = 0x100, 0x200, 0x400, 0x800
_COLUMNS = (_EACH_DURATION, _EACH_SIZE, _EACH_FLAGS, _EACH_OFFSET)
_MAX_EMPTY = 10_000
# sample flags: not a sync sample, or depends on other samples; decoding cannot start at either
_NOT_SYNC = 0x01010000


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """The default properties of a fragment's samples (trex, overridden by tfhd)."""

    description: int = 1
    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(kw_only=True)
class _Budget:
    """The number of samples and runs that may follow."""

    samples: int
    runs: int

    def consume(self, samples: int, trun: Box) -> None:
        self.samples -= samples
        self.runs -= 1
        if self.samples < 0:
            raise LimitError(f"a fragment declares {samples} samples", path=trun.path, offset=trun.offset)
        if self.runs < 0:
            raise LimitError(
                "the fragments have too many runs of samples", path=trun.path, offset=trun.offset
            )


@dataclass(kw_only=True)
class _Collected:
    clock: int
    runs: list[Samples] = field(default_factory=list)


def read_defaults(mvex: Box) -> dict[int, Defaults]:
    """The defaults of trex, by track number."""
    defaults = {}
    for box in mvex.children():
        if box.kind == "trex":
            fields = box.fields()
            fields.read_version()
            number, description, duration, size, flags = fields.unpack("5I")
            defaults[number] = Defaults(description=description, duration=duration, size=size, flags=flags)
    return defaults


def read_fragments(
    moofs: Iterable[Box], defaults: dict[int, Defaults], clocks: dict[int, int], limits: Limits
) -> dict[int, Samples]:
    """The samples of all fragments, by track number.

    `clocks` gives each track's decode time after the samples in moov, for fragments without tfdt. Raises
    `LimitError`, `Mp4Error`.
    """
    tracks = {number: _Collected(clock=clock) for number, clock in clocks.items()}
    budget = _Budget(samples=limits.samples, runs=limits.boxes)
    for moof in moofs:
        start = moof.offset - (len(moof.raw) - len(moof.body))
        base = start
        for traf in moof.children():
            if traf.kind == "traf":
                base = _read_traf(traf, start, base, defaults, tracks, budget)
    return {number: Samples.join(track.runs) for number, track in tracks.items() if track.runs}


def _read_traf(
    traf: Box,
    start: int,
    base: int,
    defaults: dict[int, Defaults],
    tracks: dict[int, _Collected],
    budget: _Budget,
) -> int:
    """Read one track's part of a fragment; returns the offset at which its data ends."""
    fields = traf.require("tfhd").fields()
    _, flags = fields.read_version()
    number = fields.read_number("I")
    track = tracks.get(number)
    if track is None:
        raise Mp4Error(f"a fragment belongs to the unknown track {number}", path=traf.path)
    default = defaults.get(number, Defaults())
    if flags & _BASE:
        base = fields.read_number("Q")
    elif flags & _BASE_IS_MOOF:
        base = start
    values = Defaults(
        description=fields.read_number("I") if flags & _DESCRIPTION else default.description,
        duration=fields.read_number("I") if flags & _DURATION else default.duration,
        size=fields.read_number("I") if flags & _SIZE else default.size,
        flags=fields.read_number("I") if flags & _FLAGS else default.flags,
    )
    check_description(values.description, path=traf.path)
    tfdt = traf.find("tfdt")
    if tfdt is not None:
        clock = tfdt.fields()
        version, _ = clock.read_version()
        track.clock = clock.read_number("Q" if version == 1 else "I")
    end = base
    for trun in traf.children():
        if trun.kind == "trun":
            run = _read_trun(trun, base, end, values, track.clock, budget)
            if run is not None:
                track.runs.append(run)
                track.clock = int(run.dts[-1] + run.duration[-1])
                end = int(run.offset[-1] + run.size[-1])
    return end


def _read_trun(
    trun: Box, base: int, end: int, values: Defaults, clock: int, budget: _Budget
) -> Samples | None:
    fields = trun.fields()
    _, flags = fields.read_version()
    count = fields.read_number("I")
    budget.consume(count, trun)
    if not flags & _EACH_SIZE and values.size == 0 and count > _MAX_EMPTY:
        raise LimitError(f"a fragment has {count} empty samples", path=trun.path, offset=trun.offset)
    start = base + fields.read_number("i") if flags & _DATA_OFFSET else end
    first_flags = fields.read_number("I") if flags & _FIRST_FLAGS else None
    present = [column for column in _COLUMNS if flags & column]
    rows = fields.read_table(count, len(present)) if present else np.zeros((count, 0), np.int64)
    if count == 0:
        return None
    columns = {column: rows[:, at] for at, column in enumerate(present)}
    size = columns.get(_EACH_SIZE, np.full(count, values.size, np.int64))
    duration = columns.get(_EACH_DURATION, np.full(count, values.duration, np.int64))
    each = columns.get(_EACH_FLAGS, np.full(count, values.flags, np.int64))
    if first_flags is not None:
        each = each.copy()
        each[0] = first_flags
    if not (0 <= start < 1 << 62 and clock < TIME_LIMIT):
        raise LimitError(
            f"a fragment starts at byte {start}, tick {clock}", path=trun.path, offset=trun.offset
        )
    dts = clock + np.concatenate(([0], np.cumsum(duration)[:-1]))
    shift = (
        columns.get(_EACH_OFFSET, np.zeros(count, np.int64))
        .astype(np.uint32)
        .astype(np.int32)
        .astype(np.int64)
    )
    return Samples(
        offset=start + np.concatenate(([0], np.cumsum(size)[:-1])),
        size=size,
        dts=dts,
        pts=dts + shift,
        duration=duration,
        sync=(each & _NOT_SYNC) == 0,
        description=np.full(count, values.description, np.int32),
    )
