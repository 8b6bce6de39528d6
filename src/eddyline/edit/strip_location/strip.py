"""A recording without its location: a copy with what is known to be harmless, and nothing else.

Every box, track, entry and byte of the source is on an allow-list, or is left out of the copy and reported,
or the source is refused because what it holds cannot be judged (`strip_location`). Video, audio, time code
and motion sensors keep their samples, times and edits; the media is written from the samples of kept tracks
alone. The copy is read back by a reader of its own before it gets its name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eddyline.core.atomic_output import atomic_output
from eddyline.edit.cancellable_reads import CancellableReads, never_stop
from eddyline.edit.strip_location.copy_writer import Index, Written
from eddyline.edit.strip_location.fragments import Fragments, samples_in_fragments
from eddyline.edit.strip_location.leftovers import Leftovers, outermost
from eddyline.edit.strip_location.metadata import Metadata, note_keys
from eddyline.edit.strip_location.movie_boxes import MovieBoxes, brands
from eddyline.edit.strip_location.report import Report, Stripped
from eddyline.edit.strip_location.result_check import check_raw, check_result
from eddyline.edit.strip_location.track_kinds import Chooser
from eddyline.gpmf.edit.location import RemovedKeys, remove_location, remove_settings_location
from eddyline.gpmf.errors import GpmfError
from eddyline.gpmf.sources import MAX_BYTES, source_from_bytes
from eddyline.mp4.boxes import Box
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.layout import read_layout
from eddyline.mp4.movie import Limits
from eddyline.store.ranges import FileRanges

_RAW = b"DEVC"
_LONGEST_BRANDS = 4096


def strip_location(
    source: Path, out: Path, *, keep_titles: bool = False, check: Callable[[], None] = never_stop
) -> Stripped:
    """Write a copy of an MP4 (MOV, LRV, .360) or of raw GPMF to `out`, which appears whole or not at all.

    `keep_titles` keeps chapter titles and names of tracks, unless they hold coordinates. `check` is called
    with every read and may raise, to stop. Raises `GpmfError` for broken telemetry, `UnsupportedError` for
    video or audio that cannot be judged, `Mp4Error`, `ProofError` if a location is found in the copy.
    """
    with FileRanges(source) as file, atomic_output(out) as aside:
        src = CancellableReads(file, check)
        if src.size >= len(_RAW) and src.read(0, len(_RAW)) == _RAW:
            return _raw(src, aside.file)
        return _movie(src, aside.file, keep_titles=keep_titles, check=check)


def _raw(src: ByteRanges, out: Path) -> Stripped:
    if src.size > MAX_BYTES:
        raise GpmfError(f"{src.size} bytes of telemetry: more than {MAX_BYTES}, which no camera writes")
    data = src.read(0, src.size)
    source = source_from_bytes(data)
    report, removed = Report(), RemovedKeys()
    if source.settings:
        kept = [remove_settings_location(data, removed=removed)]
        report.payloads = int(kept[0] != data)
    else:
        blocks = [source.payloads[number] for number in range(len(source.payloads))]
        kept = [
            remove_location(block, offset=at, path=f"payload[{number}]", removed=removed)
            for number, (block, at) in enumerate(zip(blocks, source.payloads.offset.tolist(), strict=True))
        ]
        report.payloads = sum(a != b for a, b in zip(kept, blocks, strict=True))
    note_keys(report, "telemetry", removed)
    report.keep("telemetry", "known keys without positions")
    whole = b"".join(kept) if report.payloads else data
    out.write_bytes(whole)
    check_raw(out)
    return report.stripped(len(whole))


def _movie(src: ByteRanges, out: Path, *, keep_titles: bool, check: Callable[[], None]) -> Stripped:
    movie = read_movie(src)
    layout = read_layout(src, Limits())
    report = Report()
    later = samples_in_fragments(layout.moofs if movie.fragmented else ())
    choices = Chooser(src=src, movie=movie, report=report, keep_titles=keep_titles).choose()
    boxes = MovieBoxes(
        report=report,
        metadata=Metadata(report=report, keep_titles=keep_titles),
        choices=choices,
        fragmented=later,
    )
    head, tracks, tail = boxes.read(layout.moov)
    index = Index(first=_file_type(src, report), head=head, tail=tail, tracks=tracks)
    written = [Written.of(track) for track in tracks]
    Leftovers(src=src, report=report).note(movie)
    with out.open("wb", buffering=1 << 20) as file:
        index.write(file, src, written)
        if movie.fragmented and layout.moofs:
            numbers = [track.choice.track.number for track in tracks]
            at = {track.number: len(track.samples) - later[track.number] for track in movie.tracks}
            fragments = Fragments(src=src, choices=choices, report=report, at=at)
            for moof in layout.moofs:
                fragments.write(file, moof, dict(zip(numbers, written, strict=True)))
        size = file.tell()
    check_result(out, movie, tracks, written, report, check=check)
    return report.stripped(size)


def _file_type(src: ByteRanges, report: Report) -> bytes:
    """ftyp; none for QuickTime files without one."""
    for span in outermost(src):
        if span.kind == "ftyp":
            size = min(span.end - span.body, _LONGEST_BRANDS)
            body = memoryview(src.read(span.body, size))
            found = Box(kind="ftyp", raw=body, body=body, offset=span.body, path="ftyp")
            return brands(found, report)
    return b""
