"""Marked moments on the timeline of the picture: which frame each one is, and the chapters that they make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from eddyline.mp4.presentation import Presentation

MAX_HIGHLIGHTS = 1000  # a camera keeps 100; far more are an accident or an attack
_MICROSECONDS = 1_000_000
_LONGEST_TITLE = 200  # characters


@dataclass(frozen=True, kw_only=True)
class Highlight:
    """A marked moment: frame number `frame` is on the screen at `time_s` (movie seconds).

    `kind` tells who marked it: "manual", "motion", "audio", "combined", "voice" or "other".
    """

    time_s: float
    frame: int
    kind: str


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """What begins with frame number `frame` and lasts until the next chapter, or the end."""

    frame: int
    title: str


def place_highlights(
    marks: Iterable[tuple[float, str]], shown: Presentation, timescale: int
) -> tuple[Highlight, ...]:
    """The marks (movie seconds, kind) that fall on a frame, in order of time; of two on one frame the first.

    What lies beyond the last frame's end (`shown`, in ticks of 1/`timescale` s) marks nothing, and neither
    does what is not a time. At most `MAX_HIGHLIGHTS`.
    """
    found: dict[int, Highlight] = {}
    end_s = shown.end / timescale if len(shown) else 0
    for time_s, kind in sorted(mark for mark in marks if 0 <= mark[0] <= end_s):
        if len(found) == MAX_HIGHLIGHTS:
            break
        tick = math.floor(Fraction(time_s).limit_denominator(_MICROSECONDS) * timescale)
        if tick < shown.end:
            frame = max(int(np.searchsorted(shown.pts, tick, side="right")) - 1, 0)
            found.setdefault(frame, Highlight(time_s=round(time_s, 6), frame=frame, kind=kind))
    return tuple(found.values())


def chapters_with_highlights(
    highlights: Sequence[Highlight], own: Iterable[Chapter] = ()
) -> tuple[Chapter, ...]:
    """The source's own chapters and one from each highlight, in order, each lasting until the next.

    Chapters and highlights that begin with the same frame become one chapter with both titles. What comes
    before the first is a chapter too, as players want.
    """
    titles: dict[int, list[str]] = {}
    marks = [Chapter(frame=each.frame, title=_title(n, each.kind)) for n, each in enumerate(highlights, 1)]
    for each in (*own, *marks):
        same = titles.setdefault(each.frame, [])
        if each.title not in same:  # a rendition of ours, made again, has its HiLights as chapters already
            same.append(each.title)
    made = [
        Chapter(frame=frame, title=" / ".join(same)[:_LONGEST_TITLE].strip())
        for frame, same in sorted(titles.items())
    ]
    if not made or made[0].frame == 0:
        return tuple(made)
    return (Chapter(frame=0, title="Start"), *made)


def _title(number: int, kind: str) -> str:
    return f"HiLight {number}" if kind in {"manual", "other"} else f"HiLight {number} ({kind})"
