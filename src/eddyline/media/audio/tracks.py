"""Probes the audio tracks of a source: decodes the start of each with FFmpeg to get its actual format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eddyline.core.processes.runner import Runner
from eddyline.media.audio.ambisonic import LABEL, find_ambisonics
from eddyline.media.audio.channel_layouts import unpositioned_layout
from eddyline.media.audio.decoding import UNDECODED, can_encode, decode_first_frames
from eddyline.media.audio.renditions import unmixed_rendition
from eddyline.media.left_out.report import LeftOut
from eddyline.media.left_out.tracks import track_label
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import Toolchain, input_args
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import select_samples

_SAMPLES = 16  # enough for a decoder to return a frame, including priming and bit reservoirs

_ENCRYPTED = "its samples are encrypted (DRM)"


@dataclass(frozen=True, kw_only=True)
class AudioTracks:
    """The tracks that can be decoded, in file order, and the omitted tracks and channels."""

    facts: tuple[AudioFacts, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def probe_audio_tracks(
    src: ByteRanges, movie: Movie, *, runner: Runner, tools: Toolchain, work: Path
) -> AudioTracks:
    """Decode the first samples of each audio track that has any; `work` is a directory for temporary files.

    Raises `ToolError` if FFmpeg was killed or exceeded its limits, `TransientError` if the disk is full.
    """
    facts: list[AudioFacts] = []
    left_out: list[LeftOut] = []
    for track in movie.tracks_of_kind("audio"):
        if not len(track.samples):
            continue  # `left_out_tracks` lists it as empty
        if track.encrypted:
            left_out.append(_left_out(track, _ENCRYPTED))
            continue
        found = _TrackProbe(src=src, movie=movie, track=track, runner=runner, tools=tools, work=work).facts()
        if isinstance(found, str):
            left_out.append(_left_out(track, found))
            continue
        facts.append(found)
        lost = unmixed_rendition(found).mix.lost
        if lost:
            left_out.append(
                LeftOut(
                    kind="audio", what=f"channels of {track_label(track)}, {found.channels} in all", why=lost
                )
            )
    return AudioTracks(facts=tuple(facts), left_out=tuple(left_out))


def _left_out(track: Track, why: str) -> LeftOut:
    return LeftOut(kind="audio", what=track_label(track), why=why)


@dataclass(frozen=True, kw_only=True)
class _TrackProbe:
    """The probe of one audio track."""

    src: ByteRanges
    movie: Movie
    track: Track
    runner: Runner
    tools: Toolchain
    work: Path

    def facts(self) -> AudioFacts | str:
        """Return the facts, or the reason why the track cannot be used."""
        head = self.work / f"audio-{self.track.number}.mp4"
        reason = UNDECODED
        try:
            for numbers in self._sample_ranges():
                self._write(numbers, head)
                found = self._decode(head)
                if isinstance(found, AudioFacts):
                    return self._select_layout(head, found)
                reason = found
        finally:
            head.unlink(missing_ok=True)
        return reason

    def _sample_ranges(self) -> Iterator[Ints]:
        """Yield samples at the start, then in the middle and at the end, in case the first are damaged."""
        count = len(self.track.samples)
        starts = dict.fromkeys((0, count // 2, max(count - _SAMPLES, 0)))
        yield from (np.arange(start, min(start + _SAMPLES, count)) for start in starts)

    def _write(self, numbers: Ints, head: Path) -> None:
        # FFmpeg needs the brand to parse QuickTime sound descriptions.
        brand = self.movie.brand or "qt  "
        copy = replace(select_samples(self.movie, self.track, self.src, numbers), enabled=True)
        write_mp4(
            head, [copy], timescale=self.movie.timescale, brand=brand, compatible=(brand,), durable=False
        )

    def _decode(self, head: Path) -> AudioFacts | str:
        found = decode_first_frames(input_args(head), "0:a:0", runner=self.runner, tools=self.tools)
        if isinstance(found, str):
            return found
        ambisonics = find_ambisonics(self.track, found.channels)
        return AudioFacts(
            track=self.track.number,
            codec=found.codec,
            channels=found.channels,
            sample_rate=found.sample_rate,
            language=self.track.language or "und",
            title=self.track.name,
            layout=found.layout,
            label=self.track.title or (LABEL if ambisonics else ""),
            ambisonic=ambisonics.components if ambisonics else (),
        )

    def _select_layout(self, head: Path, facts: AudioFacts) -> AudioFacts | str:
        """Return the facts with a layout that FFmpeg can mix, or the reason of a failure."""
        opened = input_args(head)
        for layout in (facts.layout, unpositioned_layout(facts.channels)):
            tried = replace(facts, layout=layout)
            filters = ",".join(unmixed_rendition(tried).mix.filters)
            if not filters or can_encode(opened, "0:a:0", filters, runner=self.runner, tools=self.tools):
                return tried
        return f"FFmpeg cannot mix its {facts.channels} channels ({facts.layout})"
