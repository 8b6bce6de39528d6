"""Rebuilds the boxes of mdia and minf except the sample tables."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.boxes.box_parts import (
    Rewrite,
    children,
    number_rule,
    remove_box,
    rewrite_children,
    take_body,
    take_versioned_body,
)
from eddyline.edit.strip_location.boxes.titles import track_name
from eddyline.edit.strip_location.report import MALFORMED, UNKNOWN, Report
from eddyline.mp4.boxes import Box, make_box, make_full_box
from eddyline.mp4.movie import Track

_LANGUAGE: Final = re.compile(rb"[A-Za-z0-9-]{1,35}\0?")
_FONTS: Final = frozenset({b"Helvetica", b"Courier", b"Monaco", b"Lucida Grande", b"Arial"})
_SELF_CONTAINED: Final = 1
_MDHD: Final = (24, 36)


@dataclass(frozen=True, kw_only=True)
class MediaBoxes:
    """Rewrites the media boxes of a track; `keep_titles` keeps a track name without coordinates."""

    report: Report
    keep_titles: bool
    track: Track

    def mdia(self, source: Box) -> bytes:
        """Returns the kept children of mdia except minf."""
        rules: dict[str, Rewrite] = {
            "mdhd": self._mdhd,
            "hdlr": self._handler,
            "elng": self._language,
            "minf": lambda _: b"",
        }
        return rewrite_children(source, self.report, rules)

    def minf(self, source: Box) -> bytes:
        """Returns the kept children of minf except stbl."""
        rules: dict[str, Rewrite] = {
            "vmhd": number_rule(self.report, 12),
            "smhd": number_rule(self.report, 8),
            "nmhd": number_rule(self.report, 4),
            "sthd": number_rule(self.report, 4),
            "gmhd": self._generic_header,
            "hdlr": _data_handler,
            "dinf": lambda each: _self_contained(each, self.track, self.report),
            "stbl": lambda _: b"",
        }
        return rewrite_children(source, self.report, rules)

    def _mdhd(self, source: Box) -> bytes:
        body = take_versioned_body(source, _MDHD, self.report)
        return make_box("mdhd", body[:-2], bytes(2))

    def _handler(self, source: Box) -> bytes:
        name = track_name(
            self.track.name, self.track.handler, keep=self.keep_titles, what=source.path, report=self.report
        ).encode()
        component = bytes(source.body[4:8])
        pascal = component == b"mhlr"
        kind = self.track.handler.encode("latin-1")
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
