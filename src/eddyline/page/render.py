"""The page as a whole: one file without network, its script and style pinned by their hashes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from eddyline.core.numbers import parse_rational
from eddyline.page import sections, subtitles, telemetry_section, thumbnails
from eddyline.page.markup import escape, relative_url
from eddyline.page.storyboard import read_cues

# What a browser's canPlayType wants to know about a rendition; profile and level are typical ones.
_MIME = {
    "h264": 'video/mp4; codecs="avc1.640028"',
    "hevc": 'video/mp4; codecs="hvc1.1.6.L120.90"',
    "av1": 'video/mp4; codecs="av01.0.08M.08"',
}
_LARGE = 1080  # lines: larger pictures are there to be chosen, not to stutter at once


def render_page(manifest: Mapping[str, Any], root: Path) -> str:
    """The page (`index.html`) of the asset whose folder is `root`, as HTML.

    `manifest` has the shape of `manifest.json`. Everything in it is taken for untrusted text. Only the
    storyboard and the subtitles are read from `root`; all other files are referred to by relative addresses.
    """
    style, script = _asset("page.css"), _asset("page.js")
    source, pictures = manifest["source"], manifest["pictures"]
    marked = manifest.get("highlights") or []
    chosen = _first_to_play(manifest["renditions"])
    values = {
        "policy": _policy(style, script),
        "style": style,
        "script": script,
        "data": _data(manifest, root),
        "name": escape(source["name"]),
        "summary": sections.summary(source),
        "poster": escape(relative_url(pictures["poster"])),
        "video": escape(relative_url(manifest["renditions"][chosen]["path"])),
        "aspect": "tall" if _is_tall(manifest["renditions"][chosen]) else "wide",
        "switch": sections.rendition_switch(manifest["renditions"], chosen),
        "highlights": thumbnails.highlights(marked),
        "proof": sections.proof(manifest),
        "chapters": subtitles.chapters(manifest.get("chapters") or [], len(marked)),
        "subtitles": subtitles.section(manifest.get("subtitles") or []),
        "left_out": sections.left_out(manifest),
        "renditions": sections.renditions(manifest),
        "streams": sections.streams(manifest.get("stream")),
        "thumbnails": thumbnails.thumbnails(pictures),
        "sound": sections.audio_list(manifest.get("audio") or []),
        "telemetry": telemetry_section.telemetry(manifest),
        "making": sections.run_details(manifest),
    }
    return Template(_asset("page.html")).substitute(values)


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing runs or loads but what was written here, even if a name should get past the escaping."""
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


def _first_to_play(renditions: Sequence[Mapping[str, Any]]) -> int:
    """The largest H.264 of at most 1080 lines, as every browser plays it; else the first of all."""
    fitting = [
        at
        for at, each in enumerate(renditions)
        if each["codec"] == "h264" and min(each["width"], each["height"]) <= _LARGE
    ]
    return max(fitting, key=lambda at: renditions[at]["width"] * renditions[at]["height"], default=0)


def _is_tall(rendition: Mapping[str, Any]) -> bool:
    return bool(rendition["height"] > rendition["width"])


def _data(manifest: Mapping[str, Any], root: Path) -> str:
    """What the script needs, as JSON that cannot end its element."""
    cues = read_cues(root, manifest["pictures"].get("storyboard"))
    video = manifest["source"]["video"]
    fps = 0.0 if video["variable_rate"] else float(parse_rational(str(video["fps"])))
    plain = {
        "fps": fps,
        "frames": video["frames"],
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
    # Escaped, "<" can neither close the script element nor open a comment in it.
    return json.dumps(plain, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
