"""Finds the frame of a rendition that matches something else than its own source frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from eddyline.media.frame_verification.frame_times import SECOND_US
from eddyline.media.frame_verification.image_metrics import block_means, mean_squared_error, psnr
from eddyline.media.frame_verification.png import RgbImage
from eddyline.media.frame_verification.simulated_faults import COLOUR_FAULTS, GEOMETRY_FAULTS, Image

# One frame is sufficient evidence if the alternative differs from the source frame by 2.5 levels (root mean
# square) and leaves less than 40 % of the error. An encoder that lags behind a change shows earlier content,
# so the thresholds are stricter for frames other than keyframes. Noise that the encoder removed is as far
# from its own frame as from the next one.
_CLEAR_RMS, _CLEAR_SHARE = 2.5, 0.4
_LAGGING_RMS, _LAGGING_SHARE = 6.0, 0.1
# Smaller differences count over all frames of a rendition together, because the errors of a codec have no
# direction: _JOINT_TOWARDS is a position on the way from the source frames (0) to the alternatives (1).
_JOINT_RMS, _JOINT_SHARE, _JOINT_TOWARDS = 0.8, 0.75, 0.6
_MIN_PSNR_DB, _MAX_OFFSET = 20.0, 8.0


@dataclass(frozen=True, kw_only=True)
class SourceFrame:
    """A frame of the original: its number in the index, its time in microseconds, and its pixels."""

    frame: int
    time: int
    rgb: RgbImage


@dataclass(frozen=True, kw_only=True)
class RenditionFrame:
    """The pixels of a rendition's frame; `source` is the place of its source frame among the sampled ones.

    `key`: it is a keyframe. `since` is the number of the keyframe from which it is decoded.
    """

    source: int
    rgb: RgbImage
    key: bool
    since: int


@dataclass(frozen=True, kw_only=True)
class Match:
    """The rendition frame at `place` matches an alternative; `error` is its mean squared error to that."""

    place: int
    error: float
    description: str = ""


@dataclass(kw_only=True)
class MismatchSearch:
    """Compares the frames of one rendition with their source frames and with alternatives.

    `originals` are the source frames of all rendition frames as float64, `errors` float64[n] the mean squared
    errors to them.
    """

    sources: Sequence[SourceFrame]
    frames: Sequence[RenditionFrame]
    source_images: list[Image] = field(init=False)
    images: list[Image] = field(init=False)
    originals: list[Image] = field(init=False)
    errors: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.source_images = [each.rgb.astype(np.float64) for each in self.sources]
        self.images = [each.rgb.astype(np.float64) for each in self.frames]
        self.originals = [self.source_images[each.source] for each in self.frames]
        self.errors = _errors(self.originals, self.images)

    @property
    def max_error(self) -> float:
        """The largest mean squared error of a rendition frame to its source frame."""
        return float(self.errors.max())

    def find(self) -> Match | None:
        """The mismatch with the least error to its alternative; None if all frames match."""
        found = [
            replace(match, description=description)
            for description, fault in GEOMETRY_FAULTS.items()
            if (match := self._match([fault(each) for each in self.originals], self.originals, self.errors))
        ]
        found += self._find_colour_faults()
        found += self._find_neighbours()
        found = found or self._find_other_frames()
        return min(found, key=lambda match: match.error) if found else self._find_distant_frame()

    def _find_colour_faults(self) -> list[Match]:
        """Compare block means: a wrong conversion changes large areas, lost chroma noise single pixels."""
        originals, images = ([block_means(each) for each in side] for side in (self.originals, self.images))
        errors = _errors(originals, images)
        found: list[Match] = []
        for description, fault in COLOUR_FAULTS.items():
            alternatives = [block_means(fault(each)) for each in self.originals]
            match = self._match(alternatives, originals, errors, images=images)
            found += [replace(match, description=description)] if match else []
        return found

    def _find_neighbours(self) -> list[Match]:
        by_frame = {each.frame: image for each, image in zip(self.sources, self.source_images, strict=True)}
        found: list[Match] = []
        for step, description in ((-1, "the frame before it"), (1, "the frame after it")):
            neighbours = {
                at: by_frame[number]
                for at, frame in enumerate(self.frames)
                if (number := self.sources[frame.source].frame + step) in by_frame
            }
            places, alternatives = list(neighbours), list(neighbours.values())
            originals = [self.originals[at] for at in places]
            match = self._match(alternatives, originals, self.errors[places], places)
            found += [replace(match, description=description)] if match else []
        return found

    def _find_other_frames(self) -> list[Match]:
        found: list[Match] = []
        for at, frame in enumerate(self.frames):
            for place, source in enumerate(self.sources):
                if frame.since <= source.frame < self.sources[frame.source].frame:
                    continue  # an encoder without bits repeats what it coded since the keyframe, as in noise
                error = mean_squared_error(self.source_images[place], self.images[at])
                distance = mean_squared_error(self.source_images[place], self.originals[at])
                own = float(self.errors[at])
                if place != frame.source and _is_clear(distance, own, error, key=frame.key):
                    description = f"the source's frame {source.frame}, at {source.time / SECOND_US:.3f} s"
                    found.append(Match(place=at, error=error, description=description))
        return found

    def _match(
        self,
        alternatives: Sequence[Image],
        originals: Sequence[Image],
        errors: npt.NDArray[np.float64],
        places: Sequence[int] | None = None,
        *,
        images: Sequence[Image] | None = None,
    ) -> Match | None:
        """The frame at one of `places` (None: all) that matches its image in `alternatives` best.

        `images` replaces the rendition's images where they are compared in another form.
        """
        if not alternatives:
            return None
        numbers = list(range(len(originals))) if places is None else list(places)
        images = [(self.images if images is None else images)[at] for at in numbers]
        distance, left = _errors(alternatives, originals), _errors(alternatives, images)
        clear = [
            index
            for index, at in enumerate(numbers)
            if _is_clear(distance[index], errors[index], left[index], key=self.frames[at].key)
        ]
        if clear:
            best = max(clear, key=lambda index: float(errors[index] - left[index]))
            return Match(place=numbers[best], error=float(left[best]))
        steps = [np.subtract(a, o) for a, o in zip(alternatives, originals, strict=True)]
        moved = sum(float((s * (i - o)).sum()) for s, i, o in zip(steps, images, originals, strict=True))
        length = sum(float((s * s).sum()) for s in steps)
        measurable = distance.mean() >= _JOINT_RMS**2 and length > 0
        if measurable and moved >= _JOINT_TOWARDS * length and left.sum() < _JOINT_SHARE * errors.sum():
            best = int(np.argmax(errors - left))
            return Match(place=numbers[best], error=float(left[best]))
        return None

    def _find_distant_frame(self) -> Match | None:
        """A frame that matches no alternative but is too far from its source frame."""
        for at, (original, image) in enumerate(zip(self.originals, self.images, strict=True)):
            error = float(self.errors[at])
            offset = np.abs((image - original).mean(axis=(0, 1)))
            if offset.max() > _MAX_OFFSET:
                channel = ("red", "green", "blue")[int(offset.argmax())]
                description = f"off in color: {channel} differs by {offset.max():.1f} of 255 on average"
                return Match(place=at, error=error, description=description)
            if psnr(error) < _MIN_PSNR_DB:
                description = f"not the source's frame (PSNR {psnr(error):.1f} dB)"
                return Match(place=at, error=error, description=description)
        return None


def _errors(a: Sequence[Image], b: Sequence[Image]) -> npt.NDArray[np.float64]:
    return np.array([mean_squared_error(x, y) for x, y in zip(a, b, strict=True)])


def _is_clear(distance: float, own_error: float, error: float, *, key: bool) -> bool:
    """Whether an alternative at `distance` from the source frame explains the rendition frame better."""
    rms, share = (_CLEAR_RMS, _CLEAR_SHARE) if key else (_LAGGING_RMS, _LAGGING_SHARE)
    return distance >= rms**2 and error < share * own_error
