"""Copies one audio track of a source to a local file, for FFmpeg."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eddyline.edit import track_range
from eddyline.mp4.movie import Track
from eddyline.mp4.slice import copy_tracks
from eddyline.mp4.write.mux import write_mp4
from eddyline.pipeline.runtime.index_cache import IndexedSource

ENCODED: Final = "audio.m4a"
"""The encoded rendition, which later steps put into renditions and stream."""


def copy_audio_track(source: IndexedSource, track: Track, out: Path) -> None:
    """Copy the track alone to a local file; PCM without edits, which FFmpeg applies to 1,024 samples only."""
    plain = (
        track_range.presented_audio(source.movie, track, source.src)
        if track_range.is_sample_exact(track)
        else None
    )
    if plain is None:
        copy_tracks(source.src, source.movie, [track], out)
        return
    brand = "qt  " if source.movie.quicktime else "isom"
    write_mp4(out, [plain], timescale=source.movie.timescale, brand=brand, compatible=(brand,), durable=False)
