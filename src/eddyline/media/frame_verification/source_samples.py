"""Source side of the frame samples: frames of the original, decoded once for all renditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from eddyline.core.processes.runner import Runner
from eddyline.media.frame_verification.decode import DecodedFrame, DecodedRange, decode_ranges, sample_size
from eddyline.media.frame_verification.decode_command import DecodeInput, DecodeRange
from eddyline.media.frame_verification.frame_times import (
    SECOND_US,
    frame_gap,
    frame_times_us,
    range_bounds,
    ticks_to_us,
)
from eddyline.media.frame_verification.sample_plan import SampleRange
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation

_MAX_KEYFRAMES_TRIED: Final = 64  # when looking for a random access point
_REORDERED: Final = 18  # frames: the deepest reordering is 16
_LONG_FRAME: Final = 1.5  # times the duration of the frames before it
_SEEK_MARGIN_US: Final = SECOND_US // 3  # before a keyframe, where seeking is not exact


@dataclass(frozen=True, kw_only=True)
class SampledFile:
    """One original file and the index that numbers its frames.

    `first_frame` is the number of its first frame in the whole source, where that frame is shown at
    `start_us`. `exact`: the index is that of this very file, so FFmpeg's timestamps are on its timeline and a
    seek reaches the requested keyframe. `is_random_access` tells whether decoding can start at a sync sample.
    `pixels` is the coded size of a frame.
    """

    source: DecodeInput
    track: Track
    shown: Presentation
    exact: bool
    is_random_access: Callable[[int], bool]
    pixels: int
    first_frame: int = 0
    start_us: int = 0


@dataclass(kw_only=True)
class SourceSamples:
    """What FFmpeg shows of the original around the sampled frames.

    `frames` by number; times in microseconds on the source's timeline. `missing` are frames of the index that
    FFmpeg does not show although it shows others around them, `strays` the times of frames that it shows and
    the index does not have. `end` is when the last frame ends (None: not sampled), accurate to `slack`.
    """

    shape: tuple[int, int]
    aspect: Fraction
    frames: dict[int, DecodedFrame] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)
    end: int | None = None
    slack: int = 0

    def pixels(self) -> bytes:
        """The RGB pixels of all frames, in order of their numbers."""
        return b"".join(self.frames[number].rgb.tobytes() for number in sorted(self.frames))

    def to_json(self) -> dict[str, Any]:
        """Everything but the pixels, as a plain dict of JSON values."""
        return {
            "shape": list(self.shape),
            "aspect": str(self.aspect),
            "frames": [[at, frame.time, frame.duration] for at, frame in sorted(self.frames.items())],
            "missing": self.missing,
            "strays": self.strays,
            "end": self.end,
            "slack": self.slack,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], pixels: bytes) -> SourceSamples:
        """The samples written by `to_json` and `pixels`; raises `ValueError` if they do not match."""
        width, height = plain["shape"]
        images = np.frombuffer(pixels, np.uint8).reshape(len(plain["frames"]), height, width, 3)
        return cls(
            shape=(width, height),
            aspect=Fraction(plain["aspect"]),
            frames={
                number: DecodedFrame(time=time, duration=duration, rgb=rgb)
                for (number, time, duration), rgb in zip(plain["frames"], images, strict=True)
            },
            missing=list(plain["missing"]),
            strays=list(plain["strays"]),
            end=plain["end"],
            slack=plain["slack"],
        )


def decode_source_samples(
    files: Sequence[SampledFile],
    ranges: Sequence[SampleRange],
    facts: VideoFacts,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
    shape: tuple[int, int] | None = None,
) -> SourceSamples:
    """Decode the ranges of the original: one file, or the files of one recording in order.

    The samples have `shape`; None: that of samples of frames that are displayed as in `facts`.
    Raises `ToolError` if FFmpeg is killed or times out, `Interrupted`, `TransientError`.
    """
    shape = shape or sample_size(facts.display_width, facts.display_height)
    samples = SourceSamples(shape=shape, aspect=Fraction(*shape))
    for place, file in enumerate(files):
        count = len(file.shown)
        own = [
            SampleRange(
                start=max(each.start - file.first_frame, 0),
                stop=min(each.stop - file.first_frame, count),
                to_end=each.to_end and place == len(files) - 1,
            )
            for each in ranges
            if each.start - file.first_frame < count and each.stop > file.first_frame
        ]
        if own:
            _decode_file(file, own, samples, tools=tools, runner=runner, work=work)
    return samples


def _decode_file(
    file: SampledFile,
    ranges: Sequence[SampleRange],
    samples: SourceSamples,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> None:
    decode = partial(
        decode_ranges,
        file.source,
        shape=samples.shape,
        pixels=file.pixels,
        tools=tools,
        runner=runner,
        work=work,
    )
    times = frame_times_us(file.shown, file.track.timescale)
    # The first range of an exact file also shows the offset of FFmpeg's timestamps, which is nearly always 0.
    from_start = file.exact and ranges[0].start == 0
    first = decode(
        [_decode_range(file, each, times, 0) for each in ranges] if from_start else [DecodeRange()]
    )
    offset = _timestamp_offset(file, first[0], times)
    found = (
        first
        if from_start and not offset
        else decode([_decode_range(file, each, times, offset) for each in ranges])
    )
    for wanted, decoded in zip(ranges, found, strict=True):
        if decoded is None:
            continue
        if not samples.frames:  # all frames of a stream are displayed in the aspect ratio of the first
            samples.aspect = decoded.aspect
        _assign(file, wanted, decoded.frames, times, offset, samples)


def _timestamp_offset(file: SampledFile, head: DecodedRange | None, times: np.ndarray) -> int:
    """FFmpeg's timestamp of a frame minus the index's time of it (microseconds).

    Where an edit begins between two frames, FFmpeg moves the first frame, and all others, to the start of the
    edit: by less than a frame. Remuxing moves the start of a file to 0.
    """
    if head is None:
        return 0
    ahead = head.frames[0].time - int(times[0])
    return 0 if file.exact and abs(ahead) >= frame_gap(times, 0) else ahead


def _assign(
    file: SampledFile,
    wanted: SampleRange,
    decoded: Sequence[DecodedFrame],
    times: np.ndarray,
    offset: int,
    samples: SourceSamples,
) -> None:
    """Assign to each frame of the range the decoded frame at its time."""
    shift = file.start_us - int(times[0]) - offset  # from FFmpeg's timestamps to the whole source's timeline
    left = list(decoded)
    for number in range(wanted.start, wanted.stop):
        frame = nearest_frame(left, int(times[number]) + offset, frame_gap(times, number) // 2)
        if frame is None:
            samples.missing.append(file.first_frame + number)
            continue
        left = [each for each in left if each is not frame]
        samples.frames[file.first_frame + number] = replace(frame, time=frame.time + shift)
    samples.strays += [frame.time + shift for frame in left]
    if wanted.to_end:
        final = max(decoded, key=lambda each: each.time)
        samples.end = final.time + final.duration + shift
        samples.slack = _end_slack(file, times)


def nearest_frame(frames: Sequence[DecodedFrame], time: int, within: int) -> DecodedFrame | None:
    """The frame shown nearest to `time`, at most `within` microseconds away."""
    frame = min(frames, key=lambda each: abs(each.time - time), default=None)
    return frame if frame is not None and abs(frame.time - time) <= within else None


def _end_slack(file: SampledFile, times: np.ndarray) -> int:
    """Microseconds by which FFmpeg's duration of the last frame may differ from the real one.

    With reordering, FFmpeg states the duration of the sample decoded last. A duration that only the edit list
    states is in no sample, and some decoders (VP9) give every frame the usual duration. Only the start of a
    last frame that is reordered, or longer than usual, is known.
    """
    shown = file.shown
    usual = int(np.diff(times[-_REORDERED:]).max(initial=0))
    length = ticks_to_us(int(shown.end) - int(shown.pts[-1]), file.track.timescale)
    reordered = int(shown.sample[-1]) != len(file.track.samples) - 1
    return max(usual, length) if reordered or length > usual * _LONG_FRAME else usual


def _decode_range(file: SampledFile, wanted: SampleRange, times: np.ndarray, offset: int) -> DecodeRange:
    shown, samples = file.shown, file.track.samples
    numbers = shown.sample[wanted.start : wanted.stop]
    keyframe = _decode_start(file, numbers)
    start, stop = range_bounds(times, wanted.start, wanted.stop)
    seek = None
    if keyframe is not None:
        # A keyframe that an edit hides has a time too: as far before the wanted frame as in the media.
        ticks = int(shown.pts[wanted.start]) + int(samples.pts[keyframe]) - int(samples.pts[numbers[0]])
        seek = ticks_to_us(ticks, file.track.timescale) + offset
        seek = seek if file.exact else seek - _SEEK_MARGIN_US
    return DecodeRange(
        seek=seek if seek is not None and seek > 0 else None,
        start=None if start is None else start + offset,
        stop=None if stop is None or wanted.to_end else stop + offset,
        count=wanted.stop - wanted.start,
    )


def _decode_start(file: SampledFile, numbers: np.ndarray) -> int | None:
    """The sync sample (decode order) at which decoding starts; None: the start of the file.

    Where seeking is not exact, it is the keyframe before the usable one, because the first frames that a
    decoder shows after a seek may be damaged.
    """
    samples = file.track.samples
    spacing = np.diff(file.shown.pts)
    if file.source.demuxer == "avi" and len(spacing) and spacing.min() != spacing.max():
        return None  # FFmpeg counts AVI frames from the seek position and ignores dropped ones
    keyframes = np.flatnonzero(samples.sync[: int(numbers.min()) + 1])
    usable = keyframes[samples.pts[keyframes] <= int(samples.pts[numbers].min())]
    skipped = 0 if file.exact else 1
    for number in usable[: -_MAX_KEYFRAMES_TRIED - 1 : -1].tolist():
        if file.is_random_access(number):
            if not skipped:
                return int(number) or None
            skipped -= 1
    return None


def required_samples(file: SampledFile, start: int, stop: int) -> tuple[int, int]:
    """The samples [start, stop) in decode order that FFmpeg reads to show the file's frames [start, stop)."""
    numbers = file.shown.sample[start:stop]
    return _decode_start(file, numbers) or 0, int(numbers.max()) + 1
