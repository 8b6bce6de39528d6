"""Replaces chapter titles and track names, except those of cameras and Eddyline, with neutral ones.

A title is free text that often names the location. With `--keep-titles`, titles without coordinates are kept.
"""

from __future__ import annotations

import re
from typing import Final

from eddyline.core.coordinates import contains_location
from eddyline.edit.strip_location.report import TEXT, Report

_OWN_TITLE: Final = re.compile(
    rb"Start|HiLight \d{1,4}( \((manual|motion|audio|combined|voice|other)\))?|Chapter \d{1,4}"
)
_HANDLER: Final = re.compile(
    r"|(Video|Sound|Audio|Subtitle|Text|Data|TimeCode|Timecode|Metadata|Alias Data|URL Data)(Media)?Handler"
    r"|SoundHandle|VideoHandle|DataHandler|Chapters?|Audio( \d{1,2})?|Video( \d{1,2})?|Telemetry|Timecode"
    r"|GoPro (AVC|HEVC|H\.?26[45]|AAC|TCD|MET|SOS|PCM|AMB|[A-Z]{3,4}) *"
    r"|(Core Media|Apple|Mainconcept|Ambarella|L-SMASH|Bento4|GPAC ISO)"
    r" (Alias|Apple|Audio|Data|File|HEVC|AVC|AAC|Handler|Media|Metadata|MP4|Sound|Text|Time|Code|Video| )+"
    r"|(Alias Data|(Apple )?Sound Media|(Apple )?Video Media|Time Code Media|Text Media) Handler"
    r"|ISO Media file produced by Google Inc\.( Created on: \d\d/\d\d/\d{4}\.)?"
    r"|(DJI|dji)[. ](AVC|HEVC|AAC|Meta|meta|dbgi|djmd)|Ambarella (AVC|AAC)"
)
_NEUTRAL: Final = {
    "vide": "VideoHandler",
    "soun": "SoundHandler",
    "tmcd": "TimeCodeHandler",
    "text": "Chapters",
}


def chapter_title(title: bytes, number: int, *, keep: bool, what: str, report: Report) -> bytes:
    """Returns the title (UTF-8) of chapter `number`, or "Chapter N" and reports the title as removed."""
    if _OWN_TITLE.fullmatch(title) or (keep and not contains_location(title)):
        return title
    report.record_removed(f"{what} (title of chapter {number})", TEXT, len(title), title)
    return f"Chapter {number}".encode()


def track_name(name: str, handler: str, *, keep: bool, what: str, report: Report) -> str:
    """Returns the name of a track, or a neutral name for its handler and reports the name as removed."""
    if _HANDLER.fullmatch(name) or (keep and not contains_location(name.encode())):
        return name
    report.record_removed(f"{what} (track name)", TEXT, len(name), name.encode())
    return _NEUTRAL.get(handler, "DataHandler")
