"""Merges the chapters of one recording into one file; every sample is copied.

Only counters in the telemetry change (TSMP, STMP; see `gpmf.edit.chapters`), and HiLights, which move by the
length of the previous chapters. The output is read back and compared before it is renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import EddylineError
from eddyline.edit.cancellable_reads import never_stop
from eddyline.edit.merge.chapters import (
    Source,
    order_chapters,
    parse_chapter_name,
    split_by_folder,
)
from eddyline.edit.merge.continuity import require_continuous
from eddyline.edit.merge.merge_plan import Chapter, Plan, open_chapters, plan_merge
from eddyline.edit.merge.merge_verification import verify_merge
from eddyline.gpmf.edit import chapters as telemetry_chapters
from eddyline.gpmf.edit import hilight_edit
from eddyline.gpmf.payloads import join_payloads
from eddyline.media.chapters.nero_chapters import merge_nero_lists
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.mux import COMPATIBLE_BRANDS, write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, link_references


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The result: size, SHA-256 (hex), frames, duration, telemetry payloads, and the chapters in order."""

    bytes: int
    sha256: str
    frames: int
    duration_s: float
    payloads: int
    chapters: tuple[Path, ...]


def merge(
    paths: Sequence[Path], out: Path, *, force: bool = False, check: Callable[[], None] = never_stop
) -> Merged:
    """Write the chapters `paths`, given in any order, to `out`, which appears only after it is verified.

    `check` is called before each read and raises to cancel.

    Raises:
        UsageError, InputError: the files are not the chapters of one recording (with `force`, one may be
        missing
            or recorded at another time).
        UnsupportedError: a chapter was edited.
        ProofError: the output differs from the chapters.
    """
    ordered = order_chapters(paths, force=force)
    if not force and any(parse_chapter_name(path.name) for path in ordered):
        with ExitStack() as stack:
            _require_continuous(ordered, open_chapters(ordered, stack, check))
    with atomic_output(out) as aside:
        return join_chapters(ordered, aside.file, check=check)


def is_one_recording(paths: Sequence[Source]) -> bool:
    """Return whether these chapters, in order, can be merged into one recording.

    Raises transient errors, so that the caller can retry.
    """
    try:
        with ExitStack() as stack:
            chapters = open_chapters(paths, stack, never_stop)
            _require_continuous(paths, chapters)
            plan_merge(chapters)
    except EddylineError as error:
        if error.retry:
            raise
        return False
    return True


def _require_continuous(paths: Sequence[Source], chapters: Sequence[Chapter]) -> None:
    """Check that chapters of several directories follow each other in time. Raises `InputError`."""
    if len(split_by_folder(paths)) > 1:
        require_continuous(chapters)


def join_chapters(paths: Sequence[Path], out: Path, *, check: Callable[[], None] = never_stop) -> Merged:
    """Write chapters in the given order, and verify the output by reading it back.

    `out` should be a temporary name; telemetry is buffered in a file beside it. `check` is called before each
    read and raises to cancel.
    """
    raw = out.with_name(f"{out.name}.gpmf")
    with ExitStack() as stack:
        chapters = open_chapters(paths, stack, check)
        plan = plan_merge(chapters)
        try:
            tracks = _with_telemetry(chapters, plan, raw)
            movie = chapters[0].movie
            written = write_mp4(
                out,
                link_references(movie.tracks, tracks),
                timescale=plan.timescale,
                creation_time=movie.creation_time,
                udta=_udta(chapters, plan),
                meta=movie.meta,
                matrix=movie.matrix,
                brand="qt  " if movie.quicktime else movie.brand,
                compatible=("qt  ",) if movie.quicktime else COMPATIBLE_BRANDS,
            )
            verify_merge(out, [(each.src, each.movie) for each in chapters], plan.joins)
        except BaseException:
            out.unlink(missing_ok=True)
            raise
        finally:
            raw.unlink(missing_ok=True)
    telemetry = [each.movie.first_track("telemetry") for each in chapters]
    return Merged(
        bytes=written.bytes,
        sha256=written.sha256,
        frames=sum(len(each.shown) for each in chapters),
        duration_s=plan.chapter_starts[-1] / plan.clock,
        payloads=sum(len(track.samples) for track in telemetry if track is not None),
        chapters=tuple(paths),
    )


def _with_telemetry(chapters: Sequence[Chapter], plan: Plan, raw: Path) -> list[OutputTrack]:
    """Return the tracks with telemetry payloads of one continuous recording, stored in the file `raw`."""
    out = list(plan.tracks)
    with raw.open("wb") as file:
        for at, track in enumerate(chapters[0].movie.tracks):
            if track.kind != "telemetry":
                continue
            sizes, start = [], file.tell()
            for data, size in _merged_payloads(chapters, at, plan):
                padded = size + -size % 4
                ends = np.cumsum(padded)
                for begin, length in zip((ends - padded).tolist(), size.tolist(), strict=True):
                    file.write(data[begin : begin + length])
                sizes.append(size)
            size = np.concatenate(sizes)
            piece = Piece(source=raw, offset=start + np.cumsum(size) - size, size=size)
            out[at] = replace(out[at], pieces=(piece,))
    return out


def _merged_payloads(chapters: Sequence[Chapter], at: int, plan: Plan) -> list[tuple[bytes, np.ndarray]]:
    chapter_payloads = []
    for number, each in enumerate(chapters):
        track = each.movie.tracks[at]
        samples = track.samples
        start = samples.pts / track.timescale
        payloads = join_payloads(
            list(iter_samples(each.src, track)),
            offset=samples.offset,
            start_s=start,
            end_s=start + samples.duration / track.timescale,
        )
        chapter_payloads.append(
            telemetry_chapters.Chapter(payloads=payloads, start_s=plan.chapter_starts[number] / plan.clock)
        )
    merged = telemetry_chapters.merge_chapters(chapter_payloads)
    return [(data, each.movie.tracks[at].samples.size) for data, each in zip(merged, chapters, strict=True)]


def _udta(chapters: Sequence[Chapter], plan: Plan) -> bytes | None:
    if all(each.movie.udta is None for each in chapters):
        return None
    udta = hilight_edit.merge_hilights(
        [
            hilight_edit.HilightChapter(
                udta=each.movie.udta or b"", start_ms=plan.chapter_start(number, 1000)
            )
            for number, each in enumerate(chapters)
        ]
    )
    begins = [Fraction(plan.chapter_starts[number], plan.clock) for number in range(len(chapters))]
    return merge_nero_lists(
        udta, [(each.movie.udta, begin) for each, begin in zip(chapters, begins, strict=True)]
    )
