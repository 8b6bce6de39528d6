"""Whether chapters that lie in different folders follow each other in time.

Chapters in one folder of a card can only be those of one recording: a camera gives a number once. In another
folder the number may come again, for another recording that was filmed alike. Their creation times decide:
cameras write the time at which the recording began into every chapter, or that at which the chapter did.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from eddyline.core.errors import InputError
from eddyline.edit.merge.merge_plan import Chapter
from eddyline.gpmf.camera import read_camera
from eddyline.gpmf.reader import parse
from eddyline.mp4.boxes import find_box, iter_boxes

_APART_S = 10.0  # creation times are whole seconds, and a chapter's file is opened ahead of its first frame
_APART = 0.02
_MOST_SPEED = 1800  # a frame each minute, at 30 frames/s


def require_continuous(chapters: Sequence[Chapter]) -> None:
    """Raise `InputError` naming the first chapter that was not filmed where the ones before it end.

    A chapter without a creation time is not judged. More time may pass in chapters of a time-lapse than they
    last.
    """
    first = chapters[0]
    lengths = [
        each.movie.duration / each.movie.timescale if each.movie.timescale else 0.0 for each in chapters
    ]
    for chapter, due in zip(chapters[1:], accumulate(lengths), strict=False):
        if not (first.movie.creation_time and chapter.movie.creation_time):
            continue
        passed = chapter.movie.creation_time - first.movie.creation_time
        fits = abs(passed) <= _APART_S or abs(passed - due) <= max(_APART_S, _APART * due)
        if not fits and _is_time_lapse(chapter):
            fits = due - _APART_S <= passed <= due * _MOST_SPEED
        if not fits:
            raise InputError(
                f"{chapter.name} was filmed {passed:+,.0f} s from {first.name}, not {due:,.0f} s after it",
                remedy="merge only chapters of one recording; to join others, name them in the order wanted"
                " with --force",
            )


def _is_time_lapse(chapter: Chapter) -> bool:
    udta = chapter.movie.udta or b""
    return read_camera(iter_boxes(udta), parse(find_box(udta, "GPMF"), lenient=True)).time_lapse
