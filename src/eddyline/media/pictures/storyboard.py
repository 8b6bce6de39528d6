"""The storyboard: sheets of small pictures, and the WebVTT track that says which one belongs to what time.

The form that players take for seeking previews: each cue's text is an address with the rectangle of its
picture (Media Fragments URI 1.0: `storyboard-00.jpg#xywh=0,0,160,90`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.files import translate_errors
from eddyline.core.process import Runner
from eddyline.media.ladder.profile import StoryboardSettings
from eddyline.media.pictures.stills import (
    decode_keyframes,
    image_size,
    nearest_keyframes,
    shown_keyframes,
    write_keyframes,
)
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.presentation import Presentation

_JPEG = ("-c:v", "mjpeg", "-q:v", "4", "-threads", "1", "-f", "image2", "-start_number", "0", "-y")


@dataclass(frozen=True, kw_only=True)
class Storyboard:
    """What was written: the WebVTT file, its sheets, the pictures on them and the cues."""

    vtt: Path
    sheets: tuple[Path, ...]
    tiles: int
    cues: int


@dataclass(frozen=True, kw_only=True)
class Cue:
    """[start, end) in seconds shows tile `tile`."""

    start: float
    end: float
    tile: int


@dataclass(frozen=True, kw_only=True)
class SpriteSheet:
    """How tiles lie on a sheet: `columns` x `rows` of `width` x `height` pixels."""

    columns: int
    rows: int
    width: int
    height: int

    def place(self, tile: int) -> str:
        """The address of a tile, with its rectangle."""
        sheet, inside = divmod(tile, self.columns * self.rows)
        row, column = divmod(inside, self.columns)
        at = f"{column * self.width},{row * self.height},{self.width},{self.height}"
        return f"storyboard-{sheet:02d}.jpg#xywh={at}"


def write_storyboard(
    src: ByteRanges,
    movie: Movie,
    track: Track,
    facts: VideoFacts,
    settings: StoryboardSettings,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    out_dir: Path,
    shown: Presentation | None = None,
) -> Storyboard:
    """Write `out_dir`/storyboard.vtt and storyboard-00.jpg, ...: a picture every `settings.interval_s`.

    A video that would need more than `settings.most` gets them further apart. Where keyframes are further
    apart than that, one serves for several cues. Raises `InputError` where none can be decoded.
    """
    found = shown_keyframes(movie, track, shown=shown)
    starts = cue_starts(found.end, settings)
    step = starts[1] - starts[0] if len(starts) > 1 else found.end
    picked = nearest_keyframes(found, [start + step / 2 for start in starts])
    chosen = sorted(set(picked))
    across, down = image_size(facts, settings.width)
    columns = min(settings.columns, len(chosen))
    rows = min(settings.rows, math.ceil(len(chosen) / columns))
    sheet = SpriteSheet(columns=columns, rows=rows, width=across, height=down)
    file = work / "storyboard.mp4"
    with translate_errors("making the storyboard"):
        write_keyframes(src, track, found.sample[chosen], file)
        output = (*_JPEG, f"file:{out_dir}/storyboard-%02d.jpg")
        tile, shape = f"tile={columns}x{rows}", (across, down)
        numbers = decode_keyframes(file, len(chosen), facts, shape, tile, output, tools=tools, runner=runner)
        decoded = [chosen[number] for number in numbers]
        places = {number: place for place, number in enumerate(decoded)}
        tiles = [places[number] if number in places else _closest(decoded, number) for number in picked]
        cues = _cues(starts, found.end, tiles)
        vtt = out_dir / "storyboard.vtt"
        vtt.write_text(format_webvtt(cues, sheet), "utf-8")
        file.unlink()
    count = math.ceil(len(decoded) / (columns * rows))
    sheets = tuple(out_dir / f"storyboard-{number:02d}.jpg" for number in range(count))
    return Storyboard(vtt=vtt, sheets=sheets, tiles=len(decoded), cues=len(cues))


def cue_starts(end: float, settings: StoryboardSettings) -> tuple[float, ...]:
    """When each cue of a video of `end` seconds begins."""
    step = max(settings.interval_s, end / settings.most)
    # A hair less, so that 20.0 s in steps of 2 s are ten cues and not an eleventh of no length.
    count = max(1, math.ceil(end / step - 1e-6))
    return tuple(number * step for number in range(count))


def format_webvtt(cues: Sequence[Cue], sheet: SpriteSheet) -> str:
    """The track's text (WebVTT, W3C)."""
    parts = [f"{_clock(cue.start)} --> {_clock(cue.end)}\n{sheet.place(cue.tile)}\n" for cue in cues]
    return "WEBVTT\n\n" + "\n".join(parts)


def _cues(starts: Sequence[float], end: float, tiles: Sequence[int]) -> list[Cue]:
    """One cue for each start; neighbours with the same picture are one."""
    cues: list[Cue] = []
    for start, until, tile in zip(starts, [*starts[1:], end], tiles, strict=True):
        if cues and cues[-1].tile == tile:
            cues[-1] = Cue(start=cues[-1].start, end=until, tile=tile)
        else:
            cues.append(Cue(start=start, end=until, tile=tile))
    return cues


def _closest(decoded: Sequence[int], number: int) -> int:
    """The place of the keyframe `number` among the decoded ones, or of the nearest, if it was damaged."""
    return min(range(len(decoded)), key=lambda place: abs(decoded[place] - number))


def _clock(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
