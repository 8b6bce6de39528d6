"""The storyboard: sprite sheets of small images, and a WebVTT track that maps times to them.

Players use this format for seek previews: the text of each cue is a URL with the rectangle of its image
(Media Fragments URI 1.0: `storyboard-00.jpg#xywh=0,0,160,90`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.files import translate_errors
from eddyline.media.ladder.profile import StoryboardSettings
from eddyline.media.pictures.image_filters import image_size
from eddyline.media.pictures.keyframes import ImageSource, nearest_keyframes
from eddyline.media.pictures.stills import ImageSet, decode_keyframes

_JPEG = ("-c:v", "mjpeg", "-q:v", "4", "-threads", "1", "-f", "image2", "-start_number", "0", "-y")


@dataclass(frozen=True, kw_only=True)
class Storyboard:
    """The WebVTT file, its sprite sheets, and the numbers of images and cues."""

    vtt: Path
    sheets: tuple[Path, ...]
    tiles: int
    cues: int


@dataclass(frozen=True, kw_only=True)
class Cue:
    """Tile number `tile` is shown in [start, end) seconds."""

    start: float
    end: float
    tile: int


@dataclass(frozen=True, kw_only=True)
class SpriteSheet:
    """The layout of a sheet: `columns` x `rows` tiles of `width` x `height` pixels."""

    columns: int
    rows: int
    width: int
    height: int

    def tile_url(self, tile: int) -> str:
        """The URL of a tile, with its rectangle."""
        sheet, position = divmod(tile, self.columns * self.rows)
        row, column = divmod(position, self.columns)
        at = f"{column * self.width},{row * self.height},{self.width},{self.height}"
        return f"storyboard-{sheet:02d}.jpg#xywh={at}"


@dataclass(frozen=True, kw_only=True)
class PlannedStoryboard:
    """A storyboard to write: `images` is to be decoded, then `finish` called with its result.

    `nearest` are the keyframes nearest to the cues, which begin at `starts`; `selected` those to decode.
    """

    video: ImageSource
    starts: tuple[float, ...]
    nearest: tuple[int, ...]
    selected: tuple[int, ...]
    sheet: SpriteSheet
    out_dir: Path
    images: ImageSet

    def finish(self, numbers: Sequence[int]) -> Storyboard:
        """Write the WebVTT file of the keyframes `numbers`, which are in the sheets."""
        decoded = [self.selected[number] for number in numbers]
        tiles = [_closest(decoded, number) for number in self.nearest]
        cues = _cues(self.starts, self.video.keyframes.end, tiles)
        vtt = self.out_dir / "storyboard.vtt"
        vtt.write_text(format_webvtt(cues, self.sheet), "utf-8")
        self.images.path.unlink()
        count = math.ceil(len(decoded) / (self.sheet.columns * self.sheet.rows))
        sheets = tuple(self.out_dir / f"storyboard-{number:02d}.jpg" for number in range(count))
        return Storyboard(vtt=vtt, sheets=sheets, tiles=len(decoded), cues=len(cues))


def write_storyboard(video: ImageSource, settings: StoryboardSettings, *, out_dir: Path) -> Storyboard:
    """Write `out_dir`/storyboard.vtt and storyboard-00.jpg, ...: an image every `settings.interval_s`.

    A video that needs more than `settings.most` images has them further apart. Where keyframes are further
    apart than that, one image serves several cues. Raises `InputError` if no keyframe can be decoded.
    """
    with translate_errors("writing the storyboard"):
        planned = plan_storyboard(video, settings, out_dir=out_dir)
        return planned.finish(decode_keyframes(video, planned.images))


def plan_storyboard(video: ImageSource, settings: StoryboardSettings, *, out_dir: Path) -> PlannedStoryboard:
    """Plan what `write_storyboard` writes."""
    keyframes = video.keyframes
    starts = cue_starts(keyframes.end, settings)
    step = starts[1] - starts[0] if len(starts) > 1 else keyframes.end
    nearest = nearest_keyframes(keyframes, [start + step / 2 for start in starts])
    selected = tuple(sorted(set(nearest)))
    across, down = image_size(video.facts, settings.width)
    columns = min(settings.columns, len(selected))
    rows = min(settings.rows, math.ceil(len(selected) / columns))
    file = video.work / "storyboard.mp4"
    video.write_keyframes(selected, (across, down), file)
    return PlannedStoryboard(
        video=video,
        starts=starts,
        nearest=nearest,
        selected=selected,
        sheet=SpriteSheet(columns=columns, rows=rows, width=across, height=down),
        out_dir=out_dir,
        images=ImageSet(
            path=file,
            frames=len(selected),
            shape=(across, down),
            output_filter=f"tile={columns}x{rows}",
            output=(*_JPEG, f"file:{out_dir}/storyboard-%02d.jpg"),
        ),
    )


def cue_starts(end: float, settings: StoryboardSettings) -> tuple[float, ...]:
    """The start of each cue of a video of `end` seconds."""
    step = max(settings.interval_s, end / settings.most)
    # Less a rounding margin, so that 20.0 s in steps of 2 s are ten cues, without an eleventh of length 0.
    count = max(1, math.ceil(end / step - 1e-6))
    return tuple(number * step for number in range(count))


def format_webvtt(cues: Sequence[Cue], sheet: SpriteSheet) -> str:
    """The text of the track (WebVTT, W3C)."""
    parts = [f"{_clock(cue.start)} --> {_clock(cue.end)}\n{sheet.tile_url(cue.tile)}\n" for cue in cues]
    return "WEBVTT\n\n" + "\n".join(parts)


def _cues(starts: Sequence[float], end: float, tiles: Sequence[int]) -> list[Cue]:
    """One cue for each start; consecutive cues with the same tile are merged."""
    cues: list[Cue] = []
    for start, stop, tile in zip(starts, [*starts[1:], end], tiles, strict=True):
        if cues and cues[-1].tile == tile:
            cues[-1] = Cue(start=cues[-1].start, end=stop, tile=tile)
        else:
            cues.append(Cue(start=start, end=stop, tile=tile))
    return cues


def _closest(decoded: Sequence[int], number: int) -> int:
    """The place of the decoded keyframe that is nearest to keyframe `number`."""
    return min(range(len(decoded)), key=lambda place: abs(decoded[place] - number))


def _clock(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
