"""Checks that chapters in different directories follow each other in time.

Within one directory of a card, a clip number is unique. In another directory it may belong to another
recording with the same settings, so the creation times decide. Cameras write either the start of the
recording or the start of the chapter into each file.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from eddyline.core.errors import InputError
from eddyline.edit.merge.merge_plan import Chapter
from eddyline.gpmf.camera import read_camera
from eddyline.gpmf.format.reader import parse
from eddyline.mp4.boxes import find_box, iter_boxes

_TOLERANCE_S = 10.0  # creation times are whole seconds; a chapter file is created before its first frame
_TOLERANCE = 0.02
_MAX_SPEED = 1800  # one frame per minute at 30 frames/s


def require_continuous(chapters: Sequence[Chapter]) -> None:
    """Raise `InputError` for the first chapter that does not start when the chapters before it end.

    Chapters without a creation time pass. Chapters of a time-lapse may start later than their durations say.
    """
    first = chapters[0]
    lengths = [
        each.movie.duration / each.movie.timescale if each.movie.timescale else 0.0 for each in chapters
    ]
    for chapter, expected_s in zip(chapters[1:], accumulate(lengths), strict=False):
        if not (first.movie.creation_time and chapter.movie.creation_time):
            continue
        elapsed_s = chapter.movie.creation_time - first.movie.creation_time
        fits = abs(elapsed_s) <= _TOLERANCE_S or abs(elapsed_s - expected_s) <= max(
            _TOLERANCE_S, _TOLERANCE * expected_s
        )
        if not fits and _is_time_lapse(chapter):
            fits = expected_s - _TOLERANCE_S <= elapsed_s <= expected_s * _MAX_SPEED
        if not fits:
            raise InputError(
                f"{chapter.name} was recorded {elapsed_s:+,.0f} s from {first.name} instead of"
                f" {expected_s:,.0f} s after it",
                remedy="merge only chapters of one recording; to merge others, pass them in the intended"
                " order with --force",
            )


def _is_time_lapse(chapter: Chapter) -> bool:
    udta = chapter.movie.udta or b""
    return read_camera(iter_boxes(udta), parse(find_box(udta, "GPMF"), lenient=True)).time_lapse
