"""Rebuilds ftyp and moov from those of the source, using an allow-list of boxes.

A box that is kept is written from its fields only: reserved fields become zero, and bytes after the last field
or row are removed. Every unlisted box is removed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from eddyline.core.coordinates import contains_location
from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location import spherical_xml
from eddyline.edit.strip_location.box_parts import (
    Rewrite,
    children,
    number_rule,
    remove_box,
    rewrite_children,
    table_rule,
    take_body,
)
from eddyline.edit.strip_location.media_chunks import Chunks, read_chunks, stco, stsc, stsz
from eddyline.edit.strip_location.metadata import Metadata
from eddyline.edit.strip_location.report import MALFORMED, UNKNOWN, Report
from eddyline.edit.strip_location.sample_tables import SampleTables
from eddyline.edit.strip_location.titles import track_name
from eddyline.edit.strip_location.track_kinds import SelectedTrack
from eddyline.mp4.boxes import Box, make_box, make_full_box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.movie import Track
from eddyline.mp4.write.box_writer import ftyp_box

_BRAND: Final = re.compile(
    r"iso[2-9mc]|is[o-]\w|mp4[12v]|avc[1-4]|hvc1|hev1|av01|qt  |M4[VAPB][ H]?|3g[pgers2][0-9a-z]|3gg\d|dash"
    r"|cmf[cfs2l]|mmp4|f4v |MSNV|XAVC|nvr1|CAEP|dby1|db1p|mp71|ms[dix][hx]|lmsg|piff"
    r"|NDSC|SEG1|JVT |niko|pana|MPPI"
)
_REFERENCES: Final = frozenset(
    {"tmcd", "chap", "sync", "vdep", "auxl", "cdsc", "folw", "fall", "adda", "adrc"}
)
_LANGUAGE: Final = re.compile(rb"[A-Za-z0-9-]{1,35}\0?")
_FONTS: Final = frozenset({b"Helvetica", b"Courier", b"Monaco", b"Lucida Grande", b"Arial"})
_SELF_CONTAINED: Final = 1
_MVHD, _TKHD, _MDHD = (100, 112), (84, 96), (24, 36)


def brands(source: Box, report: Report) -> bytes:
    """Returns the ftyp box with known brands only; keeps the minor version, which is a number."""
    raw = bytes(source.body)
    named = [raw[at : at + 4].decode("latin-1") for at in (0, *range(8, len(raw) - 3, 4))]
    known = [each for each in named if _BRAND.fullmatch(each)]
    for each in named:
        if not _BRAND.fullmatch(each) and each.strip("\0"):
            report.record_removed(f"ftyp brand {each!a}", UNKNOWN, 4, raw)
    major = named[0] if named[:1] == known[:1] and known else (known or ["isom"])[0]
    made = bytearray(ftyp_box(major, tuple(known[1:] if named[:1] == known[:1] else known)))
    if not contains_location(raw[4:8]):
        made[12:16] = raw[4:8].ljust(4, b"\0")
    return bytes(made)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackBoxes:
    """A kept track: its chunks, the number of samples `listed` in moov, and the boxes around the changed tables."""

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
class MovieBoxes:
    """Rewrites moov with the tracks `selection`; `fragmented` is the number of samples in fragments by track."""

    report: Report
    metadata: Metadata
    selection: Sequence[SelectedTrack]
    fragmented: Mapping[int, int] = field(default_factory=dict)
    _tracks: list[TrackBoxes] = field(default_factory=list)

    def read(self, moov: Box) -> tuple[bytes, tuple[TrackBoxes, ...], bytes]:
        """Returns (boxes before the tracks, the tracks, boxes after them)."""
        kept = {selected.track.number: selected for selected in self.selection}
        rules: dict[str, Rewrite] = {
            "mvhd": self._mvhd,
            "iods": number_rule(self.report, *range(12, 24), form=lambda body: body[:5] == b"\0\0\0\0\x10"),
        }
        head: list[bytes] = []
        tail: list[bytes] = []
        seen: set[str] = set()
        for child in children(moov, self.report):
            if child.kind == "trak":
                number = int.from_bytes(_track_number(child), "big")
                if number in kept:
                    self._tracks.append(self._trak(child, kept[number]))
                continue  # removed tracks were reported when the tracks were selected
            if child.kind in seen:
                remove_box(child, self.report)
                continue
            seen.add(child.kind)
            if child.kind in rules:
                head.append(rules[child.kind](child))
            elif child.kind == "udta":
                tail.append(self.metadata.udta(child))
            elif child.kind == "meta":
                tail.append(self.metadata.meta(child))
            elif child.kind == "mvex":
                tail.append(self._mvex(child, kept))
            else:
                remove_box(child, self.report)
        return b"".join(head), tuple(self._tracks), b"".join(tail)

    def _mvhd(self, source: Box) -> bytes:
        body = _sized(source, _MVHD, self.report)
        times = len(body) - 80  # version, times, timescale and duration
        matrix = body[times + 16 : times + 52]
        rate = body[times : times + 6]
        return make_box("mvhd", body[:times], rate, bytes(10), matrix, bytes(24), body[-4:])

    def _mvex(self, source: Box, kept: Mapping[int, SelectedTrack]) -> bytes:
        def trex(each: Box) -> bytes:
            known = int.from_bytes(each.body[4:8], "big") in kept
            return number_rule(self.report, 24)(each) if known else b""

        rules: dict[str, Rewrite] = {"mehd": number_rule(self.report, 8, 12), "trex": trex}
        return make_box("mvex", rewrite_children(source, self.report, rules, once=False))

    def _trak(self, trak: Box, selected: SelectedTrack) -> TrackBoxes:
        track = selected.track
        parts: dict[str, bytes] = {}
        rules: dict[str, Rewrite] = {
            "tkhd": self._tkhd,
            "tapt": self._apertures,
            "edts": self._edits,
            "mdia": lambda _: b"",
            "tref": lambda _: self._references(track),
            "udta": self.metadata.udta,
            "meta": self.metadata.meta,
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
        media: dict[str, Rewrite] = {
            "mdhd": self._mdhd,
            "hdlr": lambda each: self._handler(each, track),
            "elng": self._language,
            "minf": lambda _: b"",
        }
        minf = mdia.require("minf")
        info: dict[str, Rewrite] = {
            "vmhd": number_rule(self.report, 12),
            "smhd": number_rule(self.report, 8),
            "nmhd": number_rule(self.report, 4),
            "sthd": number_rule(self.report, 4),
            "gmhd": self._generic_header,
            "hdlr": _data_handler,
            "dinf": lambda each: _self_contained(each, track, self.report),
            "stbl": lambda _: b"",
        }
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
            media=rewrite_children(mdia, self.report, media),
            info=rewrite_children(minf, self.report, info),
            tables=before,
            sizes=sample_tables.sizes(stbl),
            groups=after,
            tail=b"".join(parts.get(kind, b"") for kind in ("uuid", "meta", "udta")),
        )

    def _tkhd(self, source: Box) -> bytes:
        body = _sized(source, _TKHD, self.report)
        wide = body[0] == 1
        at = 20 if wide else 12  # the track number follows version, flags and times
        number, duration = body[at : at + 4], body[at + 8 : at + (16 if wide else 12)]
        layout = body[-52:-46]  # layer, alternate group, volume
        return make_box("tkhd", body[:at], number, bytes(4), duration, bytes(8), layout, bytes(2), body[-44:])

    def _mdhd(self, source: Box) -> bytes:
        body = _sized(source, _MDHD, self.report)
        return make_box("mdhd", body[:-2], bytes(2))

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

    def _handler(self, source: Box, track: Track) -> bytes:
        name = track_name(
            track.name, track.handler, keep=self.metadata.keep_titles, what=source.path, report=self.report
        ).encode()
        component = bytes(source.body[4:8])
        pascal = component == b"mhlr"
        kind = track.handler.encode("latin-1")
        text = bytes(source.body[24:])
        end = 1 + text[0] if text and (pascal or text[0] < ord(" ")) else len(text.split(b"\0")[0])
        take_body(source, 24 + end, self.report)
        written = bytes([min(len(name), 255)]) + name[:255] if pascal else name + b"\0"
        return make_full_box("hdlr", 0, 0, b"mhlr" if pascal else bytes(4), kind, bytes(12), written)

    def _language(self, source: Box) -> bytes:
        code = bytes(source.body[4:])
        if not _LANGUAGE.fullmatch(code):
            return remove_box(source, self.report, MALFORMED)
        return make_full_box("elng", 0, 0, code)

    def _generic_header(self, source: Box) -> bytes:
        def timecode(each: Box) -> bytes:
            return make_box("tmcd", rewrite_children(each, self.report, {"tcmi": font}))

        def font(each: Box) -> bytes:
            name = bytes(each.body[25 : 25 + each.body[24]]) if len(each.body) > 24 else b""  # noqa: PLR2004
            kept = name if name in _FONTS else b""
            if name != kept:
                self.report.record_removed(f"{each.path} (font name)", UNKNOWN, len(name), name)
            return make_box("tcmi", bytes(each.body[:24]), bytes([len(kept)]), kept)

        rules: dict[str, Rewrite] = {
            "gmin": number_rule(self.report, 16),
            "text": number_rule(self.report, 36),
            "tmcd": timecode,
            "gpmd": number_rule(self.report, 0, 4),
        }
        return make_box("gmhd", rewrite_children(source, self.report, rules))


def _sized(source: Box, sizes: tuple[int, int], report: Report) -> bytes:
    """Returns the fields of a full box; `sizes` are those of version 0 and 1. Removes bytes after them."""
    size = sizes[1] if bytes(source.body[:1]) == b"\1" else sizes[0]
    if len(source.body) < size:
        raise UnsupportedError(
            f"{source.path} is truncated, so the file cannot be rewritten", remedy="copy it again"
        )
    return take_body(source, size, report)


def _track_number(trak: Box) -> bytes:
    tkhd = trak.require("tkhd").body
    at = 20 if bytes(tkhd[:1]) == b"\1" else 12
    return bytes(tkhd[at : at + 4])


def _data_handler(_: Box) -> bytes:
    """The QuickTime data handler."""
    name = b"DataHandler"
    return make_full_box("hdlr", 0, 0, b"dhlr", b"url ", bytes(12), bytes([len(name)]), name)


def _self_contained(source: Box, track: Track, report: Report) -> bytes:
    """Keeps data references to the file itself. Raises `UnsupportedError` for media in another file."""
    dref = source.require("dref")
    entries = children(dref, report, 8)
    for other in children(source, report):
        if other.kind != "dref":
            remove_box(other, report)
    if any(not entry.body[3:4] or not entry.body[3] & _SELF_CONTAINED for entry in entries):
        raise UnsupportedError(
            f"the media of track {track.number} is in another file",
            remedy="export the movie as a self-contained file first",
        )
    made = make_full_box("url ", 0, _SELF_CONTAINED)
    for entry in entries:
        take_body(entry, 4, report)
    return make_box("dinf", make_full_box("dref", 0, 0, struct.pack(">I", len(entries)), made * len(entries)))
