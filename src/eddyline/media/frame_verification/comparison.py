"""Compares frames of a rendition with FFmpeg's own decode of the original file.

Both sides are small RGB frames from a plain FFmpeg command (`decode`), paired by FFmpeg's timestamps. A frame
must match its own source frame in content and colour. It must not be nearer to another source frame, or to
its own source frame mirrored, rotated, stretched or in other colours, where these differ measurably.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from eddyline.core.errors import ProofError
from eddyline.media.frame_verification.frame_times import SECOND_US
from eddyline.media.frame_verification.image_metrics import psnr
from eddyline.media.frame_verification.mismatch_search import MismatchSearch, RenditionFrame, SourceFrame
from eddyline.media.frame_verification.png import RgbImage


@dataclass(frozen=True, kw_only=True)
class FrameSamples:
    """The number of frames compared, and the lowest PSNR among them in dB."""

    compared: int
    worst_psnr_db: float


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """A frame that does not match its source frame, a description of what it shows, and both images."""

    frame: int
    time: int
    description: str
    source: RgbImage
    rendition: RgbImage


class FrameMismatchError(ProofError):
    """A frame of a rendition does not match its source frame; `mismatch` has both images."""

    def __init__(self, rendition: str, mismatch: Mismatch) -> None:
        super().__init__(
            f"{rendition}: frame {mismatch.frame} at {mismatch.time / SECOND_US:.3f} s is"
            f" {mismatch.description}, compared with FFmpeg's own decode of the original"
        )
        self.mismatch = mismatch


def compare_frames(
    rendition: str, sources: Sequence[SourceFrame], frames: Sequence[RenditionFrame]
) -> FrameSamples:
    """Compare a rendition's frames with the original's. Raises `FrameMismatchError`."""
    if not frames:
        raise ProofError(f"{rendition}: no frame could be compared with FFmpeg's decode of the original")
    search = MismatchSearch(sources=sources, frames=frames)
    found = search.find()
    if found is not None:
        frame = frames[found.place]
        source = sources[frame.source]
        raise FrameMismatchError(
            rendition,
            Mismatch(
                frame=source.frame,
                time=source.time,
                description=found.description,
                source=source.rgb,
                rendition=frame.rgb,
            ),
        )
    return FrameSamples(compared=len(frames), worst_psnr_db=round(psnr(search.max_error), 1))


def verify_aspect(rendition: str, source: Fraction, actual: Fraction, width: int, height: int) -> None:
    """Raise `ProofError` unless a rendition of `width` x `height` pixels has the source's display aspect.

    Sizes are rounded to even pixels, which may change the aspect by two pixels of the shorter side.
    """
    tolerance = Fraction(2, max(min(width, height), 1)) + Fraction(1, 200)
    if abs(actual / source - 1) > tolerance:
        raise ProofError(
            f"{rendition}: wrong display aspect ratio {float(actual):.4f}:1; FFmpeg displays the original at"
            f" {float(source):.4f}:1"
        )
