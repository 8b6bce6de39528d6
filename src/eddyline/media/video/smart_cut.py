"""Selects the samples that a cut can copy, and the frames at its ends that have to be encoded.

    frames      start ........ copy_start ............ copy_stop .... stop
                |  encoded     |  copied, unchanged    | encoded      |

The copied range starts at a random access point and ends where the frames decoded so far are exactly those
shown so far. Leading pictures of an open GOP need frames before the cut, so they are among the encoded ones.

In H.264 with open GOPs, I pictures continue the frame numbers of the pictures before them, and after another
encoder's frames they would be dropped. There the copied range starts at the keyframe before `start`, and an
edit hides the surplus frames: `copy_start` is then less than `start`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.samples.random_access import is_idr, is_random_access_point

_AVC = frozenset({"avc1", "avc3"})
_MAX_TRIED = 4096


@dataclass(frozen=True, kw_only=True)
class CutPlan:
    """A cut of the presented frames [start, stop): [copy_start, copy_stop) are copied, the others encoded.

    If copy_start < start, the frames [copy_start, start) are copied too, but hidden. `samples` are the copied
    ones, in decode order; there are none if copy_start == copy_stop.
    """

    start: int
    stop: int
    copy_start: int
    copy_stop: int
    samples: Ints

    @property
    def head(self) -> tuple[int, int]:
        """The frames [start, stop) to encode before the copied ones."""
        return self.start, max(self.start, self.copy_start)

    @property
    def hidden(self) -> int:
        """The number of copied frames at the start that an edit hides."""
        return max(self.start - self.copy_start, 0)

    @property
    def copied(self) -> int:
        """The number of shown frames that are copied."""
        return self.copy_stop - max(self.start, self.copy_start)

    @property
    def encoded(self) -> int:
        """The number of shown frames that are encoded."""
        return self.stop - self.start - self.copied

    @property
    def tail(self) -> tuple[int, int]:
        """The frames [start, stop) to encode after the copied ones."""
        return self.copy_stop, self.stop


def plan_exact_cut(
    src: ByteRanges, track: Track, shown: Presentation, start: int, stop: int, *, joinable: bool = False
) -> CutPlan:
    """The cut of exactly the frames [start, stop).

    `joinable`: frames of another cut may precede it in one track, so it has no hidden frames and starts with
    an IDR picture; more frames may have to be encoded.
    """
    ranks = _ranks(track, shown)
    for sample in _sync_samples(track, ranks, start, stop):
        if not is_random_access_point(src, track, sample):
            continue
        copy_start = int(ranks[sample])
        if joinable and copy_start == start and not is_idr(src, track, sample):
            continue
        if copy_start > start and not _restarts_decoding(src, track, sample):
            if joinable:
                continue
            return _with_hidden_frames(src, track, ranks, start, stop) or _encode_all(start, stop)
        samples = _complete_prefix(_run(ranks, sample, copy_start, stop), ranks, copy_start)
        if len(samples):
            return _copy(start, stop, copy_start, samples)
    return _encode_all(start, stop)


def _with_hidden_frames(src: ByteRanges, track: Track, ranks: Ints, start: int, stop: int) -> CutPlan | None:
    """The cut that copies from the keyframe before `start`; None if it would show no copied frame."""
    sample = _keyframe_before(src, track, ranks, start)
    if sample is None:
        return None
    copy_start = int(ranks[sample])
    samples = _complete_prefix(_run(ranks, sample, copy_start, stop), ranks, copy_start)
    if copy_start + len(samples) <= start:
        return None
    return _copy(start, stop, copy_start, samples)


def _copy(start: int, stop: int, copy_start: int, samples: Ints) -> CutPlan:
    copy_stop = copy_start + len(samples)
    return CutPlan(start=start, stop=stop, copy_start=copy_start, copy_stop=copy_stop, samples=samples)


def _encode_all(start: int, stop: int) -> CutPlan:
    return _copy(start, stop, stop, np.zeros(0, np.int64))


def plan_keyframe_cut(src: ByteRanges, track: Track, shown: Presentation, start: int, stop: int) -> CutPlan:
    """The smallest cut without encoding that contains the frames [start, stop); it may be larger.

    Raises `UnsupportedError` if no keyframe is shown at or before the first frame.
    """
    ranks = _ranks(track, shown)
    sample = _keyframe_before(src, track, ranks, start)
    if sample is None:
        raise UnsupportedError(
            "no keyframe is shown at or before the first frame of the cut", remedy="cut without --keyframes"
        )
    copy_start = int(ranks[sample])
    run = _run(ranks, sample, copy_start, len(shown))
    complete = _complete_at(run, ranks, copy_start)
    enough = complete[complete + copy_start + 1 >= stop]
    last = enough[:1] if len(enough) else complete[-1:]
    samples = run[: int(last[0]) + 1]
    return _copy(copy_start, copy_start + len(samples), copy_start, samples)


def _keyframe_before(src: ByteRanges, track: Track, ranks: Ints, frame: int) -> int | None:
    """The last random access point shown at or before the frame."""
    starts = np.flatnonzero(track.samples.sync & (ranks >= 0) & (ranks <= frame))
    tried = starts[np.argsort(ranks[starts])][: -_MAX_TRIED - 1 : -1].tolist()
    return next((at for at in tried if is_random_access_point(src, track, at)), None)


def _restarts_decoding(src: ByteRanges, track: Track, sample: int) -> bool:
    """Whether earlier frames have no effect from here on: in H.264 only at an IDR picture."""
    return track.format not in _AVC or is_idr(src, track, sample)


def _complete_at(run: Ints, ranks: Ints, first: int) -> Ints:
    """The places in a run at which the frames decoded so far are exactly those shown from `first` on."""
    complete = np.maximum.accumulate(ranks[run]) - first + 1 == np.arange(1, len(run) + 1)
    return np.flatnonzero(complete).astype(np.int64)


def _complete_prefix(run: Ints, ranks: Ints, first: int) -> Ints:
    """The longest prefix of a run whose frames are exactly those shown from `first` on."""
    complete = _complete_at(run, ranks, first)
    return run[: int(complete[-1]) + 1] if len(complete) else run[:0]


def _ranks(track: Track, shown: Presentation) -> Ints:
    """The number of the presented frame of each sample; -1 for samples that an edit hides."""
    ranks = np.full(len(track.samples), -1, np.int64)
    ranks[shown.sample] = np.arange(len(shown), dtype=np.int64)
    return ranks


def _sync_samples(track: Track, ranks: Ints, start: int, stop: int) -> list[int]:
    """The sync samples shown in [start, stop), in display order."""
    starts = np.flatnonzero(track.samples.sync & (ranks >= start) & (ranks < stop))
    return [int(at) for at in starts[np.argsort(ranks[starts])][:_MAX_TRIED]]


def _run(ranks: Ints, sample: int, first: int, stop: int) -> Ints:
    """The samples from `sample` on without its leading pictures, up to the first one outside of the range.

    A hidden sample ends the run, and so does a frame from `stop` on, to which later frames may refer: after
    it, the decoded and the shown frames cannot be the same set again.
    """
    later = ranks[sample:]
    ends = np.flatnonzero((later < 0) | (later >= stop))
    run = later[: int(ends[0])] if len(ends) else later
    samples: Ints = np.flatnonzero(run >= first).astype(np.int64) + sample
    return samples
