"""Renders the page: one file that needs no network, with its script and style pinned by their hashes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from eddyline.core.markup import escape, relative_url
from eddyline.page import sections, subtitles, thumbnails
from eddyline.page.playback_rate import playback_rate
from eddyline.page.storyboard import read_cues
from eddyline.page.telemetry_section import telemetry_section

# MIME types for a browser's canPlayType, with typical profiles and levels.
_MIME = {
    "h264": 'video/mp4; codecs="avc1.640028"',
    "hevc": 'video/mp4; codecs="hvc1.1.6.L120.90"',
    "av1": 'video/mp4; codecs="av01.0.08M.08"',
}
_MAX_DEFAULT_LINES = 1080  # larger renditions may stutter, and play only when selected


def render_page(manifest: Mapping[str, Any], root: Path) -> str:
    """The page (`index.html`) of the asset in the directory `root`, as HTML.

    `manifest` has the structure of `manifest.json`; everything in it is treated as untrusted text. Only the
    storyboard and the subtitles are read from `root`; all other files are referenced by relative URLs.
    """
    style, script = _asset("page.css"), _asset("page.js")
    source, pictures = manifest["source"], manifest["pictures"]
    highlights = manifest.get("highlights") or []
    renditions = manifest["renditions"]
    selected = _default_rendition(renditions)
    values = {
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "data": _data(manifest, root),
        "name": escape(source["name"]),
        "source_facts": sections.source_facts(source),
        "poster": escape(relative_url(pictures["poster"])),
        "video": escape(relative_url(renditions[selected]["path"])),
        "aspect": "tall" if _is_tall(renditions[selected]) else "wide",
        "rendition_switch": sections.rendition_switch(renditions, selected),
        "highlights": thumbnails.highlights_section(highlights),
        "verification": sections.verification_list(manifest),
        "chapters": subtitles.chapters_section(manifest.get("chapters") or [], len(highlights)),
        "subtitles": subtitles.subtitles_section(manifest.get("subtitles") or []),
        "left_out": sections.left_out_section(manifest),
        "rendition_rows": sections.rendition_rows(manifest),
        "stream_urls": sections.stream_urls(manifest.get("stream")),
        "thumbnails": thumbnails.thumbnail_buttons(pictures),
        "audio": sections.audio_list(manifest.get("audio") or []),
        "telemetry": telemetry_section(manifest),
        "run_details": sections.run_details(manifest),
    }
    return Template(_asset("page.html")).substitute(values)


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """A content security policy that allows only this script and style, even if escaping ever fails."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_pin(style)}'",
            f"script-src '{_pin(script)}'",
            "img-src 'self' file: data:",
            "media-src 'self' file:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _pin(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _default_rendition(renditions: Sequence[Mapping[str, Any]]) -> int:
    """The largest H.264 rendition of at most 1080 lines, which every browser plays; else the first one."""
    playable = [
        at
        for at, each in enumerate(renditions)
        if each["codec"] == "h264" and min(each["width"], each["height"]) <= _MAX_DEFAULT_LINES
    ]
    return max(playable, key=lambda at: renditions[at]["width"] * renditions[at]["height"], default=0)


def _is_tall(rendition: Mapping[str, Any]) -> bool:
    return bool(rendition["height"] > rendition["width"])


def _data(manifest: Mapping[str, Any], root: Path) -> str:
    """The values for the script, as JSON that cannot close the script element."""
    cues = read_cues(root, manifest["pictures"].get("storyboard"))
    rate = playback_rate(manifest)
    plain = {
        "fps": rate.fps,
        "frames": rate.frames,
        "duration": manifest["source"]["duration_s"],
        "renditions": [
            {
                "name": each["name"],
                "path": relative_url(each["path"]),
                "type": _MIME.get(each["codec"], "video/mp4"),
            }
            for each in manifest["renditions"]
        ],
        "highlights": [
            [each["time_s"], thumbnails.highlight_title(number, each)]
            for number, each in enumerate(manifest.get("highlights") or [], 1)
        ],
        "subtitles": subtitles.subtitle_tracks(root, manifest.get("subtitles") or []),
        "cues": [[cue.start, cue.end, relative_url(cue.sprite), *cue.box] for cue in cues],
    }
    return json.dumps(plain, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
