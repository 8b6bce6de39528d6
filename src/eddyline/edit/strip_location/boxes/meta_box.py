"""Rewrites meta boxes of iTunes and QuickTime metadata: only known items with valid values are kept.

| box | kept |
|---|---|
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

from eddyline.core.coordinates import contains_location, is_plain_name
from eddyline.edit.strip_location.boxes.box_parts import (
    Rewrite,
    children,
    remove_box,
    rewrite_children,
    take_body,
)
from eddyline.edit.strip_location.report import LOCATION, MALFORMED, METADATA, TEXT, UNKNOWN, ZONE, Report
from eddyline.edit.strip_location.samples.images import ImageError, remove_image_metadata
from eddyline.mp4.boxes import Box, make_box, make_full_box

PROGRAM_AND_CAMERA_NAMES: Final = {
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
_UTF8, _JPEG, _PNG = 1, 13, 14
_NUMBERS: Final = frozenset({21, 22, 23, 24, 65, 66, 67, 74, 75, 76, 77, 78})
_LONGEST_NUMBER: Final = 8
_LONGEST_KEY: Final = 256
_IMAGES: Final = {_JPEG: "jpeg", _PNG: "png"}


@dataclass(frozen=True, kw_only=True)
class MetaBox:
    """Rewrites a meta box of iTunes or QuickTime metadata."""

    report: Report

    def rewrite(self, source: Box) -> bytes:
        """Returns a meta box of iTunes or QuickTime metadata; removes any other."""
        versioned = bytes(source.body[4:8]) not in {b"hdlr", b"keys", b"ilst", b"mhdr"}
        parts = children(source, self.report, 4 if versioned else 0)
        first = {child.kind: child for child in reversed(parts)}
        handler = bytes(first["hdlr"].body[8:12]) if "hdlr" in first else b""
        items = first.get("ilst")
        kept = b""
        used = {"hdlr", "ilst"}
        if items is not None and handler == b"mdir":
            rules: dict[str, Rewrite] = {
                **dict.fromkeys(PROGRAM_AND_CAMERA_NAMES, self._item),
                "covr": self._cover,
            }
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

    def _item(self, source: Box) -> bytes:
        value = self._value(source)
        if value is None or value[0] != _UTF8 or not is_plain_name(value[1].decode("utf-8", "replace")):
            return remove_box(source, self.report, TEXT)
        self.report.record_kept(source.path, PROGRAM_AND_CAMERA_NAMES[source.kind])
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
