"""Chapters of one recording as one file: nothing is encoded again, every sample is a copy.

Only the telemetry's running values change (TSMP, STMP: see `gpmf.edit.continued`), and the HiLights, which
move by the length of the chapters before. What was written is read back and compared before it gets its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import EddylineError
from eddyline.edit.cancellable_reads import never_stop
from eddyline.edit.merge.chapters import Place, by_folder, chapter_name, grouped, in_order
from eddyline.edit.merge.continuity import require_continuous
from eddyline.edit.merge.merge_plan import Chapter, Plan, opened, plan_of
from eddyline.edit.merge.merge_verification import prove
from eddyline.gpmf.edit import chapters as running
from eddyline.gpmf.edit import hilight_edit
from eddyline.gpmf.payloads import join_payloads
from eddyline.media.chapters.nero_chapters import merge_nero_lists
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.mux import COMPATIBLE_BRANDS, write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, link_references


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What was written: its length, SHA-256 (hex), frames, and the chapters in order."""

    bytes: int
    sha256: str
    frames: int
    duration_s: float
    payloads: int
    chapters: tuple[Path, ...]


def merge(
    paths: Sequence[Path], out: Path, *, force: bool = False, check: Callable[[], None] = never_stop
) -> Merged:
    """Write the chapters `paths`, in whatever order they are named, to `out`, which appears whole or not.

    `check` is called with every read and may raise, to stop.
    Raises `UsageError` and `InputError` for files that are not the chapters of one recording (with `force`,
    one may be missing in between, or filmed at another time), `UnsupportedError` for chapters that were
    edited, `ProofError`.
    """
    ordered = in_order(paths, force=force)
    if not force and any(chapter_name(path.name) for path in ordered):
        with ExitStack() as stack:
            _require_continuous(ordered, opened(ordered, stack, check))
    with atomic_output(out) as aside:
        return join_chapters(ordered, aside.file, check=check)


def recordings(footage: Sequence[Place]) -> list[tuple[Place, ...]]:
    """Footage by recording: chapters that can be merged together, in order; all else by itself.

    Footage is told by paths, or by addresses in a store. What is a chapter by its name alone (of another
    camera, say, or edited) stays apart.
    """
    return [recording for group in grouped(footage) for recording in _recordings(group)]


def _recordings(group: tuple[Place, ...]) -> list[tuple[Place, ...]]:
    if len(group) == 1 or _mergeable(group):
        return [group]
    folders = by_folder(group)
    for count in range(len(folders) - 1, 0, -1):
        head: tuple[Place, ...] = tuple(chain(*folders[:count]))
        tail: tuple[Place, ...] = tuple(chain(*folders[count:]))
        if count == 1 or _mergeable(head):
            return _recordings(head) + _recordings(tail)
    return [(path,) for path in group]


def _mergeable(paths: Sequence[Place]) -> bool:
    try:
        return are_one(paths)
    except EddylineError:
        return False


def are_one(paths: Sequence[Place]) -> bool:
    """Whether these, in order, can be merged into one recording.

    Raises what may pass by itself: whoever has to be sure asks again.
    """
    try:
        with ExitStack() as stack:
            chapters = opened(paths, stack, never_stop)
            _require_continuous(paths, chapters)
            plan_of(chapters)
    except EddylineError as error:
        if error.retry:
            raise
        return False
    return True


def _require_continuous(paths: Sequence[Place], chapters: Sequence[Chapter]) -> None:
    """Chapters of several folders have to follow each other in time. Raises `InputError`."""
    if len(by_folder(paths)) > 1:
        require_continuous(chapters)


def join_chapters(paths: Sequence[Path], out: Path, *, check: Callable[[], None] = never_stop) -> Merged:
    """Write chapters in the order given, and prove the result by reading it back.

    Telemetry that goes on is written to a file beside `out` meanwhile. Give a temporary name and rename.
    `check` is called with every read and may raise, to stop.
    """
    raw = out.with_name(f"{out.name}.gpmf")
    with ExitStack() as stack:
        chapters = opened(paths, stack, check)
        plan = plan_of(chapters)
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
            prove(out, [(each.src, each.movie) for each in chapters], plan.joins)
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
        duration_s=plan.places[-1] / plan.clock,
        payloads=sum(len(track.samples) for track in telemetry if track is not None),
        chapters=tuple(paths),
    )


def _with_telemetry(chapters: Sequence[Chapter], plan: Plan, raw: Path) -> list[OutputTrack]:
    """The tracks with their telemetry counted and timed as one recording, from the file `raw`."""
    out = list(plan.tracks)
    with raw.open("wb") as file:
        for at, track in enumerate(chapters[0].movie.tracks):
            if track.kind != "telemetry":
                continue
            sizes, start = [], file.tell()
            for data, size in _continued(chapters, at, plan):
                padded = size + -size % 4
                ends = np.cumsum(padded)
                for begin, length in zip((ends - padded).tolist(), size.tolist(), strict=True):
                    file.write(data[begin : begin + length])
                sizes.append(size)
            size = np.concatenate(sizes)
            piece = Piece(source=raw, offset=start + np.cumsum(size) - size, size=size)
            out[at] = replace(out[at], pieces=(piece,))
    return out


def _continued(chapters: Sequence[Chapter], at: int, plan: Plan) -> list[tuple[bytes, np.ndarray]]:
    told = []
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
        told.append(running.Chapter(payloads=payloads, start_s=plan.places[number] / plan.clock))
    made = running.merge_chapters(told)
    return [(data, each.movie.tracks[at].samples.size) for data, each in zip(made, chapters, strict=True)]


def _udta(chapters: Sequence[Chapter], plan: Plan) -> bytes | None:
    if all(each.movie.udta is None for each in chapters):
        return None
    udta = hilight_edit.merge_hilights(
        [
            hilight_edit.HilightChapter(udta=each.movie.udta or b"", start_ms=plan.place(number, 1000))
            for number, each in enumerate(chapters)
        ]
    )
    begins = [Fraction(plan.places[number], plan.clock) for number in range(len(chapters))]
    return merge_nero_lists(
        udta, [(each.movie.udta, begin) for each, begin in zip(chapters, begins, strict=True)]
    )
