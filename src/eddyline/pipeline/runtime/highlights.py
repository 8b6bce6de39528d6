"""HiLights as the camera's boxes tell them, on the frames of the footage."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.gpmf.hilights import KINDS, read_hilights
from eddyline.gpmf.reader import parse
from eddyline.media.pictures.highlights import Highlight, place_highlights
from eddyline.mp4.boxes import find_box, iter_boxes
from eddyline.pipeline.runtime.source_files import IndexedSource


def read_hilight_times(udta: bytes | None) -> Sequence[tuple[float, str]]:
    """Every mark in moov/udta as (movie seconds, kind), also of cameras that write no telemetry."""
    udta = udta or b""
    marks = read_hilights(iter_boxes(udta), parse(find_box(udta, "GPMF"), lenient=True))
    return [(mark.time_s, KINDS.get(mark.kind, "other")) for mark in marks]


def read_highlights(footage: IndexedSource) -> tuple[Highlight, ...]:
    """The marks that fall on a frame of the footage, in order of time."""
    return place_highlights(
        read_hilight_times(footage.movie.udta), footage.presentation, footage.track.timescale
    )
