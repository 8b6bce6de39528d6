"""Rewrites the sample tables (stbl) whose values do not change: rows only, without trailing bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.boxes.box_parts import (
    Rewrite,
    children,
    number_rule,
    remove_box,
    table_rule,
    take_body,
)
from eddyline.edit.strip_location.boxes.sample_entries import SampleEntries, UnsupportedEntry
from eddyline.edit.strip_location.report import MALFORMED, UNKNOWN, Report
from eddyline.mp4.boxes import Box, make_box, make_full_box
from eddyline.mp4.movie import Track

# Tables that are rebuilt elsewhere: bytes per row.
_ROWS: Final = {"stsc": 12, "stco": 4, "co64": 8}
_GROUPS: Final = frozenset({b"roll", b"prol", b"rap ", b"sync", b"tele", b"tsas"})
_GROUP_BYTES: Final = {b"roll": 2, b"prol": 2, b"rap ": 1}


@dataclass(frozen=True, kw_only=True)
class SampleTables:
    """Rewrites the tables of a track."""

    report: Report

    def tables(self, stbl: Box, track: Track, listed: int) -> tuple[bytes, bytes]:
        """Returns the unchanged tables: (those before the chunk tables, those after them)."""
        entries = SampleEntries(report=self.report)

        def describe(source: Box) -> bytes:
            try:
                return entries.stsd(source, track.handler, track.format)
            except UnsupportedEntry as error:
                raise UnsupportedError(
                    f"track {track.number}: {error}, so it cannot be searched for a location",
                    remedy="remux the file first: ffmpeg -i IN -map 0:v? -map 0:a? -c copy OUT.mp4",
                ) from error

        def runs(source: Box) -> bytes:
            return _runs(source, listed, self.report)

        first: dict[str, Rewrite] = {
            "stsd": describe,
            "stts": runs,
            "ctts": runs,
            "cslg": number_rule(self.report, 24, 44),
            "stss": table_rule(self.report, 4),
            "stps": table_rule(self.report, 4),
            "sdtp": lambda each: self._dependencies(each, listed),
        }
        last: dict[str, Rewrite] = {"sgpd": self._descriptions, "sbgp": self._groups}
        changed = {"stsc", "stsz", "stz2", "stco", "co64"}
        before: list[bytes] = []
        after: list[bytes] = []
        seen: set[str] = set()
        for child in children(stbl, self.report):
            if child.kind in first and child.kind not in seen:
                before.append(first[child.kind](child))
            elif child.kind in last:
                after.append(last[child.kind](child))
            elif child.kind not in changed or child.kind in seen:
                remove_box(child, self.report)
            elif child.kind in _ROWS:
                table_rule(self.report, _ROWS[child.kind])(child)
            seen.add(child.kind)
        return b"".join(before), b"".join(after)

    def sizes(self, stbl: Box) -> bytes:
        """Returns the stsz or stz2 box of a copied track, without bytes after its rows."""
        source = stbl.find("stz2") or stbl.require("stsz")
        body = bytes(source.body)
        size_field, count = struct.unpack_from(">II", body, 4)
        if source.kind == "stsz":
            end = 12 + (0 if size_field else 4 * count)
        else:
            end = 12 + (count * (size_field & 0xFF) + 7) // 8
        return make_box(source.kind, take_body(source, end, self.report))

    def group(self, source: Box) -> bytes:
        """Returns an sgpd or sbgp box of a known grouping type; removes any other."""
        return self._descriptions(source) if source.kind == "sgpd" else self._groups(source)

    def _dependencies(self, source: Box, listed: int) -> bytes:
        """sdtp: four fields of two bits; the value 3 is reserved in the second and third."""
        flags = np.frombuffer(source.body, np.uint8)[4:]
        reserved = (flags >> 4 & 3 == 3) | (flags >> 2 & 3 == 3)  # noqa: PLR2004 - of two bits
        if len(flags) != listed or reserved.any():
            return remove_box(source, self.report, MALFORMED)
        return make_full_box("sdtp", 0, 0, flags.tobytes())

    def _descriptions(self, source: Box) -> bytes:
        body = bytes(source.body)
        kind, version = body[4:8], body[0] if body else 0
        length = int.from_bytes(body[8:12], "big") if version else _GROUP_BYTES.get(kind, 0)
        at = 12 if version else 8
        if version == 2:  # noqa: PLR2004 - has a default description index
            length, at = _GROUP_BYTES.get(kind, 0), 12
        end = at + 4 + int.from_bytes(body[at : at + 4], "big") * length
        if kind not in _GROUPS or not length or end > len(body):
            return remove_box(source, self.report)
        return make_box("sgpd", take_body(source, end, self.report))

    def _groups(self, source: Box) -> bytes:
        if bytes(source.body[4:8]) not in _GROUPS:
            return remove_box(source, self.report)
        return table_rule(self.report, 8, 16 if bytes(source.body[:1]) == b"\1" else 12)(source)


def _runs(source: Box, listed: int, report: Report) -> bytes:
    """Returns stts or ctts with the rows that its `listed` samples use."""
    fields = source.fields()
    version, _ = fields.read_version()
    rows = fields.read_table(fields.read_number("I"), 2)
    if fields.remaining and bytes(fields.read(fields.remaining)).strip(b"\0"):
        report.record_removed(
            f"{source.path} (bytes after its rows)", UNKNOWN, 0, bytes(source.body[8 + 8 * len(rows) :])
        )
    rows = rows[rows[:, 0] > 0]
    ends = np.cumsum(rows[:, 0])
    used = int(np.searchsorted(ends, listed)) + 1 if listed else 0
    if used < len(rows):
        spare = rows[used:].astype(">u4").tobytes()
        report.record_removed(f"{source.path} (rows without samples)", UNKNOWN, len(spare), spare)
    rows, ends = rows[:used].copy(), ends[:used]
    rows[-1:, 0] -= np.maximum(ends[-1:] - listed, 0)
    table_bytes = rows.astype(">u4").tobytes()
    return make_full_box(source.kind, version, 0, struct.pack(">I", len(rows)), table_bytes)
