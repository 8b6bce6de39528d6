"""Where a stretch of frames can be cut from a track without encoding, and the frames at its ends that cannot.

    frames      first ........ begin ................ stop .... last
                |  encoded     |  copied, untouched   | encoded |

The copied stretch begins at a random access point and ends where the frames decoded so far are just those
shown so far. Leading pictures of an open GOP need what is cut off before them: they are among the encoded.

H.264 with open GOPs has I pictures that go on counting from the pictures before; behind another encoder's
they would be dropped. There the copy begins at the keyframe before `first`, and an edit hides what it has too
much in front: `begin` is then less than `first`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.media.video.parameter_sets import read_parameter_sets
from eddyline.mp4.bitstream.nal_units import IDR, nal_unit_type, split_nal_units
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.samples.random_access import is_random_access_point

_AVC = frozenset({"avc1", "avc3"})
_MOST_TRIED = 4096


@dataclass(frozen=True, kw_only=True)
class CutPlan:
    """Presented frames [first, last) of a track: [begin, stop) are copied, those at both sides encoded.

    Where begin < first, the frames [begin, first) are copied too, but hidden. `samples` are the copied ones,
    in decode order; there are none where begin == stop.
    """

    first: int
    last: int
    begin: int
    stop: int
    samples: Ints

    @property
    def head(self) -> tuple[int, int]:
        """The frames to encode in front."""
        return self.first, max(self.first, self.begin)

    @property
    def hidden(self) -> int:
        """Copied frames in front that an edit hides."""
        return max(self.first - self.begin, 0)

    @property
    def copied(self) -> int:
        """Frames shown that are copied."""
        return self.stop - max(self.first, self.begin)

    @property
    def encoded(self) -> int:
        """Frames shown that are encoded."""
        return self.last - self.first - self.copied

    @property
    def tail(self) -> tuple[int, int]:
        """The frames to encode behind."""
        return self.stop, self.last


def plan_exact_cut(src: ByteRanges, track: Track, shown: Presentation, first: int, last: int) -> CutPlan:
    """The cut of exactly the frames [first, last)."""
    ranks = _ranks(track, shown)
    for sample in _beginnings(track, ranks, first, last):
        if not is_random_access_point(src, track, sample):
            continue
        begin = int(ranks[sample])
        if begin > first and not _begins_anew(src, track, sample):
            return _with_lead(src, track, ranks, first, last) or _nothing_copied(first, last)
        samples = _whole(_run(ranks, sample, begin, last), ranks, begin)
        if len(samples):
            return CutPlan(first=first, last=last, begin=begin, stop=begin + len(samples), samples=samples)
    return _nothing_copied(first, last)


def _with_lead(src: ByteRanges, track: Track, ranks: Ints, first: int, last: int) -> CutPlan | None:
    """The cut that begins at the keyframe before; None where there is none or it has nothing to show."""
    sample = _keyframe_before(src, track, ranks, first)
    if sample is None:
        return None
    begin = int(ranks[sample])
    samples = _whole(_run(ranks, sample, begin, last), ranks, begin)
    if begin + len(samples) <= first:
        return None
    return CutPlan(first=first, last=last, begin=begin, stop=begin + len(samples), samples=samples)


def _nothing_copied(first: int, last: int) -> CutPlan:
    return CutPlan(first=first, last=last, begin=last, stop=last, samples=np.zeros(0, np.int64))


def plan_keyframe_cut(src: ByteRanges, track: Track, shown: Presentation, first: int, last: int) -> CutPlan:
    """The smallest cut without encoding that has the frames [first, last): it may begin and end outside.

    Raises `UnsupportedError` where no keyframe is shown at or before the first frame.
    """
    ranks = _ranks(track, shown)
    sample = _keyframe_before(src, track, ranks, first)
    if sample is None:
        raise UnsupportedError(
            "no keyframe is shown at or before the first frame wanted", remedy="cut without --keyframes"
        )
    begin = int(ranks[sample])
    run = _run(ranks, sample, begin, len(shown))
    done = np.maximum.accumulate(ranks[run]) - begin + 1 == np.arange(1, len(run) + 1)
    enough = np.flatnonzero(done & (np.arange(len(run)) + begin + 1 >= last))
    whole = enough[:1] if len(enough) else np.flatnonzero(done)[-1:]
    samples = run[: int(whole[0]) + 1]
    stop = begin + len(samples)
    return CutPlan(first=begin, last=stop, begin=begin, stop=stop, samples=samples)


def _keyframe_before(src: ByteRanges, track: Track, ranks: Ints, first: int) -> int | None:
    """The last sample shown at or before frame `first` where decoding can begin."""
    starts = np.flatnonzero(track.samples.sync & (ranks >= 0) & (ranks <= first))
    tried = starts[np.argsort(ranks[starts])][: -_MOST_TRIED - 1 : -1].tolist()
    return next((at for at in tried if is_random_access_point(src, track, at)), None)


def _begins_anew(src: ByteRanges, track: Track, sample: int) -> bool:
    """Whether nothing decoded before matters from here on: in H.264 at an IDR picture alone."""
    if track.format not in _AVC:
        return True
    size = read_parameter_sets(track.stsd, int(track.samples.description[sample])).length_size
    data = src.read(int(track.samples.offset[sample]), int(track.samples.size[sample]))
    return any(nal_unit_type("h264", unit) in IDR["h264"] for unit in split_nal_units(data, size))


def _whole(run: Ints, ranks: Ints, begin: int) -> Ints:
    """The longest start of a run whose frames are just those shown from `begin` on."""
    done = np.maximum.accumulate(ranks[run]) - begin + 1 == np.arange(1, len(run) + 1)
    ends = np.flatnonzero(done)
    return run[: int(ends[-1]) + 1] if len(ends) else run[:0]


def _ranks(track: Track, shown: Presentation) -> Ints:
    """For each sample which presented frame it is; -1 for those that an edit hides."""
    ranks = np.full(len(track.samples), -1, np.int64)
    ranks[shown.sample] = np.arange(len(shown), dtype=np.int64)
    return ranks


def _beginnings(track: Track, ranks: Ints, first: int, last: int) -> list[int]:
    """Sync samples shown within the range, the earliest first."""
    starts = np.flatnonzero(track.samples.sync & (ranks >= first) & (ranks < last))
    return [int(at) for at in starts[np.argsort(ranks[starts])][:_MOST_TRIED]]


def _run(ranks: Ints, sample: int, begin: int, last: int) -> Ints:
    """The samples from `sample` on without its leading pictures, up to the first beyond the range.

    A hidden sample ends the run, and so does a frame from `last` on that later ones may refer to: from there
    on, frames decoded and frames shown cannot be the same set again.
    """
    later = ranks[sample:]
    ends = np.flatnonzero((later < 0) | (later >= last))
    run = later[: int(ends[0])] if len(ends) else later
    found: Ints = np.flatnonzero(run >= begin).astype(np.int64) + sample
    return found
