"""Spherical metadata of packaged streams: in the initialization segments, and in the HLS master playlist.

Shaka Packager 3.8 drops st3d, sv3d and the uuid box of V1. HLS states the requirements of a variant in
REQ-VIDEO-LAYOUT; players that do not support the layout skip the variant. DASH has no descriptor for these
boxes (OMAF's, urn:mpeg:mpegI:omaf:2017:pf, requires OMAF's own sample entries), so there the metadata is in
the initialization segments alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.streaming.elementary_streams import ElementaryStream
from eddyline.media.streaming.initialization_segments import with_boxes
from eddyline.media.video.spherical import read_spherical, video_layout
from eddyline.mp4.entries.spherical import v2_boxes, with_v2
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

_VERSION = 12  # of a master playlist with a REQ- attribute (rfc8216bis section 8)
_STREAM = re.compile(r'(?m)^(#EXT-X-STREAM-INF:.*)\n(.*)$|^(#EXT-X-I-FRAME-STREAM-INF:.*URI="([^"]*)".*)$')


def add_spherical(stream: Path, master: Path, inputs: Sequence[ElementaryStream]) -> None:
    """Add the spherical metadata of `inputs` to the packaged `stream` and its `master` playlist.

    Raises `ProofError` if an initialization segment does not read back with its rendition's metadata.
    """
    layouts: dict[str, str] = {}
    for each in inputs:
        track = each.track
        found = None if track is None else read_spherical(track)
        if track is None or found is None:
            continue
        init = stream / each.name / "init.mp4"
        change_stsd = partial(with_v2, boxes=v2_boxes(track.stsd))
        init.write_bytes(with_boxes(init.read_bytes(), change_stsd, track.spherical))
        with FileRanges(init) as source:
            packaged = read_movie(source).tracks[0]
        if read_spherical(packaged) != found:
            raise ProofError(f"{each.name}/init.mp4 does not have the spherical metadata of its rendition")
        layout = video_layout(found)
        if layout is not None:
            layouts[each.name] = layout
    if layouts:
        master.write_text(with_layouts(master.read_text("utf-8"), layouts), "utf-8")


def with_layouts(text: str, layouts: Mapping[str, str]) -> str:
    """The master playlist with the REQ-VIDEO-LAYOUT of each variant; `layouts` by directory."""

    def add_layout(match: re.Match[str]) -> str:
        line, uri = (match[1], match[2]) if match[1] else (match[3], match[4])
        layout = layouts.get(uri.partition("/")[0])
        tag = line if layout is None else f'{line},REQ-VIDEO-LAYOUT="{layout}"'
        return f"{tag}\n{uri}" if match[1] else tag

    changed = _STREAM.sub(add_layout, text)
    return re.sub(r"\A#EXTM3U\n(#EXT-X-VERSION:\d+\n)?", f"#EXTM3U\n#EXT-X-VERSION:{_VERSION}\n", changed)
