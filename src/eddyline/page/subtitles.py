"""Subtitles and chapters of the page. Cues are embedded: a page opened from disk cannot fetch files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eddyline.core.formatting import format_count
from eddyline.core.markup import Html, element, join_lines, join_words, relative_url, section
from eddyline.core.name_rules import is_plain_path
from eddyline.media.languages import language_tag
from eddyline.page.thumbnails import seek_button

_MAX_BYTES = 1024 * 1024  # of WebVTT in one page, of all tracks together
_CUE = re.compile(
    r"^(\d{2,6}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,6}):(\d\d):(\d\d)\.(\d{3})( line:0)?$\n((?:.+\n?)*)",
    re.MULTILINE,
)


def subtitle_tracks(root: Path, subtitles: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Per track: label, language (RFC 5646), shown by default, and cues of [start, end, text, at top].

    Texts are WebVTT cue text. Tracks that are missing, or exceed `_MAX_BYTES`, are not embedded.
    """
    tracks: list[list[Any]] = []
    remaining = _MAX_BYTES
    for number, each in enumerate(subtitles, 1):
        path = each.get("path")
        if path is None or not is_plain_path(path):
            continue
        try:
            with (root / path).open("rb") as file:
                data = file.read(remaining + 1)
        except OSError:
            continue
        if len(data) > remaining:
            continue
        remaining -= len(data)
        cues = [_cue(match) for match in _CUE.finditer(data.decode("utf-8", "replace"))]
        shown = bool(each.get("default") or each.get("forced"))
        tracks.append([_label(number, each), language_tag(str(each.get("language", ""))), shown, cues])
    return tracks


def _label(number: int, track: Mapping[str, Any]) -> str:
    language = str(track.get("language") or "und")
    name = str(track.get("title") or "") or (language if language != "und" else f"Subtitles {number}")
    return f"{name} (forced)" if track.get("forced") and "forced" not in name.lower() else name


def subtitles_section(subtitles: Sequence[Mapping[str, Any]]) -> Html:
    """The list of the subtitle tracks with their files; empty without any."""
    if not subtitles:
        return Html("")
    rows = [
        element(
            "li",
            join_words(
                element("b", _label(number, each)),
                format_count(each["cues"], "cue"),
                element("a", "WebVTT", href=relative_url(each["path"]), download=True),
            ),
        )
        for number, each in enumerate(subtitles, 1)
    ]
    return section("Subtitles", "subtitles", element("ul", join_lines(rows), class_="left-out"))


def chapters_section(chapters: Sequence[Mapping[str, Any]], highlights: int) -> Html:
    """Buttons that seek to the chapters; empty if the chapters are the HiLights alone."""
    own = [each for each in chapters if not each["title"].startswith("HiLight ")]
    if len(own) <= bool(highlights):
        return Html("")
    buttons = [seek_button(each["time_s"], each["title"]) for each in chapters]
    return section("Chapters", "chapters", element("ul", join_lines(buttons), class_="thumbs"))


def _cue(match: re.Match[str]) -> list[Any]:
    start, end = (
        (int(h) * 3600 + int(m) * 60 + int(s)) + int(ms) / 1000
        for h, m, s, ms in (match.groups()[:4], match.groups()[4:8])
    )
    return [start, end, match[10].rstrip("\n"), bool(match[9])]
