"""HiLights on the video timeline: the frame of each, and the chapters made from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from eddyline.mp4.presentation import Presentation

MAX_HIGHLIGHTS = 1000  # a camera stores at most 100; far more indicate damage or an attack
_MICROSECONDS = 1_000_000
_MAX_TITLE = 200  # characters


@dataclass(frozen=True, kw_only=True)
class Highlight:
    """A HiLight: frame number `frame` is shown at `time_s` (movie seconds).

    `kind` is what set it: "manual", "motion", "audio", "combined", "voice" or "other".
    """

    time_s: float
    frame: int
    kind: str


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A chapter that starts at frame number `frame` and ends at the next chapter or the end."""

    frame: int
    title: str


def place_highlights(
    times: Iterable[tuple[float, str]], shown: Presentation, timescale: int
) -> tuple[Highlight, ...]:
    """The HiLights (movie seconds, kind) that fall on a frame, in order of time; the first one of each frame.

    Times after the end of the last frame (`shown`, in ticks of 1/`timescale` s), and values that are not
    times, are ignored. At most `MAX_HIGHLIGHTS`.
    """
    found: dict[int, Highlight] = {}
    end_s = shown.end / timescale if len(shown) else 0
    for time_s, kind in sorted(each for each in times if 0 <= each[0] <= end_s):
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
    """The source's own chapters and one for each HiLight, in order.

    Chapters and HiLights that start at the same frame become one chapter with both titles. If the first one
    starts later than the video, a chapter "Start" precedes it, as players expect.
    """
    titles: dict[int, list[str]] = {}
    added = [Chapter(frame=each.frame, title=_title(n, each.kind)) for n, each in enumerate(highlights, 1)]
    for each in (*own, *added):
        same = titles.setdefault(each.frame, [])
        if each.title not in same:  # a rendition that is ingested again has its HiLights as chapters already
            same.append(each.title)
    chapters = [
        Chapter(frame=frame, title=" / ".join(same)[:_MAX_TITLE].strip())
        for frame, same in sorted(titles.items())
    ]
    if not chapters or chapters[0].frame == 0:
        return tuple(chapters)
    return (Chapter(frame=0, title="Start"), *chapters)


def _title(number: int, kind: str) -> str:
    return f"HiLight {number}" if kind in {"manual", "other"} else f"HiLight {number} ({kind})"
