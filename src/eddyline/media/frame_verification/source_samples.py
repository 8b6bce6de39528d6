"""The original's side of the frame samples: decoded once for all renditions, kept as small canvases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from eddyline.core.process import Runner
from eddyline.media.frame_verification.decode import (
    SECOND_US,
    DecodedFrame,
    DecodedRange,
    DecodeInput,
    DecodeRange,
    decode_ranges,
    sample_size,
)
from eddyline.media.frame_verification.sample_plan import SampleRange
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation

_MOST_TRIED: Final = 64  # keyframes, looking for one where decoding can begin
_REORDERED: Final = 18  # frames: the deepest reordering is 16
_LONGER: Final = 1.5  # times the frames before it
_EARLIER: Final = SECOND_US // 3  # before a keyframe, where seeking is not exact


@dataclass(frozen=True, kw_only=True)
class SampledFile:
    """One original file and the index that its frames are numbered by.

    `first` is the number of its first frame in the whole source, which shows that frame at `begins`
    (microseconds). `exact`: the index is that of this very file, so FFmpeg's timestamps are on its timeline
    and seeking leads to the keyframe that is named. `can_begin` says whether decoding can begin at a sync
    sample. `pixels` are those of a coded frame.
    """

    plain: DecodeInput
    track: Track
    shown: Presentation
    exact: bool
    can_begin: Callable[[int], bool]
    pixels: int
    first: int = 0
    begins: int = 0


@dataclass(kw_only=True)
class SourceSamples:
    """What FFmpeg shows of the original around the sampled frames.

    `frames` by number; times in microseconds on the source's timeline. `missing` are frames of the index that
    FFmpeg does not show though it shows others around them, `strays` the times of frames that it shows and
    the index does not have, `end` when the last frame ends (None: not read), known to `slack` only.
    """

    shape: tuple[int, int]
    aspect: Fraction
    frames: dict[int, DecodedFrame] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)
    end: int | None = None
    slack: int = 0

    def pixels(self) -> bytes:
        """The canvases, in order of their numbers."""
        return b"".join(self.frames[number].rgb.tobytes() for number in sorted(self.frames))

    def to_json(self) -> dict[str, Any]:
        """All but the pixels, as a plain dict of JSON values."""
        return {
            "shape": list(self.shape),
            "aspect": str(self.aspect),
            "frames": [[at, shot.time, shot.duration] for at, shot in sorted(self.frames.items())],
            "missing": self.missing,
            "strays": self.strays,
            "end": self.end,
            "slack": self.slack,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], pixels: bytes) -> SourceSamples:
        """The samples that `to_json` and `pixels` wrote; others raise `ValueError`."""
        width, height = plain["shape"]
        canvases = np.frombuffer(pixels, np.uint8).reshape(len(plain["frames"]), height, width, 3)
        return cls(
            shape=(width, height),
            aspect=Fraction(plain["aspect"]),
            frames={
                number: DecodedFrame(time=time, duration=duration, rgb=rgb)
                for (number, time, duration), rgb in zip(plain["frames"], canvases, strict=True)
            },
            missing=list(plain["missing"]),
            strays=list(plain["strays"]),
            end=plain["end"],
            slack=plain["slack"],
        )


def decode_source_samples(
    readings: Sequence[SampledFile],
    windows: Sequence[SampleRange],
    facts: VideoFacts,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> SourceSamples:
    """Decode the windows of the original, which is one file, or several that are one recording, in order.

    Raises `ToolError` where FFmpeg was killed or ran too long, `Interrupted`, `TransientError`.
    """
    shape = sample_size(facts.display_width, facts.display_height)
    found = SourceSamples(shape=shape, aspect=Fraction(*shape))
    for place, reading in enumerate(readings):
        count = len(reading.shown)
        mine = [
            SampleRange(
                first=max(window.first - reading.first, 0),
                last=min(window.last - reading.first, count),
                to_end=window.to_end and place == len(readings) - 1,
            )
            for window in windows
            if window.first - reading.first < count and window.last > reading.first
        ]
        if mine:
            _sample(reading, mine, found, tools=tools, runner=runner, work=work)
    return found


def _sample(
    reading: SampledFile,
    windows: Sequence[SampleRange],
    found: SourceSamples,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> None:
    def shots(spans: Sequence[DecodeRange]) -> tuple[DecodedRange | None, ...]:
        return decode_ranges(
            reading.plain, spans, found.shape, pixels=reading.pixels, tools=tools, runner=runner, work=work
        )

    times = frame_times_us(reading.shown, reading.track.timescale)
    begins = reading.exact and windows[0].first == 0
    head_span = _span(reading, windows[0], times, 0) if begins else DecodeRange()
    (head,) = shots([head_span])
    offset = _offset(reading, head, times)
    known = [head] if begins and not offset else []  # the first window, read already
    looks = [*known, *shots([_span(reading, each, times, offset) for each in windows[len(known) :]])]
    for window, look in zip(windows, looks, strict=True):
        if look is None:
            continue
        if not found.frames:  # as all frames are displayed whose size changes in mid-stream
            found.aspect = look.aspect
        _assign(reading, window, look.shots, times, offset, found)


def _offset(reading: SampledFile, head: DecodedRange | None, times: np.ndarray) -> int:
    """What FFmpeg's timestamps are ahead of the index's (microseconds).

    Where an edit begins between two frames, FFmpeg moves the first frame behind it, and all others, to the
    edit's start: by less than a frame. Rewrapping moves a file's start to 0, wherever it was.
    """
    if head is None:
        return 0
    ahead = head.shots[0].time - int(times[0])
    return 0 if reading.exact and abs(ahead) >= frame_gap(times, 0) else ahead


def _assign(
    reading: SampledFile,
    window: SampleRange,
    shots: Sequence[DecodedFrame],
    times: np.ndarray,
    offset: int,
    found: SourceSamples,
) -> None:
    """Give each frame of the window what FFmpeg shows at its time."""
    moved = reading.begins - int(times[0])  # from this file's timeline to the whole source's
    left = list(shots)
    for frame in range(window.first, window.last):
        within = frame_gap(times, frame) // 2
        shot = min(left, key=lambda each: abs(each.time - offset - int(times[frame])), default=None)
        if shot is None or abs(shot.time - offset - int(times[frame])) > within:
            found.missing.append(reading.first + frame)
            continue
        left.remove(shot)
        found.frames[reading.first + frame] = _moved(shot, moved - offset)
    found.strays += [shot.time - offset + moved for shot in left]
    if window.to_end:
        final = max(shots, key=lambda each: each.time)
        found.end = final.time + final.duration - offset + moved
        found.slack = _slack(reading, times)


def _slack(reading: SampledFile, times: np.ndarray) -> int:
    """Microseconds by which FFmpeg's duration of the last frame may differ from the real one.

    With reordering it is that of the sample decoded last; where the edit list alone says how long the last
    frame is shown, that is in no sample's duration; and some decoders (VP9) give each frame the usual one.
    Of a frame that is reordered, or longer than usual, nothing but its start is known.
    """
    shown = reading.shown
    usual = int(np.diff(times[-_REORDERED:]).max(initial=0))
    length = _rounded_up(int(shown.end) - int(shown.pts[-1]), reading.track.timescale)
    reordered = int(shown.sample[-1]) != len(reading.track.samples) - 1
    return max(usual, length) if reordered or length > usual * _LONGER else usual


def _moved(shot: DecodedFrame, by: int) -> DecodedFrame:
    return DecodedFrame(time=shot.time + by, duration=shot.duration, rgb=shot.rgb)


def _span(reading: SampledFile, window: SampleRange, times: np.ndarray, offset: int) -> DecodeRange:
    shown, samples = reading.shown, reading.track.samples
    wanted = shown.sample[window.first : window.last]
    begin = _begin(reading, wanted)
    start, stop = range_bounds(times, window.first, window.last)
    seek = None
    if begin is not None:
        # A keyframe that an edit hides has a time as well: as far before the wanted frame as in the media.
        ticks = int(shown.pts[window.first]) + int(samples.pts[begin]) - int(samples.pts[wanted[0]])
        seek = _rounded_up(ticks, reading.track.timescale) + offset
        seek = seek if reading.exact else seek - _EARLIER
    return DecodeRange(
        seek=seek if seek is not None and seek > 0 else None,
        start=None if start is None else start + offset,
        stop=None if stop is None or window.to_end else stop + offset,
        count=window.last - window.first,
    )


def _begin(reading: SampledFile, wanted: np.ndarray) -> int | None:
    """The sync sample (decode order) to decode from; None: from the start of the file.

    Where seeking is not exact, the one before: what a decoder shows first after a seek may be damaged.
    """
    samples = reading.track.samples
    spacing = np.diff(reading.shown.pts)
    if reading.plain.demuxer == "avi" and len(spacing) and spacing.min() != spacing.max():
        return None  # FFmpeg counts AVI's frames from where it seeks to: those that were dropped are missed
    starts = np.flatnonzero(samples.sync[: int(wanted.min()) + 1])
    usable = starts[samples.pts[starts] <= int(samples.pts[wanted].min())]
    skipped = 0 if reading.exact else 1
    for number in usable[: -_MOST_TRIED - 1 : -1].tolist():
        if reading.can_begin(number):
            if not skipped:
                return int(number) or None
            skipped -= 1
    return None


def required_samples(reading: SampledFile, first: int, last: int) -> tuple[int, int]:
    """The samples [start, stop) in decode order that FFmpeg reads to show the file's frames [first, last)."""
    wanted = reading.shown.sample[first:last]
    return _begin(reading, wanted) or 0, int(wanted.max()) + 1


def range_bounds(times: np.ndarray, first: int, last: int) -> tuple[int | None, int | None]:
    """Microseconds between which the frames [first, last) begin and no others; None at either end."""
    start = None if first == 0 else (int(times[first - 1]) + int(times[first]) + 1) // 2
    stop = None if last == len(times) else (int(times[last - 1]) + int(times[last]) + 1) // 2
    return start, stop


def frame_gap(times: np.ndarray, frame: int) -> int:
    """Microseconds to the nearer neighbour of a frame; a second where it has none."""
    before = int(times[frame] - times[frame - 1]) if frame else SECOND_US
    after = int(times[frame + 1] - times[frame]) if frame + 1 < len(times) else SECOND_US
    return max(min(before, after), 2000)


def frame_times_us(shown: Presentation, timescale: int) -> np.ndarray:
    """int64[n]: when each frame is shown."""
    whole, rest = shown.pts // timescale, shown.pts % timescale
    return np.asarray(whole * SECOND_US + (rest * SECOND_US + timescale // 2) // timescale, np.int64)


def _rounded_up(ticks: int, timescale: int) -> int:
    return -(-ticks * SECOND_US // timescale)
