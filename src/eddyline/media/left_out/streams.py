"""Streams of a container other than MP4 that assets omit, from ffprobe's list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from eddyline.media.left_out.report import COVER, ONE_VIDEO, UNKNOWN_DATA, LeftOut, sort_left_out
from eddyline.media.subtitles.source_tracks import CODECS, NOT_TEXT, TOO_MANY

_ABSENT: Final = "it is declared, but the file has none of its samples"


def left_out_streams(streams: Iterable[Mapping[str, Any]], carried: Iterable[int]) -> tuple[LeftOut, ...]:
    """List all of ffprobe's `streams` except those with the indexes `carried`."""
    kept = set(carried)
    return sort_left_out(_stream(each) for each in streams if each.get("index") not in kept)


def _stream(stream: Mapping[str, Any]) -> LeftOut:
    kind = str(stream.get("codec_type", "data"))
    codec = str(stream.get("codec_name") or stream.get("codec_tag_string") or "unknown")
    language = str((stream.get("tags") or {}).get("language", "und"))
    what = f"stream {stream.get('index')} ({codec}{'' if language == 'und' else f', {language}'})"
    if kind == "video":
        cover = (stream.get("disposition") or {}).get("attached_pic")
        return LeftOut(kind="video", what=what, why=COVER if cover else ONE_VIDEO)
    if kind == "audio":
        return LeftOut(kind="audio", what=what, why=_ABSENT)
    if kind == "subtitle":
        return LeftOut(kind="subtitle", what=what, why=TOO_MANY if codec in CODECS else NOT_TEXT)
    return LeftOut(kind="data", what=what, why=UNKNOWN_DATA)
