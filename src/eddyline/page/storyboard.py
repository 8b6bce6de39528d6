"""The storyboard's cues, embedded in the page, because a page opened from disk cannot fetch files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eddyline.core.name_rules import is_plain_path

_MAX_BYTES = 4 * 1024 * 1024  # a cue has about 70
_CLOCK = r"(?:(\d{1,4}):)?(\d\d):(\d\d)\.(\d{3})"
_TIMES = re.compile(rf"{_CLOCK} --> {_CLOCK}")
_SPRITE = re.compile(r"(\S+)#xywh=(\d{1,6}),(\d{1,6}),(\d{1,6}),(\d{1,6})")


@dataclass(frozen=True, kw_only=True)
class Cue:
    """From `start` to `end` (seconds), show the box x, y, width, height (pixels) of a sprite sheet.

    `sprite` is a path relative to the asset's directory.
    """

    start: float
    end: float
    sprite: str
    box: tuple[int, int, int, int]


def read_cues(root: Path, storyboard: str | None) -> tuple[Cue, ...]:
    """The cues of a WebVTT storyboard (W3C WebVTT, section 4; media fragments for the boxes).

    A missing, oversized or invalid storyboard has no cues; the page works without them.
    """
    if not is_plain_path(storyboard) or storyboard is None:
        return ()
    try:
        with (root / storyboard).open("rb") as file:
            lines = file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    directory = PurePosixPath(storyboard).parent
    cues, times = [], None
    for line in lines:
        if match := _TIMES.match(line):
            times = match
        elif times and (sprite := _SPRITE.fullmatch(line.strip())):
            cues.append(_cue(times, sprite, directory))
            times = None
    return tuple(cue for cue in cues if cue.box[2] and cue.box[3] and cue.end > cue.start)


def _cue(times: re.Match[str], sprite: re.Match[str], directory: PurePosixPath) -> Cue:
    start, end = (_seconds(times.groups()[at : at + 4]) for at in (0, 4))
    x, y, width, height = (int(sprite[at]) for at in range(2, 6))
    return Cue(start=start, end=end, sprite=str(directory / sprite[1]), box=(x, y, width, height))


def _seconds(clock: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in clock)
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
