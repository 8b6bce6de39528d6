"""Rewrites user data (udta): only valid entries that are known to be harmless are kept.

Kept are FIRM, LENS, CAME, SETT, MUID, GUMI, HMMT, GPMF without positions, chpl, meta, maker, model, program
and the DASH role; titles if requested. Everything else is removed. Text is kept only if it is a short name of
a maker, model or version (`core.coordinates.is_plain_name`).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from eddyline.core.coordinates import contains_location, is_ascii_text, is_plain_name
from eddyline.edit.strip_location.boxes.box_parts import Rewrite, remove_box, rewrite_children
from eddyline.edit.strip_location.boxes.meta_box import PROGRAM_AND_CAMERA_NAMES, MetaBox
from eddyline.edit.strip_location.boxes.titles import chapter_title
from eddyline.edit.strip_location.report import LOCATION, MALFORMED, TEXT, UNKNOWN, Report
from eddyline.gpmf.edit.location import RemovedKeys, remove_settings_location
from eddyline.gpmf.errors import GpmfError
from eddyline.mp4.boxes import Box, make_box

# GoPro identifiers: kind -> (size in bytes, description), as listed by ExifTool's GoPro tags.
_IDENTIFIERS: Final = {
    "CAME": (16, "hash of the camera serial number"),
    "SETT": (12, "camera settings"),
    "MUID": (32, "media identifier"),
    "GUMI": (16, "media identifier"),
}
_ROLE: Final = re.compile(rb"\x00{4}urn:mpeg:dash:role:2011\x00[a-z-]{1,32}\x00?")
_LENS: Final = 48
_HIGHLIGHTS: Final = 404
_MOST_HIGHLIGHTS: Final = 100
_NERO_HEADER: Final = 9


@dataclass(frozen=True, kw_only=True)
class UserData:
    """Rewrites user data; `keep_titles` keeps titles that do not contain coordinates."""

    report: Report
    keep_titles: bool = False

    def udta(self, source: Box) -> bytes:
        """Returns the udta box; empty if nothing in it is kept."""
        rules: dict[str, Rewrite] = {
            **dict.fromkeys(_IDENTIFIERS, self._identifier),
            **dict.fromkeys(PROGRAM_AND_CAMERA_NAMES, self._named),
            "FIRM": self._firmware,
            "LENS": self._firmware,
            "HMMT": self._highlights,
            "GPMF": self._settings,
            "chpl": self._chapters,
            "meta": MetaBox(report=self.report).rewrite,
            "name": self._title,
            "kind": self._role,
        }
        body = rewrite_children(source, self.report, rules)
        return make_box("udta", body) if body else b""

    def _identifier(self, source: Box) -> bytes:
        size, what = _IDENTIFIERS[source.kind]
        body = bytes(source.body)
        if len(body) != size or is_ascii_text(body) or contains_location(body):
            return remove_box(source, self.report, MALFORMED)
        return self._kept(source, body, what)

    def _kept(self, source: Box, body: bytes, why: str) -> bytes:
        self.report.record_kept(source.path, why)
        return make_box(source.kind, body)

    def _firmware(self, source: Box) -> bytes:
        text = bytes(source.body).rstrip(b"\0")
        if len(source.body) > _LENS + 16 or not is_plain_name(text.decode("latin-1")):
            return remove_box(source, self.report, TEXT)
        what = "firmware version" if source.kind == "FIRM" else "lens serial number"
        return self._kept(source, bytes(source.body), what)

    def _title(self, source: Box) -> bytes:
        """The title of a track, which is free text."""
        title = bytes(source.body)
        if not self.keep_titles or contains_location(title):
            return remove_box(source, self.report, TEXT)
        return self._kept(source, title, "title, kept because of keep_titles")

    def _role(self, source: Box) -> bytes:
        """The role of a track in the DASH scheme (ISO/IEC 23009-1)."""
        if not _ROLE.fullmatch(bytes(source.body)):
            return remove_box(source, self.report)
        return self._kept(source, bytes(source.body), "track role")

    def _highlights(self, source: Box) -> bytes:
        """A count and that number of times in ms (HERO5 and older); the rest is zero."""
        body = bytes(source.body)
        count = int.from_bytes(body[:4], "big")
        if len(body) != _HIGHLIGHTS or count > _MOST_HIGHLIGHTS or body[4 + 4 * count :].strip(b"\0"):
            return remove_box(source, self.report, MALFORMED)
        times = struct.unpack_from(f">{count}I", body, 4)
        if sorted(times) != list(times) or is_ascii_text(body):
            return remove_box(source, self.report, MALFORMED)
        return self._kept(source, body, "HiLight times")

    def _settings(self, source: Box) -> bytes:
        removed = RemovedKeys()
        body = bytes(source.body)
        try:
            kept = remove_settings_location(body, offset=source.offset, path=source.path, removed=removed)
        except GpmfError:
            return remove_box(source, self.report, MALFORMED)
        report_removed_keys(self.report, source.path, removed)
        return self._kept(source, kept, "camera settings and HiLights, known keys only")

    def _named(self, source: Box) -> bytes:
        """QuickTime international text: rows of length, language and text."""
        body, at, rows = bytes(source.body), 0, []
        while at + 4 <= len(body):
            length, language = struct.unpack_from(">HH", body, at)
            text = body[at + 4 : at + 4 + length]
            if len(text) != length or not is_plain_name(text.decode("utf-8", "replace").rstrip("\0")):
                return remove_box(source, self.report, TEXT)
            rows.append(struct.pack(">HH", length, language) + text)
            at += 4 + length
        if not rows or body[at:].strip(b"\0"):
            return remove_box(source, self.report, TEXT)
        return self._kept(source, b"".join(rows), PROGRAM_AND_CAMERA_NAMES[source.kind])

    def _chapters(self, source: Box) -> bytes:
        """The Nero chapter list: times, and titles as returned by `chapter_title`."""
        body = bytes(source.body)
        rows: list[bytes] = []
        if len(body) < _NERO_HEADER or body[0] > 1:
            return remove_box(source, self.report, MALFORMED)
        header = _NERO_HEADER if body[0] == 1 else 5
        at, count = header, body[header - 1]
        for number in range(1, count + 1):
            length = body[at + 8] if at + 8 < len(body) else len(body)
            title = body[at + 9 : at + 9 + length]
            if len(title) != length:
                return remove_box(source, self.report, MALFORMED)
            kept = chapter_title(title, number, keep=self.keep_titles, what=source.path, report=self.report)
            rows.append(body[at : at + 8] + bytes([len(kept)]) + kept)
            at += 9 + length
        if body[at:].strip(b"\0"):
            self.report.record_removed(
                f"{source.path} (bytes after its rows)", UNKNOWN, len(body) - at, body[at:]
            )
        self.report.record_kept(source.path, "chapters")
        return make_box("chpl", bytes([body[0]]) + bytes(header - 2) + bytes([count]), *rows)


def report_removed_keys(report: Report, where: str, removed: RemovedKeys) -> None:
    """Reports the GPMF keys that were removed from a payload or settings block."""
    for key, count in removed.positions.items():
        for _ in range(count):
            report.record_removed(f"{where}/{key}", LOCATION, 0)
    for key, count in removed.unknown.items():
        for _ in range(count):
            report.record_removed(f"{where}/{ascii(key)[1:-1]}", UNKNOWN, 0)
