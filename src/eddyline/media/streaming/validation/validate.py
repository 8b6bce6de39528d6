"""Validates a stream in a directory or on a web server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eddyline.media.streaming.validation.files import LocalFiles, StreamFiles, WebFiles
from eddyline.media.streaming.validation.load import find_manifests, load_stream
from eddyline.media.streaming.validation.measure import measure_stream
from eddyline.media.streaming.validation.mpd_model import NO_TEMPLATE
from eddyline.media.streaming.validation.report import Report, check_rules
from eddyline.media.streaming.validation.rule_table import RULES
from eddyline.media.streaming.validation.stream_model import Stream

DEFAULT_SAMPLE = 20


def validate_directory(path: Path, sample: int | None = None) -> Report:
    """Validate a playlist, an MPD or a directory with them; opens `sample` segments per playlist (None: all).

    Raises `UsageError` if there is neither, `InputError` and `UnsupportedError` beyond the limits.
    """
    root, manifests = find_manifests(path)
    return validate_files(LocalFiles(root), manifests, sample)


def validate_url(url: str, sample: int | None = DEFAULT_SAMPLE) -> Report:
    """Validate the playlist or MPD at a URL, and what it references.

    Raises as `validate_directory` does, and `MissingError`, `TransientError` for the server.
    """
    return validate_files(WebFiles(url), (url,), sample)


def validate_files(files: StreamFiles, manifests: Sequence[str], sample: int | None) -> Report:
    """Validate the stream of these manifests."""
    stream = load_stream(files, manifests)
    measured, segments = measure_stream(files, stream, sample)
    return Report(
        findings=check_rules(measured),
        rules=len(RULES),
        files=len(list(measured.playlists)) + (measured.mpd is not None),
        segments=segments,
        notes=tuple(_notes(measured)),
    )


def _notes(stream: Stream) -> list[str]:
    """What was not measured, and why."""
    notes: list[str] = []
    for playlist in stream.media.values():
        track = stream.tracks.get(playlist.name)
        if any(entry.encrypted for entry in playlist.entries):
            notes.append(f"{playlist.name}: encrypted segments are not opened")
        elif track and playlist.entries and not track.entries and track.text_map is None:
            notes.append(f"{playlist.name}: only segments of fragmented MP4 are opened")
        elif track and track.known_sizes is None and playlist.entries:
            notes.append(f"{playlist.name}: bit rates need the sizes of all segments (--segments all)")
        if not playlist.ended and playlist.entries:
            notes.append(f"{playlist.name}: bit rates of a stream that still grows are not checked")
    notes += [
        f"{each.place}: only segments of a SegmentTemplate are opened"
        for each in (stream.mpd.representations if stream.mpd else ())
        if each.segments.problem == NO_TEMPLATE
    ]
    return notes
