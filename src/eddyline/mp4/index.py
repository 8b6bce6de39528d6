"""Reads the index of an MP4 file, and only the index, for files of any size.

It reads moov at either end of the file, 32- and 64-bit offsets, compact sizes, both versions of composition
offsets, edit lists and fragments. Slices, verification and telemetry use the resulting arrays.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eddyline.mp4.boxes import Box
from eddyline.mp4.byte_ranges import ByteRanges, CountingRanges
from eddyline.mp4.entries.display_matrix import multiply_matrices, orientation
from eddyline.mp4.entries.spherical import spherical_boxes
from eddyline.mp4.entries.track_headers import (
    read_edits,
    read_entry,
    read_handler,
    read_language,
    read_movie_matrix,
    read_references,
    read_time_header,
    read_track_header,
    track_kind,
)
from eddyline.mp4.entries.track_labels import read_labels
from eddyline.mp4.errors import LimitError, Mp4Error
from eddyline.mp4.layout import read_layout
from eddyline.mp4.movie import AudioUnit, Limits, Movie, Samples, Track
from eddyline.mp4.samples.audio_times import fold_composition_offsets
from eddyline.mp4.samples.audio_units import unit_bytes
from eddyline.mp4.samples.data_references import require_self_contained
from eddyline.mp4.samples.fragments import read_defaults, read_fragments
from eddyline.mp4.samples.frameless_samples import find_frameless_samples
from eddyline.mp4.samples.random_access import find_undecodable
from eddyline.mp4.samples.sample_tables import check_samples, read_samples
from eddyline.mp4.samples.sample_times import make_times_distinct
from eddyline.mp4.samples.sync_points import find_sync_samples

_MEDIA_HEADERS = ("vmhd", "smhd", "gmhd", "nmhd", "hmhd", "sthd")
_DEFAULT_LIMITS = Limits()
_KNOWN_BOXES = frozenset({"mvhd", "trak", "udta", "meta", "mvex", "iods", "free", "skip", "wide"})
_MAX_UNREAD = 32


def read_movie(src: ByteRanges, *, limits: Limits = _DEFAULT_LIMITS) -> Movie:
    """The index of an MP4 or MOV file.

    Raises `Mp4Error` or one of its subclasses (another file format, an empty file, a missing index, invalid
    tables, counts beyond `limits`), or `TruncatedError` for a file that ends too early.
    """
    counted = CountingRanges(src)
    layout = read_layout(counted, limits)
    moov = layout.moov
    mvhd = moov.require("mvhd")
    created, timescale, duration = read_time_header(mvhd)
    matrix = read_movie_matrix(mvhd)
    mvex = moov.find("mvex")
    tracks = _read_tracks(moov, src.size, limits, matrix, quicktime=layout.brand in {"qt  ", ""})
    if mvex is not None and layout.moofs:
        clocks = {track.number: _end(track.samples) for track in tracks}
        more = read_fragments(layout.moofs, read_defaults(mvex), clocks, limits)
        tracks = [_with_fragments(track, more.get(track.number), src.size, limits) for track in tracks]
    if sum(len(track.samples) for track in tracks) > limits.samples:
        raise LimitError(f"the tracks have more than {limits.samples} samples together", path="moov")
    if not tracks:
        raise Mp4Error("the file has no tracks", path="moov", offset=moov.offset)
    tracks = [_with_sample_facts(counted, track) if track.kind == "video" else track for track in tracks]
    tracks = [_without_composition_offsets(track) if track.kind == "audio" else track for track in tracks]
    udta, meta = moov.find("udta"), moov.find("meta")
    return Movie(
        timescale=timescale,
        duration=duration or max(track.duration * timescale // track.timescale for track in tracks),
        creation_time=created,
        brand=layout.brand,
        tracks=tuple(tracks),
        udta=None if udta is None else bytes(udta.body),
        meta=None if meta is None else bytes(meta.body),
        unread=_unread(moov),
        fragmented=mvex is not None,
        size=src.size,
        bytes_read=counted.bytes_read,
        matrix=matrix,
    )


def _unread(moov: Box) -> tuple[tuple[str, int], ...]:
    """The first boxes in moov that are neither read nor padding."""
    found = (
        (box.kind, len(box.raw)) for box in moov.children() if box.kind not in _KNOWN_BOXES and len(box.body)
    )
    return tuple(each for each, _ in zip(found, range(_MAX_UNREAD), strict=False))


def _read_tracks(
    moov: Box, file_size: int, limits: Limits, matrix: tuple[int, ...], *, quicktime: bool
) -> list[Track]:
    tracks: list[Track] = []
    remaining = limits.samples
    for box in moov.children():
        if box.kind != "trak":
            continue
        if len(tracks) == limits.tracks:
            raise LimitError(f"the file has more than {limits.tracks} tracks", path=box.path)
        track = _read_track(box, file_size, replace(limits, samples=remaining), matrix, quicktime=quicktime)
        if any(track.number == other.number for other in tracks):
            raise Mp4Error(f"two tracks have the number {track.number}", path=box.path, offset=box.offset)
        remaining -= len(track.samples)
        tracks.append(track)
    return tracks


def _read_track(
    trak: Box, file_size: int, limits: Limits, movie_matrix: tuple[int, ...], *, quicktime: bool
) -> Track:
    header = read_track_header(trak.require("tkhd"))
    mdia = trak.require("mdia")
    mdhd = mdia.require("mdhd")
    _, timescale, duration = read_time_header(mdhd)
    handler, name = read_handler(mdia.require("hdlr"))
    minf = mdia.require("minf")
    media_header = next((box for box in minf.children() if box.kind in _MEDIA_HEADERS), None)
    require_self_contained(minf)
    stbl = minf.require("stbl")
    stsd = stbl.require("stsd")
    entry = read_entry(stsd, handler)
    units = AudioUnit(bytes=entry.unit_bytes, samples=entry.unit_samples) if entry.unit_bytes else None
    samples = read_samples(stbl, file_size=file_size, units=units, limits=limits)
    edts, tref = trak.find("edts"), trak.find("tref")
    labels = read_labels(trak)
    elst = None if edts is None else edts.find("elst")
    shown = orientation(multiply_matrices(header.matrix, movie_matrix))
    return Track(
        number=header.number,
        kind=track_kind(handler, entry.format),
        handler=handler,
        name=name,
        timescale=timescale,
        duration=duration or _end(samples),
        format=entry.format,
        stsd=bytes(stsd.raw),
        media_header=b"" if media_header is None else bytes(media_header.raw),
        width=entry.width,
        height=entry.height,
        pixel_aspect=entry.pixel_aspect,
        display_size=header.display_size,
        rotation=shown.rotation,
        mirrored=shown.mirrored,
        matrix=header.matrix,
        spherical=spherical_boxes(trak),
        language=read_language(mdhd, quicktime=quicktime),
        channels=entry.channels,
        sample_rate=entry.sample_rate,
        units=units,
        unit_bytes=unit_bytes(samples, units),
        volume=header.volume,
        edits=() if elst is None else read_edits(elst),
        samples=samples,
        references={} if tref is None else read_references(tref),
        encrypted=entry.encrypted,
        enabled=header.enabled,
        title=labels.title,
        roles=labels.roles,
    )


def _with_sample_facts(src: ByteRanges, track: Track) -> Track:
    """A video track with the facts that only its samples show, where its tables are not sufficient."""
    hidden = find_frameless_samples(src, track)
    samples = replace(
        track.samples, sync=find_sync_samples(src, track), pts=make_times_distinct(track.samples, hidden)
    )
    track = replace(track, samples=samples, frameless_samples=hidden)
    return replace(track, undecodable=find_undecodable(src, track))


def _with_fragments(track: Track, more: Samples | None, file_size: int, limits: Limits) -> Track:
    """The track with its fragments' samples after those of moov."""
    if more is None:
        return track
    check_samples(more, path=f"moof (track {track.number})", file_size=file_size, limits=limits)
    samples = Samples.join([track.samples, more])
    if np.any(np.diff(samples.dts) < 0):
        raise Mp4Error(
            "the fragments are not in order of time",
            path=f"moof (track {track.number})",
            remedy="put the fragments in order, or remux the file with FFmpeg",
            reason="frame-times",
        )
    return replace(
        track, samples=samples, duration=_end(samples), unit_bytes=unit_bytes(samples, track.units)
    )


def _without_composition_offsets(track: Track) -> Track:
    """An audio track without composition offsets."""
    samples = fold_composition_offsets(track.samples)
    if samples is track.samples:
        return track
    return replace(track, samples=samples, unit_bytes=unit_bytes(samples, track.units))


def _end(samples: Samples) -> int:
    return int(samples.dts[-1] + samples.duration[-1]) if len(samples) else 0
