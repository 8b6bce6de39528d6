"""Copies a recording without its location: the copy contains only data known to be harmless.

Every box, track, entry and byte of the source is kept because an allow-list names it, or removed and
reported, or the source is rejected because the part cannot be searched for a location. Video, audio,
timecode and motion sensors keep their samples, times and edits; the media consists of the samples of kept
tracks only. The copy is read back by an independent reader before it is renamed to its final name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eddyline.core.atomic_output import atomic_output
from eddyline.edit.cancellable_reads import CancellableReads, never_stop
from eddyline.edit.strip_location.boxes.file_type import rewrite_ftyp
from eddyline.edit.strip_location.boxes.movie_boxes import MovieBoxes
from eddyline.edit.strip_location.boxes.user_data import UserData, report_removed_keys
from eddyline.edit.strip_location.copy_writer import IndexWriter, WrittenTrack
from eddyline.edit.strip_location.fragments import FragmentWriter, samples_in_fragments
from eddyline.edit.strip_location.leftovers import Leftovers, top_level_boxes
from eddyline.edit.strip_location.report import Report, StripResult
from eddyline.edit.strip_location.result.check import check_raw, check_result
from eddyline.edit.strip_location.track_kinds import TrackSelector
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
) -> StripResult:
    """Writes a copy of an MP4 (MOV, LRV, .360) or raw GPMF file to `out`, atomically.

    `keep_titles` keeps chapter titles and track names that do not contain coordinates. `check` is called on
    every read and raises to cancel. Raises `GpmfError` for invalid telemetry, `UnsupportedError` for video or
    audio that cannot be searched, `Mp4Error`, and `ProofError` if the copy contains a location.
    """
    with FileRanges(source) as file, atomic_output(out) as temporary:
        src = CancellableReads(file, check)
        if src.size >= len(_RAW) and src.read(0, len(_RAW)) == _RAW:
            return _raw(src, temporary.file)
        return _movie(src, temporary.file, keep_titles=keep_titles, check=check)


def _raw(src: ByteRanges, out: Path) -> StripResult:
    if src.size > MAX_BYTES:
        raise GpmfError(f"{src.size} bytes of telemetry exceed the limit of {MAX_BYTES}")
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
    report_removed_keys(report, "telemetry", removed)
    report.record_kept("telemetry", "known keys without positions")
    whole = b"".join(kept) if report.payloads else data
    out.write_bytes(whole)
    check_raw(out)
    return report.result(len(whole))


def _movie(src: ByteRanges, out: Path, *, keep_titles: bool, check: Callable[[], None]) -> StripResult:
    movie = read_movie(src)
    layout = read_layout(src, Limits())
    report = Report()
    fragmented = samples_in_fragments(layout.moofs if movie.fragmented else ())
    selection = TrackSelector(src=src, movie=movie, report=report, keep_titles=keep_titles).select()
    boxes = MovieBoxes(
        report=report,
        user_data=UserData(report=report, keep_titles=keep_titles),
        selection=selection,
        fragmented=fragmented,
    )
    head, tracks, tail = boxes.read(layout.moov)
    index = IndexWriter(first=_file_type(src, report), head=head, tail=tail, tracks=tracks)
    written = [WrittenTrack.empty_for(track) for track in tracks]
    Leftovers(src=src, report=report).report_all(movie)
    with out.open("wb", buffering=1 << 20) as file:
        index.write(file, src, written)
        if movie.fragmented and layout.moofs:
            numbers = [track.selected.track.number for track in tracks]
            at = {track.number: len(track.samples) - fragmented[track.number] for track in movie.tracks}
            fragments = FragmentWriter(src=src, selection=selection, report=report, at=at)
            for moof in layout.moofs:
                fragments.write(file, moof, dict(zip(numbers, written, strict=True)))
        size = file.tell()
    check_result(out, movie, tracks, written, report, check=check)
    return report.result(size)


def _file_type(src: ByteRanges, report: Report) -> bytes:
    """Returns the ftyp box; empty for QuickTime files without one."""
    for span in top_level_boxes(src):
        if span.kind == "ftyp":
            size = min(span.end - span.body, _LONGEST_BRANDS)
            body = memoryview(src.read(span.body, size))
            found = Box(kind="ftyp", raw=body, body=body, offset=span.body, path="ftyp")
            return rewrite_ftyp(found, report)
    return b""
