"""Rewrites user data and metadata boxes: only valid entries that are known to be harmless are kept.

| box | kept |
|---|---|
| udta | FIRM, LENS, CAME, SETT, MUID, GUMI, HMMT, GPMF without positions, chpl, meta; maker, model, program |
| meta/ilst (iTunes, "mdir") | program, maker, model; the cover image without metadata |
| meta/keys and ilst ("mdta") | the keys of `_KEYS` |

Everything else is removed. Text is kept only if it is a short name of a maker, model or version
(`core.coordinates.is_plain_name`), a date only if it is in UTC.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from eddyline.core.coordinates import contains_location, is_ascii_text, is_plain_name
from eddyline.edit.strip_location.box_parts import Rewrite, children, remove_box, rewrite_children, take_body
from eddyline.edit.strip_location.images import ImageError, remove_image_metadata
from eddyline.edit.strip_location.report import LOCATION, MALFORMED, METADATA, TEXT, UNKNOWN, ZONE, Report
from eddyline.edit.strip_location.titles import chapter_title
from eddyline.gpmf.edit.location import RemovedKeys, remove_settings_location
from eddyline.gpmf.errors import GpmfError
from eddyline.mp4.boxes import Box, make_box, make_full_box

# GoPro identifiers: kind -> (size in bytes, description), as listed by ExifTool's GoPro tags.
_IDENTIFIERS: Final = {
    "CAME": (16, "hash of the camera serial number"),
    "SETT": (12, "camera settings"),
    "MUID": (32, "media identifier"),
    "GUMI": (16, "media identifier"),
}
_NAMES: Final = {
    "\xa9too": "the program that wrote the file",
    "\xa9swr": "the program that wrote the file",
    "\xa9enc": "the program that wrote the file",
    "\xa9mak": "camera maker",
    "\xa9mod": "camera model",
}
_MAKER_AND_MODEL: Final = "maker, model and version"
_KEYS: Final = {
    b"com.apple.quicktime.make": _MAKER_AND_MODEL,
    b"com.apple.quicktime.model": _MAKER_AND_MODEL,
    b"com.apple.quicktime.software": _MAKER_AND_MODEL,
    b"com.apple.quicktime.creationdate": "date in UTC",
    b"com.apple.quicktime.camera.lens_model": _MAKER_AND_MODEL,
    b"com.apple.quicktime.camera.focal_length.35mm_equivalent": "focal length",
    b"com.apple.quicktime.full-frame-rate-playback-intent": "frame rate",
    b"com.android.version": _MAKER_AND_MODEL,
    b"com.android.manufacturer": _MAKER_AND_MODEL,
    b"com.android.model": _MAKER_AND_MODEL,
    b"com.android.capture.fps": "frame rate",
    b"encoder": "the program that wrote the file",
}
_DATES: Final = frozenset({b"com.apple.quicktime.creationdate"})
_UTC: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d{1,6})?Z?)?")
_ROLE: Final = re.compile(rb"\x00{4}urn:mpeg:dash:role:2011\x00[a-z-]{1,32}\x00?")
_LENS: Final = 48
_HIGHLIGHTS: Final = 404
_MOST_HIGHLIGHTS: Final = 100
_UTF8, _JPEG, _PNG = 1, 13, 14
_NUMBERS: Final = frozenset({21, 22, 23, 24, 65, 66, 67, 74, 75, 76, 77, 78})
_LONGEST_NUMBER: Final = 8
_LONGEST_KEY: Final = 256
_NERO_HEADER: Final = 9
_IMAGES: Final = {_JPEG: "jpeg", _PNG: "png"}


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Rewrites user data; `keep_titles` keeps titles that do not contain coordinates."""

    report: Report
    keep_titles: bool = False

    def udta(self, source: Box) -> bytes:
        """Returns the udta box; empty if nothing in it is kept."""
        rules: dict[str, Rewrite] = {
            **dict.fromkeys(_IDENTIFIERS, self._identifier),
            **dict.fromkeys(_NAMES, self._named),
            "FIRM": self._firmware,
            "LENS": self._firmware,
            "HMMT": self._highlights,
            "GPMF": self._settings,
            "chpl": self._chapters,
            "meta": self.meta,
            "name": self._title,
            "kind": self._role,
        }
        body = rewrite_children(source, self.report, rules)
        return make_box("udta", body) if body else b""

    def meta(self, source: Box) -> bytes:
        """Returns a meta box of iTunes or QuickTime metadata; removes any other."""
        versioned = bytes(source.body[4:8]) not in {b"hdlr", b"keys", b"ilst", b"mhdr"}
        parts = children(source, self.report, 4 if versioned else 0)
        first = {child.kind: child for child in reversed(parts)}
        handler = bytes(first["hdlr"].body[8:12]) if "hdlr" in first else b""
        items = first.get("ilst")
        kept = b""
        used = {"hdlr", "ilst"}
        if items is not None and handler == b"mdir":
            rules: dict[str, Rewrite] = {**dict.fromkeys(_NAMES, self._item), "covr": self._cover}
            kept = rewrite_children(items, self.report, rules)
            kept = make_box("ilst", kept) if kept else b""
        elif items is not None and handler == b"mdta" and "keys" in first:
            used.add("keys")
            kept = self._keyed(first["keys"], items)
        else:
            used = set()
        for child in parts:
            if child.kind not in used or child is not first[child.kind]:
                remove_box(child, self.report, "" if child.kind != "hdlr" else UNKNOWN)
        if not kept:
            return b""
        take_body(first["hdlr"], 24, self.report)
        made = make_full_box(
            "hdlr", 0, 0, bytes(4), handler, b"appl" if handler == b"mdir" else bytes(4), bytes(9)
        )
        return make_full_box("meta", 0, 0, made, kept) if versioned else make_box("meta", made, kept)

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
        return self._kept(source, b"".join(rows), _NAMES[source.kind])

    def _item(self, source: Box) -> bytes:
        value = self._value(source)
        if value is None or value[0] != _UTF8 or not is_plain_name(value[1].decode("utf-8", "replace")):
            return remove_box(source, self.report, TEXT)
        self.report.record_kept(source.path, _NAMES[source.kind])
        return make_box(source.kind, _data(*value))

    def _cover(self, source: Box) -> bytes:
        """The cover images without metadata; an invalid image is removed."""
        made: list[bytes] = []
        for child in children(source, self.report):
            head = bytes(child.body[:8])
            kind = _IMAGES.get(int.from_bytes(head[:4], "big")) if len(head) == 8 else None  # noqa: PLR2004
            try:
                image = (
                    remove_image_metadata(bytes(child.body[8:]), kind)
                    if child.kind == "data" and kind
                    else None
                )
            except ImageError:
                image = None
            if image is None or contains_location(image):
                remove_box(child, self.report, UNKNOWN)
                continue
            if len(image) != len(child.body) - 8:
                size = len(child.body) - 8 - len(image)
                what = f"{source.path} (metadata in the image)"
                self.report.record_removed(what, METADATA, size, bytes(child.body[8:]))
            made.append(_data(int.from_bytes(head[:4], "big"), image))
        if not made:
            return b""
        self.report.record_kept(source.path, "cover image, pixels only")
        return make_box(source.kind, *made)

    def _keyed(self, keys: Box, items: Box) -> bytes:
        """QuickTime metadata: a table of key names, and values identified by key index."""
        named = {number: bytes(key.body) for number, key in enumerate(children(keys, self.report, 8), 1)}
        kept: list[tuple[bytes, bytes]] = []
        for item in children(items, self.report):
            name = named.get(int.from_bytes(item.kind.encode("latin-1"), "big"), b"")[:_LONGEST_KEY]
            shown = ascii(name.decode("latin-1"))[1:-1]
            value = self._value(item)
            why = _reason_to_remove(name, value)
            if why or value is None:
                self.report.record_removed(
                    f"{items.path}/{shown}", why or MALFORMED, len(item.raw), bytes(item.body)
                )
                continue
            kept.append((name, _data(*value)))
            self.report.record_kept(f"{items.path}/{shown}", _KEYS[name])
        if not kept:
            return b""
        names = [make_box("mdta", name) for name, _ in kept]
        table = make_full_box("keys", 0, 0, struct.pack(">I", len(names)), *names)
        values = [
            make_box(struct.pack(">I", at).decode("latin-1"), data) for at, (_, data) in enumerate(kept, 1)
        ]
        return table + make_box("ilst", *values)

    def _value(self, item: Box) -> tuple[int, bytes] | None:
        """Returns (type, value) of an item with exactly one data box; otherwise None."""
        found = children(item, self.report)
        if len(found) != 1 or found[0].kind != "data" or len(found[0].body) < 8:  # noqa: PLR2004 - its fields
            return None
        return int.from_bytes(found[0].body[:4], "big"), bytes(found[0].body[8:])

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


def _reason_to_remove(name: bytes, value: tuple[int, bytes] | None) -> str:
    """Returns why a keyed value is removed; empty if it is kept."""
    if name not in _KEYS:
        return LOCATION if b"location" in name.lower() or b"gps" in name.lower() else UNKNOWN
    if value is None:
        return MALFORMED
    kind, data = value
    if kind in _NUMBERS:
        return "" if len(data) <= _LONGEST_NUMBER else MALFORMED
    text = data.decode("utf-8", "replace").rstrip("\0")
    if name in _DATES:
        return "" if _UTC.fullmatch(text) else ZONE
    return "" if kind == _UTF8 and is_plain_name(text) else TEXT


def _data(kind: int, value: bytes) -> bytes:
    return make_box("data", struct.pack(">II", kind, 0), value)
