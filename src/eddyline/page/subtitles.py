"""Subtitles and chapters on the page; cues are part of it, for a page on a disk may not fetch a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eddyline.core.formatting import format_count
from eddyline.core.name_rules import is_plain_path
from eddyline.media.languages import language_tag
from eddyline.page.markup import Html, element, join_lines, relative_url
from eddyline.page.thumbnails import format_time

_LARGEST = 1024 * 1024  # bytes of WebVTT in one page, of all tracks together
_CUE = re.compile(
    r"^(\d{2,6}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,6}):(\d\d):(\d\d)\.(\d{3})( line:0)?$\n((?:.+\n?)*)",
    re.MULTILINE,
)

Cues = list[list[Any]]


def subtitle_tracks(root: Path, subtitles: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Per track: label, language (RFC 5646), whether it is shown at once, cues of [start, end, text, at top].

    Texts are WebVTT cue text. Tracks that are missing, or beyond `_LARGEST`, are not played: they are links.
    """
    tracks: list[list[Any]] = []
    room = _LARGEST
    for number, each in enumerate(subtitles, 1):
        path = each.get("path")
        if path is None or not is_plain_path(path):
            continue
        try:
            with (root / path).open("rb") as file:
                data = file.read(room + 1)
        except OSError:
            continue
        if len(data) > room:
            continue
        room -= len(data)
        cues = [_cue(found) for found in _CUE.finditer(data.decode("utf-8", "replace"))]
        shown = bool(each.get("default") or each.get("forced"))
        tracks.append([label(number, each), language_tag(str(each.get("language", ""))), shown, cues])
    return tracks


def label(number: int, track: Mapping[str, Any]) -> str:
    """What a track is called in a menu."""
    language = str(track.get("language") or "und")
    name = str(track.get("title") or "") or (language if language != "und" else f"Subtitles {number}")
    return f"{name} (forced)" if track.get("forced") and "forced" not in name.lower() else name


def section(subtitles: Sequence[Mapping[str, Any]]) -> Html:
    """The list of the tracks with their files; nothing where there are none."""
    if not subtitles:
        return Html("")
    rows = [
        element(
            "li",
            element("b", label(number, each)),
            f" {format_count(each['cues'], 'cue')} ",
            element("a", "WebVTT", href=relative_url(each["path"]), download=True),
        )
        for number, each in enumerate(subtitles, 1)
    ]
    heading = element("h2", "Subtitles", id="h-subtitles")
    return element(
        "section", heading, element("ul", join_lines(rows), class_="left-out"), aria_labelledby="h-subtitles"
    )


def chapters(found: Sequence[Mapping[str, Any]], highlights: int) -> Html:
    """Buttons that go to the chapters; nothing where HiLights make all that there are."""
    own = [each for each in found if not each["title"].startswith("HiLight ")]
    if len(own) <= bool(highlights):
        return Html("")
    buttons = [
        element(
            "li",
            element(
                "button",
                element("b", each["title"]),
                element("span", format_time(each["time_s"])),
                type="button",
                data_seek=str(float(each["time_s"])),
                aria_label=f"Go to {each['title']} at {format_time(each['time_s'])}",
            ),
        )
        for each in found
    ]
    heading = element("h2", "Chapters", id="h-chapters")
    return element(
        "section", heading, element("ul", join_lines(buttons), class_="thumbs"), aria_labelledby="h-chapters"
    )


def _cue(found: re.Match[str]) -> list[Any]:
    start, end = (
        (int(h) * 3600 + int(m) * 60 + int(s)) + int(ms) / 1000
        for h, m, s, ms in (found.groups()[:4], found.groups()[4:8])
    )
    return [start, end, found[10].rstrip("\n"), bool(found[9])]
