"""The independent part of a rendition's proof: its frames against FFmpeg's own decode of the original file.

Both sides are small RGB canvases that a plain FFmpeg command gave (`frame_canvases`), paired by the times
that FFmpeg says. A frame must be its own source frame: not another one, not mirrored, turned, stretched or in
other colours, as far as these differ measurably, and near it in colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import ProofError
from eddyline.media.frame_verification.decode import SECOND_US, DecodedFrame, RgbImage
from eddyline.media.frame_verification.image_metrics import block_means, mean_squared_error, psnr
from eddyline.media.frame_verification.simulated_faults import COLOUR_FAULTS, GEOMETRY_FAULTS, Image

# One frame speaks for itself where the alternative differs by 2.5 levels (root mean square) and leaves less
# than 40 % of the error. An encoder that lags behind a change shows what was there before, so frames behind
# a keyframe must be clearer still. Noise that it removed is as far from its own frame as from the next.
_CLEAR_RMS, _CLEAR_SHARE = 2.5, 0.4
_LAGGING_RMS, _LAGGING_SHARE = 6.0, 0.1
# All frames of a rendition together speak at smaller differences, for a codec's errors have no direction:
# `towards` is how far the rendition lies on the way from its source frames (0) to the alternative (1).
_JOINT_RMS, _JOINT_SHARE, _JOINT_TOWARDS = 0.8, 0.75, 0.6
_NEARER = 0.75
_WORST_DB, _MOST_OFFSET = 20.0, 8.0
_TONEMAPPED_DB, _TONEMAPPED_OFFSET = 14.0, 32.0
_DEGREE: Final = 3  # of the polynomial that maps one tone mapping's values to another's


@dataclass(frozen=True, kw_only=True)
class SourceFrame:
    """A frame of the original: its number in the index, its time in microseconds, and its canvas."""

    frame: int
    time: int
    rgb: RgbImage


@dataclass(frozen=True, kw_only=True)
class RenditionFrame:
    """A rendition's canvas and the number of its source frame among those given.

    `key`: it is a keyframe; `since` is the number of the keyframe that it is decoded from.
    """

    own: int
    rgb: RgbImage
    key: bool
    since: int


@dataclass(frozen=True, kw_only=True)
class FrameSamples:
    """What was compared: how many frames, and the lowest PSNR among them in dB."""

    compared: int
    worst_psnr_db: float


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """Why a rendition is not its source: the frame, and what it looks like instead; canvases as evidence."""

    frame: int
    time: int
    looks: str
    source: RgbImage
    rendition: RgbImage


class FrameMismatchError(ProofError):
    """A frame of a rendition is not the source's; `mismatch` has both canvases."""

    def __init__(self, rendition: str, mismatch: Mismatch) -> None:
        super().__init__(
            f"{rendition}: frame {mismatch.frame} at {mismatch.time / SECOND_US:.3f} s is {mismatch.looks},"
            " compared with FFmpeg's own decode of the original"
        )
        self.mismatch = mismatch


@dataclass(frozen=True, kw_only=True)
class _Alike:
    """The pair at `place` resembles something else: `left` is the mean squared error that is left then."""

    place: int
    left: float
    looks: str = ""


@dataclass(kw_only=True)
class _Comparison:
    """The canvases of one rendition and of their source frames, as float64."""

    sources: Sequence[SourceFrame]
    pairs: Sequence[RenditionFrame]
    tonemapped: bool
    shown: list[Image] = field(init=False)
    made: list[Image] = field(init=False)

    def __post_init__(self) -> None:
        self.shown = [each.rgb.astype(np.float64) for each in self.sources]
        self.made = [each.rgb.astype(np.float64) for each in self.pairs]

    def mismatch(self) -> Mismatch | None:
        """What is wrong, by what it resembles most; None where all is right."""
        own = [self.shown[pair.own] for pair in self.pairs]
        errors = np.array(
            [mean_squared_error(s, r) for s, r in zip(self._matched(own), self.made, strict=True)]
        )
        found = [
            replace(alike, looks=looks)
            for looks, alternative in GEOMETRY_FAULTS.items()
            if (alike := self._resembles([alternative(each) for each in own], own, errors))
        ]
        found += [] if self.tonemapped else self._of_other_colours(own)
        found += self._of_neighbours(own, errors)
        found = found or self._of_other_times(own, errors)
        if found:
            most = min(found, key=lambda alike: alike.left)
            return self._told(most.place, most.looks)
        return self._far(own, errors)

    def _of_other_colours(self, own: list[Image]) -> list[_Alike]:
        """By means of blocks: a wrong conversion moves large areas, lost chroma noise single pixels."""
        shown, made = [block_means(each) for each in own], [block_means(each) for each in self.made]
        errors = np.array([mean_squared_error(s, r) for s, r in zip(shown, made, strict=True)])
        found: list[_Alike] = []
        for looks, alternative in COLOUR_FAULTS.items():
            others = [block_means(alternative(each)) for each in own]
            alike = self._resembles(others, shown, errors, made=made)
            found += [replace(alike, looks=looks)] if alike else []
        return found

    def _of_neighbours(self, own: list[Image], errors: npt.NDArray[np.float64]) -> list[_Alike]:
        by_frame = {each.frame: place for place, each in enumerate(self.sources)}
        found: list[_Alike] = []
        for step, name in ((-1, "the frame before it"), (1, "the frame behind it")):
            places = [by_frame.get(self.sources[pair.own].frame + step) for pair in self.pairs]
            there = [at for at, place in enumerate(places) if place is not None]
            others = [self.shown[places[at] or 0] for at in there]
            theirs = [own[at] for at in there]
            alike = self._resembles(others, theirs, errors[there], there)
            if alike is None and self.tonemapped:
                alike = self._nearer(others, theirs, there)
            found += [replace(alike, looks=name)] if alike else []
        return found

    def _nearer(self, others: Sequence[Image], own: Sequence[Image], places: Sequence[int]) -> _Alike | None:
        """A keyframe that lies nearer to its neighbour, by one curve for both.

        Two tone mappings differ by more than a curve can say, but much alike in neighbouring frames: what
        counts is how far the rendition lies on the way from the one to the other.
        """
        if not places:
            return None
        made = [self.made[at] for at in places]
        curve = _curve(own, made)
        for at, a, s, r in zip(places, _through(curve, others), _through(curve, own), made, strict=True):
            step = a - s
            length = float((step * step).sum())
            clear = self.pairs[at].key and length >= _CLEAR_RMS**2 * step.size
            if clear and float((step * (r - s)).sum()) > _NEARER * length:
                return _Alike(place=at, left=mean_squared_error(a, r))
        return None

    def _of_other_times(self, own: list[Image], errors: npt.NDArray[np.float64]) -> list[_Alike]:
        if self.tonemapped:
            return []  # a curve for one frame alone makes almost any other fit
        found: list[_Alike] = []
        for at, pair in enumerate(self.pairs):
            for place, source in enumerate(self.sources):
                if pair.since <= source.frame < self.sources[pair.own].frame:
                    continue  # an encoder without bits repeats what it coded since the keyframe, as in noise
                left = mean_squared_error(self.shown[place], self.made[at])
                far = mean_squared_error(self.shown[place], own[at])
                if place != pair.own and _is_clear(far, float(errors[at]), left, key=pair.key):
                    looks = f"the source's frame {source.frame}, at {source.time / SECOND_US:.3f} s"
                    found.append(_Alike(place=at, left=left, looks=looks))
        return found

    def _resembles(
        self,
        others: Sequence[Image],
        own: Sequence[Image],
        errors: npt.NDArray[np.float64],
        places: Sequence[int] | None = None,
        *,
        made: Sequence[Image] | None = None,
    ) -> _Alike | None:
        """Whether the pairs at `places` (None: all) resemble their alternatives in `others` instead.

        `made` are the rendition's canvases where they are others than those compared elsewhere.
        """
        if not others:
            return None
        numbers = list(range(len(own))) if places is None else list(places)
        made = [(self.made if made is None else made)[at] for at in numbers]
        matched, expected = self._matched(others, made), self._matched(own, made)
        far = np.array([mean_squared_error(a, s) for a, s in zip(others, own, strict=True)])
        left = np.array([mean_squared_error(a, r) for a, r in zip(matched, made, strict=True)])
        clear = [
            index
            for index, at in enumerate(numbers)
            if _is_clear(far[index], errors[index], left[index], key=self.pairs[at].key)
        ]
        if clear:
            most = max(clear, key=lambda index: float(errors[index] - left[index]))
            return _Alike(place=numbers[most], left=float(left[most]))
        differ = [np.subtract(a, s) for a, s in zip(matched, expected, strict=True)]
        moved = sum(float((d * (r - s)).sum()) for d, r, s in zip(differ, made, expected, strict=True))
        length = sum(float((d * d).sum()) for d in differ)
        measurable = far.mean() >= _JOINT_RMS**2 and length > 0
        if measurable and moved >= _JOINT_TOWARDS * length and left.sum() < _JOINT_SHARE * errors.sum():
            most = int(np.argmax(errors - left))
            return _Alike(place=numbers[most], left=float(left[most]))
        return None

    def _far(self, own: list[Image], errors: npt.NDArray[np.float64]) -> Mismatch | None:
        """Not recognisable as anything, but too far from the source."""
        least, most = (_TONEMAPPED_DB, _TONEMAPPED_OFFSET) if self.tonemapped else (_WORST_DB, _MOST_OFFSET)
        for at, (shown, made) in enumerate(zip(own, self.made, strict=True)):
            offset = np.abs((made - shown).mean(axis=(0, 1)))
            if offset.max() > most:
                channel = ("red", "green", "blue")[int(offset.argmax())]
                return self._told(
                    at, f"off in colour: {channel} differs by {offset.max():.1f} of 255 on average"
                )
            if psnr(float(errors[at])) < least:
                return self._told(at, f"not the source's picture (PSNR {psnr(float(errors[at])):.1f} dB)")
        return None

    def _matched(self, canvases: Sequence[Image], made: Sequence[Image] | None = None) -> list[Image]:
        """With one tone mapping's values in place of another's, where there are two; else as they are."""
        if not self.tonemapped:
            return list(canvases)
        return _through(_curve(canvases, self.made if made is None else made), canvases)

    def _told(self, at: int, looks: str) -> Mismatch:
        pair = self.pairs[at]
        source = self.sources[pair.own]
        return Mismatch(
            frame=source.frame, time=source.time, looks=looks, source=source.rgb, rendition=pair.rgb
        )

    def result(self) -> FrameSamples:
        """The figures of a comparison without mismatch."""
        own = self._matched([self.shown[pair.own] for pair in self.pairs])
        worst = max(mean_squared_error(s, r) for s, r in zip(own, self.made, strict=True))
        return FrameSamples(compared=len(self.pairs), worst_psnr_db=round(psnr(worst), 1))


def compare_frames(
    rendition: str,
    sources: Sequence[SourceFrame],
    pairs: Sequence[RenditionFrame],
    *,
    tonemapped: bool = False,
) -> FrameSamples:
    """Compare a rendition's frames with the original's. Raises `FrameMismatchError`.

    `tonemapped`: the source is HDR and the rendition SDR. Its canvases went through another tone mapping, so
    values are first mapped by one smooth curve a channel for all frames together, colours are held to a
    looser tolerance, and the faults of colour matrix and range are not told apart.
    """
    if not pairs:
        raise ProofError(f"{rendition}: not one frame could be compared with FFmpeg's decode of the original")
    comparison = _Comparison(sources=sources, pairs=pairs, tonemapped=tonemapped)
    found = comparison.mismatch()
    if found is not None:
        raise FrameMismatchError(rendition, found)
    return comparison.result()


def verify_aspect(rendition: str, source: Fraction, made: Fraction, width: int, height: int) -> None:
    """See that a rendition of `width` x `height` pixels is displayed as its source is. Raises `ProofError`.

    Sizes are rounded to even pixels, which may move the aspect by two pixels of the shorter side.
    """
    allowed = Fraction(2, max(min(width, height), 1)) + Fraction(1, 200)
    if abs(made / source - 1) > allowed:
        raise ProofError(
            f"{rendition}: stretched: it is displayed at {float(made):.4f}:1, the original at"
            f" {float(source):.4f}:1 by FFmpeg's own reading"
        )


def nearest_frame(shots: Sequence[DecodedFrame], time: int, within: int) -> DecodedFrame | None:
    """The frame shown nearest to `time`, at most `within` microseconds away."""
    found = min(shots, key=lambda shot: abs(shot.time - time), default=None)
    return found if found is not None and abs(found.time - time) <= within else None


def _is_clear(far: float, error: float, left: float, *, key: bool) -> bool:
    rms, share = (_CLEAR_RMS, _CLEAR_SHARE) if key else (_LAGGING_RMS, _LAGGING_SHARE)
    return far >= rms**2 and left < share * error


def _curve(canvases: Sequence[Image], made: Sequence[Image]) -> list[npt.NDArray[np.floating[Any]]]:
    """The polynomial for each channel that brings all canvases together nearest to `made`."""
    stack, wanted = np.stack(canvases) / 255, np.stack(made)
    return [
        np.linalg.lstsq(
            np.vander(stack[..., channel].ravel(), _DEGREE + 1), wanted[..., channel].ravel(), rcond=None
        )[0]
        for channel in range(3)
    ]


def _through(curve: Sequence[npt.NDArray[np.floating[Any]]], canvases: Sequence[Image]) -> list[Image]:
    """The canvases with the curve applied to their values."""
    channels = [np.polyval(factors, np.stack(canvases)[..., at] / 255) for at, factors in enumerate(curve)]
    return list(np.clip(np.stack(channels, axis=-1), 0, 255))


def source_frames(frames: Mapping[int, DecodedFrame]) -> tuple[SourceFrame, ...]:
    """Source frames by their number in the index, in order."""
    return tuple(
        SourceFrame(frame=frame, time=shot.time, rgb=shot.rgb) for frame, shot in sorted(frames.items())
    )
