"""Rebuilds the trak boxes of kept tracks, using an allow-list of boxes.

A box that is kept is written from its fields only: reserved fields become zero, and bytes after the last
field or row are removed. Every unlisted box is removed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eddyline.edit.strip_location.boxes import spherical_xml
from eddyline.edit.strip_location.boxes.box_parts import (
    Rewrite,
    children,
    number_rule,
    remove_box,
    rewrite_children,
    table_rule,
    take_versioned_body,
)
from eddyline.edit.strip_location.boxes.media_boxes import MediaBoxes
from eddyline.edit.strip_location.boxes.meta_box import MetaBox
from eddyline.edit.strip_location.boxes.sample_tables import SampleTables
from eddyline.edit.strip_location.boxes.user_data import UserData
from eddyline.edit.strip_location.media_chunks import Chunks, read_chunks, stco, stsc, stsz
from eddyline.edit.strip_location.report import MALFORMED, UNKNOWN, Report
from eddyline.edit.strip_location.track_kinds import SelectedTrack
from eddyline.mp4.boxes import Box, make_box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.movie import Track

_REFERENCES: Final = frozenset(
    {"tmcd", "chap", "sync", "vdep", "auxl", "cdsc", "folw", "fall", "adda", "adrc"}
)
_TKHD: Final = (84, 96)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackBoxes:
    """A kept track: its chunks, `listed` samples in moov, and the boxes around the changed tables."""

    selected: SelectedTrack
    chunks: Chunks
    listed: int
    head: bytes
    media: bytes
    info: bytes
    tables: bytes
    sizes: bytes
    groups: bytes
    tail: bytes

    def trak(self, sizes: Ints, offsets: Ints, *, wide: bool) -> bytes:
        """Returns the trak box; `sizes` (int64[listed]) are used if the samples were cleaned."""
        stsz_box = self.sizes if self.selected.clean is None else stsz(sizes)
        stbl = make_box(
            "stbl", self.tables, stsc(self.chunks), stsz_box, stco(offsets, wide=wide), self.groups
        )
        return make_box(
            "trak", self.head, make_box("mdia", self.media, make_box("minf", self.info, stbl)), self.tail
        )


@dataclass(frozen=True, kw_only=True)
class TrackRewriter:
    """Rewrites the trak boxes of the tracks `selection`; `fragmented` is samples in fragments by track."""

    report: Report
    user_data: UserData
    selection: Sequence[SelectedTrack]
    fragmented: Mapping[int, int]

    def rewrite(self, trak: Box, selected: SelectedTrack) -> TrackBoxes:
        """Returns the rebuilt boxes of a kept track; reports those that are removed."""
        track = selected.track
        parts: dict[str, bytes] = {}
        rules: dict[str, Rewrite] = {
            "tkhd": self._tkhd,
            "tapt": self._apertures,
            "edts": self._edits,
            "mdia": lambda _: b"",
            "tref": lambda _: self._references(track),
            "udta": self.user_data.udta,
            "meta": MetaBox(report=self.report).rewrite,
            "uuid": self._uuid,
        }
        seen: set[str] = set()
        for child in children(trak, self.report):
            rule = rules.get(child.kind)
            if rule is None or child.kind in seen:
                remove_box(child, self.report)
                continue
            seen.add(child.kind)
            parts[child.kind] = rule(child)
        mdia = trak.require("mdia")
        self.report.record_kept(f"track {track.number} ({ascii(track.format)[1:-1]})", selected.why)
        return self._media(mdia, selected, parts)

    def _media(self, mdia: Box, selected: SelectedTrack, parts: Mapping[str, bytes]) -> TrackBoxes:
        track = selected.track
        boxes = MediaBoxes(report=self.report, keep_titles=self.user_data.keep_titles, track=track)
        minf = mdia.require("minf")
        stbl = minf.require("stbl")
        listed = int.from_bytes((stbl.find("stz2") or stbl.require("stsz")).body[8:12], "big")
        sample_tables = SampleTables(report=self.report)
        before, after = sample_tables.tables(stbl, track, listed)
        return TrackBoxes(
            selected=selected,
            chunks=read_chunks(
                stbl, track.samples, len(track.samples) - self.fragmented.get(track.number, 0)
            ),
            listed=listed,
            head=b"".join(parts.get(kind, b"") for kind in ("tkhd", "tapt", "edts", "tref")),
            media=boxes.mdia(mdia),
            info=boxes.minf(minf),
            tables=before,
            sizes=sample_tables.sizes(stbl),
            groups=after,
            tail=b"".join(parts.get(kind, b"") for kind in ("uuid", "meta", "udta")),
        )

    def _tkhd(self, source: Box) -> bytes:
        body = take_versioned_body(source, _TKHD, self.report)
        wide = body[0] == 1
        at = 20 if wide else 12  # the track number follows version, flags and times
        number, duration = body[at : at + 4], body[at + 8 : at + (16 if wide else 12)]
        layout = body[-52:-46]  # layer, alternate group, volume
        return make_box("tkhd", body[:at], number, bytes(4), duration, bytes(8), layout, bytes(2), body[-44:])

    def _apertures(self, source: Box) -> bytes:
        rules = {kind: number_rule(self.report, 12) for kind in ("clef", "prof", "enof")}
        return make_box("tapt", rewrite_children(source, self.report, rules))

    def _edits(self, source: Box) -> bytes:
        def elst(each: Box) -> bytes:
            return table_rule(self.report, 20 if bytes(each.body[:1]) == b"\1" else 12)(each)

        return make_box("edts", rewrite_children(source, self.report, {"elst": elst}))

    def _references(self, track: Track) -> bytes:
        numbers_kept = {selected.track.number for selected in self.selection}
        made = b""
        for kind, targets in track.references.items():
            kept = [each for each in targets if each in numbers_kept]
            if kind in _REFERENCES and kept:
                made += make_box(kind, struct.pack(f">{len(kept)}I", *kept))
        return make_box("tref", made) if made else b""

    def _uuid(self, source: Box) -> bytes:
        packet = bytes(source.body)
        if bytes(source.raw[8:24]) != spherical_xml.UUID:
            return remove_box(source, self.report)
        made = spherical_xml.rebuild_packet(packet)
        if not made:
            return remove_box(source, self.report, MALFORMED)
        if len(made) < len(packet):
            self.report.record_removed(
                f"{source.path} (other elements)", UNKNOWN, len(packet) - len(made), packet
            )
        self.report.record_kept(source.path, "spherical video: projection and size")
        return make_box("uuid", spherical_xml.UUID, made)
