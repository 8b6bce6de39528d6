"""Chapter titles and names of tracks: those of cameras and of Eddyline itself are kept, others made neutral.

A title is free text, and what people write there is often where they were. With `--keep-titles` titles
without coordinates are kept.
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
    """The title (UTF-8) of chapter `number`, or "Chapter N" in its place, which is then reported."""
    if _OWN_TITLE.fullmatch(title) or (keep and not contains_location(title)):
        return title
    report.remove(f"{what} (title of chapter {number})", TEXT, len(title), title)
    return f"Chapter {number}".encode()


def track_name(name: str, handler: str, *, keep: bool, what: str, report: Report) -> str:
    """The name of a track, or that of its kind in its place, which is then reported."""
    if _HANDLER.fullmatch(name) or (keep and not contains_location(name.encode())):
        return name
    report.remove(f"{what} (name of the track)", TEXT, len(name), name.encode())
    return _NEUTRAL.get(handler, "DataHandler")
