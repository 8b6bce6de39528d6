"""Rebuilds the ftyp box with known brands only."""

from __future__ import annotations

import re
from typing import Final

from eddyline.core.coordinates import contains_location
from eddyline.edit.strip_location.report import UNKNOWN, Report
from eddyline.mp4.boxes import Box
from eddyline.mp4.write.box_writer import ftyp_box

_BRAND: Final = re.compile(
    r"iso[2-9mc]|is[o-]\w|mp4[12v]|avc[1-4]|hvc1|hev1|av01|qt  |M4[VAPB][ H]?|3g[pgers2][0-9a-z]|3gg\d|dash"
    r"|cmf[cfs2l]|mmp4|f4v |MSNV|XAVC|nvr1|CAEP|dby1|db1p|mp71|ms[dix][hx]|lmsg|piff"
    r"|NDSC|SEG1|JVT |niko|pana|MPPI"
)


def rewrite_ftyp(source: Box, report: Report) -> bytes:
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
