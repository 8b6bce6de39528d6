"""The first frames of an audio track, encoded before the rest: a preview needs them at once.

An encoder's frames depend on what precedes them, not on what follows, except for a few frames of delay in
its filters. The head is therefore encoded with the same command as the whole track, and its last frames are
left out. The whole track then takes its first frames from the head, so that both are the same bytes even if
another CPU, whose floating-point instructions round differently, encodes the whole.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from eddyline.core.errors import ProofError
from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Runner
from eddyline.media.audio.encode import encode_track
from eddyline.media.audio.renditions import AudioRendition
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.rendition_tracks import EncodedAudio, read_encoded_audio
from eddyline.mp4.byte_ranges import read_ranges
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, passthrough
from eddyline.store.ranges import FileRanges

_UNSETTLED = 8  # frames at the end of a head that may differ from those of the whole track
MARGIN_S = Fraction(2)
"""Seconds of the source beyond the end of a head: more than `_UNSETTLED` frames, at 8 kHz too."""


def encode_head(
    source: Path,
    facts: AudioFacts,
    settings: AudioSettings,
    *,
    tools: Toolchain,
    runner: Runner,
    out: Path,
    end: Fraction,
    rendition: AudioRendition | None = None,
) -> None:
    """Encode the local MP4 `source`, the start of an audio track, as the start of the whole track to `out`.

    Shorter audio is padded with silence to `end` (s). The settings do not normalise.
    `rendition`: see `encode_track`.
    """
    whole = out.with_name(f".{out.name}.head.mp4")
    encode_track(
        source,
        facts,
        settings,
        tools=tools,
        runner=runner,
        out=whole,
        video_end=end,
        rendition=rendition,
    )
    with translate_errors("encoding audio"):
        encoded = read_encoded_audio(whole)
        kept = max(len(encoded.track.samples) - _UNSETTLED, 0)
        write_mp4(out, [first_samples(encoded, kept)], timescale=encoded.movie.timescale)
        whole.unlink()


def first_samples(audio: EncodedAudio, count: int, track: OutputTrack | None = None) -> OutputTrack:
    """The first `count` samples of an encoded track, or of a copy of it, with its edit list."""
    track = track or passthrough(audio.movie, audio.track, audio.path)
    (piece,) = track.pieces
    return replace(
        track,
        pieces=(replace(piece, offset=piece.offset[:count], size=piece.size[:count]),),
        duration=track.duration[:count],
        cts_offset=None,
        sync=None,
        description=None if track.description is None else track.description[:count],
    )


def samples_until(audio: EncodedAudio, end: Fraction) -> int:
    """The number of samples of an encoded track that start before `end`, in movie seconds."""
    delay, start = Fraction(0), 0
    for edit in audio.track.edits:
        if edit.media_time >= 0:
            start = edit.media_time
            break
        delay += Fraction(edit.duration, audio.movie.timescale)
    ticks = (end - delay) * audio.track.timescale + start
    return int(np.searchsorted(audio.track.samples.pts, float(ticks)))


def take_head(encoded: Path, head: Path, out: Path) -> Path:
    """The track of `encoded` with the frames of its `head`; `encoded` itself if it has them already.

    Raises `ProofError` if the head is not the start of a track with the same parameters.
    """
    whole, first = read_encoded_audio(encoded), read_encoded_audio(head)
    count = len(first.track.samples)
    if (
        whole.track.stsd != first.track.stsd
        or count > len(whole.track.samples)
        or not np.array_equal(whole.track.samples.pts[:count], first.track.samples.pts)
    ):
        raise ProofError("the start of an audio track, encoded for the preview, has other parameters")
    if _frames(whole, count) == _frames(first, count):
        return encoded
    copy = passthrough(whole.movie, whole.track, encoded)
    (piece,) = copy.pieces
    samples = first.track.samples
    pieces = (
        Piece(source=head, offset=samples.offset, size=samples.size),
        replace(piece, offset=piece.offset[count:], size=piece.size[count:]),
    )
    write_mp4(out, [replace(copy, pieces=pieces)], timescale=whole.movie.timescale)
    return out


def _frames(audio: EncodedAudio, count: int) -> list[bytes]:
    samples = audio.track.samples
    with FileRanges(audio.path) as file:
        return [bytes(each) for each in read_ranges(file, samples.offset[:count], samples.size[:count])]
