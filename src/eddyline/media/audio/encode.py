"""Encodes one audio track as AAC or Opus, exact to the sample, and measures its loudness (EBU R128).

A track is encoded as a whole, because chunks of AAC would have about 20 ms of silence at every join. The edit
list hides the priming of the encoder, so that no sample is added or lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from eddyline.core.errors import InputError, ProofError
from eddyline.core.files import translate_errors
from eddyline.core.processes.runner import Limits, Runner
from eddyline.core.timebase import rescale
from eddyline.media.audio import loudness
from eddyline.media.audio.loudness import Loudness, parse_true_peak
from eddyline.media.audio.renditions import AudioRendition, unmixed_rendition
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.rendition_verification import presented_samples
from eddyline.mp4.entries.bit_rates import with_audio_bit_rates
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

_ENCODERS = {"aac": "aac", "opus": "libopus"}
_BASE_S, _MAX_S_PER_S = 120.0, 2.0  # time limit: a base, plus seconds of work per second of audio
_MIN_FILL_S = Fraction(1, 10)  # encoders may end audio some frames early, which players accept
_COUNT = re.compile(r"Output stream #0:0 \(audio\): \d+ frames encoded \((\d+) samples\)")


@dataclass(frozen=True, kw_only=True)
class AudioResult:
    """The encoded track.

    `samples` is the number of presented samples per channel at `sample_rate`, `priming` the number of samples
    before them, which the edit list hides. `loudness` is that of the encoded audio, after the gain of
    `gain_db`. `downmixed_from` is the source's number of channels if not all are kept, else None.
    """

    path: Path
    samples: int
    priming: int
    sample_rate: int
    channels: int
    loudness: Loudness
    gain_db: float = 0.0
    downmixed_from: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, without the path."""
        plain = {key: value for key, value in vars(self).items() if key != "path"}
        return {**plain, "loudness": self.loudness.to_json()}


def encode_track(
    source: Path,
    facts: AudioFacts,
    settings: AudioSettings,
    *,
    tools: Toolchain,
    runner: Runner,
    out: Path,
    video_end: Fraction | None = None,
    rendition: AudioRendition | None = None,
) -> AudioResult:
    """Encode the only audio track of the local MP4 `source` into the MP4 `out`, with the same start time.

    `rendition` selects codec and channels (None: AAC with the channels of the source, up to 5.1).

    `video_end` is the end of the video (s). Audio that ends earlier by 0.1 s or more is padded with silence,
    because HLS and DASH players stop where one of the two has no further segment.

    With `settings.normalise`, a first pass measures the loudness, and the second applies one constant gain to
    reach the target, or less if true peaks would exceed their limit; the dynamics do not change.
    Raises `InputError` if no sample can be decoded, `ProofError` if samples were lost.
    """
    rendition = rendition or unmixed_rendition(facts)
    tools.require((_ENCODERS[rendition.codec],))
    undelayed = out.with_name(f".{out.name}.plain.mp4")
    encoded = out.with_name(f".{out.name}.encoded.mp4")
    delay, length, presented = _extent(source)
    limits = Limits(wall_s=_BASE_S + _MAX_S_PER_S * float(max(length, video_end or 0)))
    gain, target = 0.0, settings.normalise

    def measure(gain_db: float) -> Loudness:
        return Loudness.parse(
            runner.run(measure_command(source, facts, tools, gain_db, rendition), limits=limits).stderr
        )

    with translate_errors("encoding audio"):
        try:
            if delay:
                source = _remove_delay(source, undelayed)
            if target is not None:
                gain = measure(0.0).gain_to(target.target_lufs, target.true_peak_dbtp)
            fill = _fill(rendition.sample_rate(facts), delay + presented, delay, video_end)
            argv = encode_command(
                source, facts, settings, tools, encoded, rendition=rendition, gain_db=gain, fill=fill
            )
            log = runner.run(argv, limits=limits).stderr
            count = _count_samples(log, facts)
            peak = parse_true_peak(log)
            if peak is None:
                peak = measure(gain).true_peak_dbtp
            rate = _bit_rate(rendition, settings)
            samples, priming = _rewrite(encoded, out, delay, count, facts, rate)
        finally:
            undelayed.unlink(missing_ok=True)
            encoded.unlink(missing_ok=True)
    return AudioResult(
        path=out,
        samples=samples,
        priming=priming,
        sample_rate=rendition.sample_rate(facts),
        channels=rendition.mix.channels,
        loudness=replace(Loudness.parse(log), true_peak_dbtp=peak),
        gain_db=gain,
        downmixed_from=facts.channels if rendition.mix.lost or rendition.downmix else None,
    )


def measure_command(
    source: Path,
    facts: AudioFacts,
    tools: Toolchain,
    gain_db: float,
    rendition: AudioRendition | None = None,
) -> tuple[str, ...]:
    """Return the command that measures the loudness of a rendition after a gain."""
    filters = ",".join((*_conversion(facts, rendition or unmixed_rendition(facts), gain_db), loudness.EXACT))
    return (*_input_command(source, tools), "-af", filters, "-f", "null", "-")


def encode_command(
    source: Path,
    facts: AudioFacts,
    settings: AudioSettings,
    tools: Toolchain,
    out: Path,
    *,
    rendition: AudioRendition,
    gain_db: float = 0.0,
    fill: int = 0,
) -> tuple[str, ...]:
    """Return the command that encodes and measures; pads with silence to `fill` samples (0: none).

    Its log has the loudness without true peak (`Loudness.parse`), the true peak (`parse_true_peak`) and the
    number of samples that were encoded.
    """
    rate = str(rendition.sample_rate(facts))
    return (
        *_input_command(source, tools, level="verbose"),  # at which FFmpeg counts the encoded samples
        *("-af", _encode_filters(facts, rendition, gain_db, fill)),
        *("-c:a", _ENCODERS[rendition.codec], "-b:a", f"{_bit_rate(rendition, settings)}", "-ar", rate),
        *("-fflags", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"),
        # With the default movie timescale of 1000, the edit list would end between samples.
        *("-movie_timescale", rate, "-f", "mp4", "-y", f"file:{out}"),
    )


def _bit_rate(rendition: AudioRendition, settings: AudioSettings) -> int:
    """The bit rate of the encoder in bit/s."""
    return settings.kbps_per_channel * rendition.mix.channels * 1000


def _input_command(source: Path, tools: Toolchain, *, level: str = "info") -> tuple[str, ...]:
    # Filters print summaries at level "info"; -nostats, because statistics would displace them in stderr.
    base = tuple(level if word == "error" else word for word in FFMPEG_BASE)
    # Damaged packets become silence; `_count_samples` raises an error if no samples are left.
    tolerant = ("-nostats", "-max_error_rate", "1")
    return (str(tools.ffmpeg), *base, *tolerant, *input_args(source), "-map", "0:a:0", "-vn")


def _fill(rate: int, end: Fraction, delay: Fraction, video_end: Fraction | None) -> int:
    """Return the samples to which a track ending at `end` is padded to match the video; 0: none."""
    if video_end is None or video_end - end < _MIN_FILL_S:
        return 0
    return round((video_end - delay) * rate)


def _conversion(facts: AudioFacts, rendition: AudioRendition, gain_db: float) -> list[str]:
    # Gaps in the source are filled with silence to keep audio in sync; small ones too, because merged
    # chapters have a gap of up to a frame (21 ms) at every join. The channel filters are first, because the
    # resampler rejects layouts without a name.
    steps = [
        *rendition.mix.filters,
        "aresample=async=1:min_hard_comp=0.01:first_pts=0",
    ]
    steps.append(f"aresample={rendition.sample_rate(facts)}")
    if gain_db:
        steps.append(f"volume={gain_db:.2f}dB:precision=float")
    return steps


def _encode_filters(facts: AudioFacts, rendition: AudioRendition, gain_db: float, fill: int) -> str:
    # Both branches get the encoder's sample format: ebur128 would make both double precision.
    steps = [*_conversion(facts, rendition, gain_db), "aformat=sample_fmts=fltp", "asplit[peak]"]
    steps.append(loudness.LOUDNESS_ONLY)
    if fill:
        steps.append(f"apad=whole_len={fill}")
    return f"{','.join(steps)};[peak]{loudness.TRUE_PEAK}"


def _count_samples(log: str, facts: AudioFacts) -> int:
    """Return the number of samples per channel that were encoded."""
    found = _COUNT.findall(log)
    count = int(found[-1]) if found else 0
    if not count:
        raise InputError(
            f"none of audio track {facts.track} ({facts.codec}) can be decoded",
            remedy="export the clip again, or without this audio track",
        )
    return count


def _extent(source: Path) -> tuple[Fraction, Fraction, Fraction]:
    """Return the delay of the track, the length of its media and its presented length, in seconds."""
    with FileRanges(source) as file:
        movie = read_movie(file)
    track = movie.first_track("audio")
    if track is None or not len(track.samples):
        raise InputError(
            "an audio track has no samples", remedy="export the clip again, or without this audio track"
        )
    samples = track.samples
    media = int(samples.pts[-1] + samples.duration[-1])
    presented = Fraction(presented_samples(movie, track), track.sample_rate or track.timescale)
    return _delay(movie, track), Fraction(media, track.timescale), presented


def _delay(movie: Movie, track: Track) -> Fraction:
    """Return the seconds before the track starts: an empty edit, or a late first sample (fragments)."""
    empty = Fraction(0)
    for edit in track.edits:
        if edit.media_time >= 0:
            late = int(track.samples.pts[0]) - edit.media_time
            return empty + Fraction(max(0, late), track.timescale)
        empty += Fraction(edit.duration, movie.timescale)
    return empty + Fraction(int(track.samples.pts[0]), track.timescale)


def _remove_delay(source: Path, out: Path) -> Path:
    """Write the source without empty edits, with which FFmpeg keeps the padding of the last packet."""
    with FileRanges(source) as file:
        movie = read_movie(file)
        track = movie.tracks_of_kind("audio")[0]
        kept = tuple(edit for edit in track.edits if edit.media_time >= 0)
        write_mp4(out, [replace(passthrough(movie, track, file), edits=kept)], timescale=movie.timescale)
    return out


def _rewrite(
    encoded: Path, out: Path, delay: Fraction, count: int, facts: AudioFacts, rate: int
) -> tuple[int, int]:
    """Write `out` with the delay and language of the source; return presented samples and priming.

    Its sample entry has the encoder's bit rate `rate` (bit/s). The measured one, which FFmpeg writes, is
    known only at the end, and a preview starts before that.
    """
    with FileRanges(encoded) as file:
        movie = read_movie(file)
        track = movie.first_track("audio")
        if track is None:
            raise ProofError(f"FFmpeg wrote no audio for track {facts.track}")
        samples = presented_samples(movie, track)
        priming = max((edit.media_time for edit in track.edits), default=0)
        if samples != count:
            raise ProofError(
                f"audio track {facts.track}: {count} samples were encoded, but {samples} were written"
            )
        edits = [
            Edit(media_time=max(0, priming), duration=rescale(samples, track.timescale, movie.timescale))
        ]
        if delay:
            edits.insert(0, Edit(media_time=-1, duration=round(delay * movie.timescale)))
        copy = replace(
            passthrough(movie, track, file),
            edits=tuple(edits),
            stsd=with_audio_bit_rates(track.stsd, rate),
            language=facts.language,
            name=facts.title or "Audio",
        )
        write_mp4(out, [copy], timescale=movie.timescale)
    return samples, max(0, priming)
