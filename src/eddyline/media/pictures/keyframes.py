"""Keyframes of a video: found by time, and written as a small local file from reads by range.

Each needs a read of a few hundred KB, wherever it is in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError
from eddyline.core.processes.runner import Limits, Runner
from eddyline.media.source.eac_pair import SecondTrack
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.sphere_filters import sphere_chains
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

# Keyframe i of the keyframe file is shown at i/25 s, so the time of a decoded frame tells its number.
RATE: Final = 25
ERROR_TOLERANT: Final = ("-skip_frame", "nokey", "-max_error_rate", "1")
BASE_S: Final = 60.0
FRAME_S: Final = 2.0
_PROJECTION_S = 120.0  # to build the tables of the largest projection


@dataclass(frozen=True, kw_only=True)
class Keyframes:
    """The shown keyframes of a video track: `sample` numbers and `times` in seconds, in order of time.

    `end` is when the last frame of the video ends, in seconds.
    """

    sample: Ints
    times: npt.NDArray[np.float64]
    end: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSource:
    """A video to take images from, and the programs that decode it.

    `shown` is the presentation of `track`, `second` the other track of a pair (`eac_pair`); `work` is a
    directory for temporary files.
    """

    src: ByteRanges
    track: Track
    facts: VideoFacts
    shown: Presentation
    tools: Toolchain
    runner: Runner
    work: Path
    second: SecondTrack | None = None

    @cached_property
    def keyframes(self) -> Keyframes:
        """The shown keyframes; of a pair, those of both tracks. Raises `InputError` if there is none."""
        found = shown_keyframes(self.track, self.shown)
        return found if self.second is None else _common_keyframes(found, self.shown, self.second)

    def write_keyframes(self, numbers: Sequence[int], shape: tuple[int, int], out: Path) -> None:
        """Write these keyframes as a local MP4 with 25 frames per second.

        Spherical video is projected first, and encoded losslessly in twice the size of images of `shape`.
        """
        samples = self.keyframes.sample[list(numbers)]
        if self.facts.sphere is None:
            write_keyframes(self.src, self.track, samples, out)
            return
        tracks = [(self.track, samples)]
        if self.second is not None:
            tracks.append((self.second.track, self.second.shown.sample[_frames_of(self.shown, samples)]))
        _write_projected(self, tracks, (2 * shape[0], 2 * shape[1]), out)


def _common_keyframes(found: Keyframes, shown: Presentation, second: SecondTrack) -> Keyframes:
    """The keyframes that are keyframes of the second track as well, so that each decodes alone."""
    both = np.isin(found.sample, shown.sample)
    both[both] = second.track.samples.sync[second.shown.sample[_frames_of(shown, found.sample[both])]]
    if not both.any():
        raise InputError("the two tracks of the video have no common keyframe")
    return replace(found, sample=found.sample[both], times=found.times[both])


def _frames_of(shown: Presentation, samples: Ints) -> Ints:
    """The frame numbers of shown samples."""
    order = np.argsort(shown.sample)
    frames: Ints = order[np.searchsorted(shown.sample, samples, sorter=order)]
    return frames


def _write_projected(
    video: ImageSource, tracks: Sequence[tuple[Track, Ints]], size: tuple[int, int], out: Path
) -> None:
    """Decode keyframes, project them, and write them losslessly as keyframes of `out`."""
    files = [out.with_name(f"{out.stem}-track{number}.mp4") for number in range(len(tracks))]
    inputs: list[str] = []
    for file, (track, samples) in zip(files, tracks, strict=True):
        write_keyframes(video.src, track, samples, file)
        inputs += ["-threads", "1", "-flags:v", "+low_delay", *ERROR_TOLERANT, "-noautorotate"]
        inputs += input_args(file)
    labels = [f"decoded{number}" for number in range(len(tracks))]
    # Frames are paired by number, so that one that is missing in a track shows in their number.
    numbered = [f"[{number}:v:0]setpts=N[{label}]" for number, label in enumerate(labels)]
    graph = ";".join([*numbered, *sphere_chains(video.facts, size, sources=labels, out="sphere")])
    count = len(tracks[0][1])
    argv = (
        *(str(video.tools.ffmpeg), *FFMPEG_BASE, "-y", *inputs, "-filter_complex", graph, "-map", "[sphere]"),
        *("-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-g", "1"),
        *("-video_track_timescale", str(RATE), "-f", "mp4", f"file:{out}"),
    )
    video.runner.run(argv, limits=Limits(wall_s=BASE_S + _PROJECTION_S + 2 * FRAME_S * count))
    for file in files:
        file.unlink()
    with FileRanges(out) as source:
        written = len(read_movie(source).tracks[0].samples)
    if written != count:
        raise InputError(
            f"{count - written} of {count} keyframes cannot be decoded from both tracks of the video",
            remedy="check the original in GoPro Player, or copy it from the card again",
            reason="damaged-frames",
        )


def shown_keyframes(track: Track, shown: Presentation) -> Keyframes:
    """The shown keyframes of a track; if an edit hides them all, the last one before the first shown frame.

    Raises `InputError` if there is none.
    """
    if not len(shown):
        raise InputError("the video has no shown frame")
    key = np.flatnonzero(track.samples.sync[shown.sample])
    if len(key):
        samples, ticks = shown.sample[key], shown.pts[key]
    else:
        before = np.flatnonzero(track.samples.sync[: int(shown.sample[0]) + 1])
        samples, ticks = before[-1:].astype(np.int64), shown.pts[:1]
    if not len(samples):
        raise InputError("the video has no keyframe")
    return Keyframes(sample=samples, times=ticks / track.timescale, end=shown.end / track.timescale)


def nearest_keyframes(keyframes: Keyframes, times: Sequence[float]) -> tuple[int, ...]:
    """For each time (s), the number of the nearest keyframe."""
    wanted = np.asarray(times, dtype=np.float64)
    after = np.clip(np.searchsorted(keyframes.times, wanted), 1, max(1, len(keyframes.times) - 1))
    after = np.minimum(after, len(keyframes.times) - 1)
    before = np.maximum(after - 1, 0)
    is_before = wanted - keyframes.times[before] <= keyframes.times[after] - wanted
    return tuple(int(number) for number in np.where(is_before, before, after))


def write_keyframes(src: ByteRanges, track: Track, samples: Ints, out: Path) -> None:
    """Write these keyframe samples as a local MP4 with 25 frames per second."""
    table = track.samples
    output = OutputTrack(
        handler="vide",
        name="",
        timescale=RATE,
        stsd=track.stsd,
        media_header=track.media_header,
        width=track.width,
        height=track.height,
        pieces=(Piece(source=src, offset=table.offset[samples], size=table.size[samples]),),
        duration=np.ones(len(samples), np.int64),
        description=table.description[samples],
    )
    write_mp4(out, [output], timescale=RATE)
