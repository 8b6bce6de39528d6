"""Reading a container box without trusting it: its boxes, and what is left over behind them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eddyline.core.coordinates import contains_location, is_ascii_text
from eddyline.edit.strip_location.report import LOCATION, MALFORMED, METADATA, TEXT, UNKNOWN, Report
from eddyline.mp4.boxes import Box, make_box
from eddyline.mp4.errors import Mp4Error

# Boxes that are made to hold a location; all others that are not known are reported as unknown.
_LOCATION_BOXES = frozenset({"\xa9xyz", "loci", "gps ", "GPS ", "GPS0", "XMP_", "gpsd", "GPSD"})
_TEXT_BOXES = frozenset(
    {
        "\xa9nam",
        "\xa9cmt",
        "\xa9des",
        "\xa9inf",
        "\xa9cpy",
        "\xa9ART",
        "\xa9alb",
        "\xa9gen",
        "\xa9key",
        "\xa9lyr",
    }
    | {
        "name",
        "titl",
        "dscp",
        "auth",
        "cprt",
        "perf",
        "albm",
        "kywd",
        "gnre",
        "desc",
        "ldes",
        "Xtra",
        "\xa9day",
    }
)
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # the packet's place in MP4 (XMP part 3)
_PADDING = frozenset({"free", "skip", "wide", "\0\0\0\0"})
_SEARCHED = 1 << 20

TERMINATOR = bytes([0, 0, 0, 8, 0, 0, 0, 0])  # ends some of QuickTime's containers

Rewrite = Callable[[Box], bytes]


def children(parent: Box, report: Report, skip: int = 0) -> list[Box]:
    """The boxes in a container, behind `skip` bytes of fields; bytes that are no box are noted as removed."""
    found: list[Box] = []
    at = skip
    try:
        for child in parent.children(skip):
            found.append(child)
            at += len(child.raw)
    except Mp4Error:
        pass  # what follows the last whole box is removed with the rest
    rest = bytes(parent.body[at:]).removeprefix(TERMINATOR)
    if rest.strip(b"\0"):
        report.remove(f"{parent.path} (bytes behind its last box)", UNKNOWN, len(rest), rest[:_SEARCHED])
    return found


def reason_for(kind: str, identifier: bytes = b"") -> str:
    """Why a box of this kind, and with this identifier if it is a uuid box, is removed."""
    if kind in _LOCATION_BOXES:
        return LOCATION
    if kind == "uuid" and identifier == XMP:
        return METADATA
    return TEXT if kind in _TEXT_BOXES else UNKNOWN


def label(found: Box) -> str:
    """The path of a box, with the identifier of a uuid box."""
    return f"{found.path} {bytes(found.raw[8:24]).hex()}" if found.kind == "uuid" else found.path


def drop(unwanted: Box, report: Report, why: str = "") -> bytes:
    """Note that a box is removed; padding of zeros is not worth a note. Always returns no bytes."""
    if unwanted.kind in _PADDING and not np.any(np.frombuffer(unwanted.body, np.uint8)):
        return b""
    reason = why or reason_for(unwanted.kind, bytes(unwanted.raw[8:24]))
    report.remove(label(unwanted), reason, len(unwanted.raw), bytes(unwanted.body[:_SEARCHED]))
    return b""


def cut(source: Box, size: int, report: Report) -> bytes:
    """The first `size` bytes of a box's body; what follows is noted unless it is zeros."""
    rest = bytes(source.body[size:])
    if rest.strip(b"\0"):
        report.remove(f"{source.path} (bytes behind its fields)", UNKNOWN, len(rest), rest[:_SEARCHED])
    return bytes(source.body[:size])


def rewritten(
    parent: Box, report: Report, rules: dict[str, Rewrite], skip: int = 0, *, once: bool = True
) -> bytes:
    """The children that `rules` know, each rewritten by its rule, in their order; all others are removed.

    `once`: of several children of one kind the first counts, as for readers, and the others are removed.
    """
    out: list[bytes] = []
    seen: set[str] = set()
    for child in children(parent, report, skip):
        rule = rules.get(child.kind)
        if rule is None or (once and child.kind in seen):
            drop(child, report)
            continue
        seen.add(child.kind)
        out.append(rule(child))
    return b"".join(out)


def numbers(report: Report, *sizes: int, form: Callable[[bytes], bool] | None = None) -> Rewrite:
    """A rule for a box of numbers with one of these body sizes (bytes), and of this `form` if given.

    A body that reads as text, or that names a place, is removed.
    """

    def rule(known: Box) -> bytes:
        body = bytes(known.body)
        fits = (not sizes or len(body) in sizes) and (form is None or form(body))
        if not fits or is_ascii_text(body) or contains_location(body):
            return drop(known, report, MALFORMED)
        return make_box(known.kind, body)

    return rule


def table(report: Report, row: int, header: int = 8) -> Rewrite:
    """A rule for a full box of `row`-byte rows, their count in the last 4 bytes of its header.

    Bytes behind the last row are removed.
    """

    def rule(known: Box) -> bytes:
        body = bytes(known.body)
        count = int.from_bytes(body[header - 4 : header], "big")
        end = header + count * row
        if len(body) < header or end > len(body):
            return drop(known, report, MALFORMED)
        if body[end:].strip(b"\0"):
            report.remove(f"{known.path} (bytes behind its rows)", UNKNOWN, len(body) - end, body[end:])
        return make_box(known.kind, body[:end])

    return rule
