"""HiLight tags as the camera's boxes record them, mapped to frames of the source."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.gpmf.format.reader import parse
from eddyline.gpmf.hilights import KINDS, read_hilights
from eddyline.media.pictures.highlights import Highlight, place_highlights
from eddyline.mp4.boxes import find_box, iter_boxes
from eddyline.pipeline.runtime.index_cache import IndexedSource


def read_hilight_times(udta: bytes | None) -> Sequence[tuple[float, str]]:
    """Every tag in moov/udta as (movie seconds, kind), also of cameras that write no telemetry."""
    udta = udta or b""
    tags = read_hilights(iter_boxes(udta), parse(find_box(udta, "GPMF"), lenient=True))
    return [(tag.time_s, KINDS.get(tag.kind, "other")) for tag in tags]


def read_highlights(source: IndexedSource) -> tuple[Highlight, ...]:
    """The tags that fall on a frame of the source, in order of time."""
    times = read_hilight_times(source.movie.udta)
    return place_highlights(times, source.presentation, source.track.timescale)
