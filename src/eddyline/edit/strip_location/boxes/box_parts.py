"""Rules for boxes of untrusted files; unknown children and trailing bytes are removed and reported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eddyline.core.coordinates import contains_location, is_ascii_text
from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.report import LOCATION, MALFORMED, METADATA, TEXT, UNKNOWN, Report
from eddyline.mp4.boxes import Box, make_box
from eddyline.mp4.errors import Mp4Error

# Boxes that are defined to contain a location; all other unlisted boxes are reported as unknown.
_LOCATION_BOXES = frozenset({"\xa9xyz", "loci", "gps ", "GPS ", "GPS0", "XMP_", "gpsd", "GPSD"})
_TEXT_BOXES = frozenset(
    {f"\xa9{each}" for each in ("nam", "cmt", "des", "inf", "cpy", "ART", "alb", "gen", "key", "lyr", "day")}
    | {"name", "titl", "dscp", "auth", "cprt", "perf", "albm", "kywd", "gnre", "desc", "ldes", "Xtra"}
)
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # uuid of an XMP packet in MP4 (XMP part 3)
PADDING = frozenset({"free", "skip", "wide", "\0\0\0\0"})
_SEARCHED = 1 << 20

TERMINATOR = bytes([0, 0, 0, 8, 0, 0, 0, 0])  # ends some QuickTime containers

Rewrite = Callable[[Box], bytes]


def children(parent: Box, report: Report, skip: int = 0) -> list[Box]:
    """Returns the boxes in a container after `skip` bytes of fields; reports other bytes as removed."""
    found: list[Box] = []
    at = skip
    try:
        for child in parent.children(skip):
            found.append(child)
            at += len(child.raw)
    except Mp4Error:
        pass  # bytes after the last complete box are removed below
    rest = bytes(parent.body[at:]).removeprefix(TERMINATOR)
    if rest.strip(b"\0"):
        report.record_removed(
            f"{parent.path} (bytes after its last box)", UNKNOWN, len(rest), rest[:_SEARCHED]
        )
    return found


def reason_for(kind: str, identifier: bytes = b"") -> str:
    """Returns why a box of this kind is removed; `identifier` is that of a uuid box."""
    if kind in _LOCATION_BOXES:
        return LOCATION
    if kind == "uuid" and identifier == XMP:
        return METADATA
    return TEXT if kind in _TEXT_BOXES else UNKNOWN


def label(found: Box) -> str:
    """Returns the path of a box, followed by the identifier of a uuid box."""
    return f"{found.path} {bytes(found.raw[8:24]).hex()}" if found.kind == "uuid" else found.path


def remove_box(unwanted: Box, report: Report, why: str = "") -> bytes:
    """Reports a box as removed, except padding of zeros. Always returns empty bytes."""
    if unwanted.kind in PADDING and not np.any(np.frombuffer(unwanted.body, np.uint8)):
        return b""
    reason = why or reason_for(unwanted.kind, bytes(unwanted.raw[8:24]))
    report.record_removed(label(unwanted), reason, len(unwanted.raw), bytes(unwanted.body[:_SEARCHED]))
    return b""


def take_body(source: Box, size: int, report: Report) -> bytes:
    """Returns the first `size` bytes of a box's body; reports the rest as removed unless it is zeros."""
    rest = bytes(source.body[size:])
    if rest.strip(b"\0"):
        report.record_removed(f"{source.path} (bytes after its fields)", UNKNOWN, len(rest), rest[:_SEARCHED])
    return bytes(source.body[:size])


def take_versioned_body(source: Box, sizes: tuple[int, int], report: Report) -> bytes:
    """Returns the fields of a full box; `sizes` are those of version 0 and 1. Removes bytes after them."""
    size = sizes[1] if bytes(source.body[:1]) == b"\1" else sizes[0]
    if len(source.body) < size:
        raise UnsupportedError(
            f"{source.path} is truncated, so the file cannot be rewritten", remedy="copy it again"
        )
    return take_body(source, size, report)


def rewrite_children(
    parent: Box, report: Report, rules: dict[str, Rewrite], skip: int = 0, *, once: bool = True
) -> bytes:
    """Rewrites each child with the rule for its kind, in file order; removes children without a rule.

    `once`: only the first child of a kind is kept, because readers use the first; the others are removed.
    """
    out: list[bytes] = []
    seen: set[str] = set()
    for child in children(parent, report, skip):
        rule = rules.get(child.kind)
        if rule is None or (once and child.kind in seen):
            remove_box(child, report)
            continue
        seen.add(child.kind)
        out.append(rule(child))
    return b"".join(out)


def number_rule(report: Report, *sizes: int, form: Callable[[bytes], bool] | None = None) -> Rewrite:
    """Returns a rule for a box of numbers: body size one of `sizes` (bytes), and `form` true if given.

    A box whose body is readable as text or contains a location is removed.
    """

    def rule(known: Box) -> bytes:
        body = bytes(known.body)
        fits = (not sizes or len(body) in sizes) and (form is None or form(body))
        if not fits or is_ascii_text(body) or contains_location(body):
            return remove_box(known, report, MALFORMED)
        return make_box(known.kind, body)

    return rule


def table_rule(report: Report, row: int, header: int = 8) -> Rewrite:
    """Returns a rule for a full box of `row`-byte rows; the last 4 bytes of its header are the row count.

    Bytes after the last row are removed.
    """

    def rule(known: Box) -> bytes:
        body = bytes(known.body)
        count = int.from_bytes(body[header - 4 : header], "big")
        end = header + count * row
        if len(body) < header or end > len(body):
            return remove_box(known, report, MALFORMED)
        if body[end:].strip(b"\0"):
            report.record_removed(
                f"{known.path} (bytes after its rows)", UNKNOWN, len(body) - end, body[end:]
            )
        return make_box(known.kind, body[:end])

    return rule
