"""One audio track, whole, as AAC: to the sample, with its loudness measured on the way (EBU R128).

Encoded in chunks, AAC would leave some 20 ms of silence at every join; encoded at once its priming is known
and hidden by the edit list, and nothing else is added or lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from eddyline.core.errors import InputError, ProofError
from eddyline.core.files import translate_errors
from eddyline.core.process import Limits, Runner
from eddyline.core.timebase import rescale
from eddyline.media.audio.channel_layouts import channel_mix
from eddyline.media.audio.loudness import Loudness
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args
from eddyline.media.video.rendition_verification import presented_samples
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

_MOST_RATE = 48_000
_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_BASE_S, _SLOWEST = 120.0, 2.0  # time limit: a base, and so many seconds of work a second of sound
_LEAST_FILL_S = Fraction(1, 10)  # encoders end audio some frames early; that much no player minds
_COUNT = re.compile(r"Number of samples: (\d+)")


@dataclass(frozen=True, kw_only=True)
class AudioResult:
    """The track as encoded.

    `samples` are those presented, a channel, at `sample_rate`; `priming` those before them, hidden by the
    edit list. `loudness` is that of what was encoded, `gain_db` how much it was raised to get there.
    `downmixed_from` is the source's number of channels where not all could be kept, else None.
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
        """A plain dict of JSON values, without the path."""
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
    until: Fraction | None = None,
) -> AudioResult:
    """Encode the one audio track of the local MP4 `source` into `out`, an MP4 that begins when it does.

    `until` is when the video ends (s): audio that ends earlier, by 0.1 s or more, goes on in silence, because
    players of HLS and DASH stop where one of the two has no more segments.

    One pass; two where `settings.normalise` asks for a loudness, which is then reached by one gain for the
    whole track, or less where peaks would exceed their limit: its dynamics stay.
    Raises `InputError` where nothing of it can be decoded, `ProofError` where samples got lost.
    """
    tools.require(("aac",))
    plain = out.with_name(f".{out.name}.plain.mp4")
    whole = out.with_name(f".{out.name}.aac.mp4")
    delay, length, presented = _extent(source)
    limits = Limits(wall_s=_BASE_S + _SLOWEST * float(max(length, until or 0)))
    gain, wanted = 0.0, settings.normalise
    with translate_errors("encoding audio"):
        try:
            if delay:
                source = _undelayed(source, plain)
            if wanted is not None:
                measured = runner.run(measure_command(source, facts, tools), limits=limits).stderr
                gain = Loudness.of(measured).gain_to(wanted.target_lufs, wanted.true_peak_dbtp)
            fill = _fill(facts, delay + presented, delay, until)
            argv = encode_command(source, facts, settings, tools, whole, gain_db=gain, fill=fill)
            said = runner.run(argv, limits=limits).stderr
            samples, priming = _rewrite(whole, out, delay, _counted(said, facts), facts)
        finally:
            plain.unlink(missing_ok=True)
            whole.unlink(missing_ok=True)
    return AudioResult(
        path=out,
        samples=samples,
        priming=priming,
        sample_rate=output_rate(facts),
        channels=channel_mix(facts.channels, facts.layout).channels,
        loudness=Loudness.of(said),
        gain_db=gain,
        downmixed_from=facts.channels if channel_mix(facts.channels, facts.layout).lost else None,
    )


def output_rate(facts: AudioFacts) -> int:
    """The rate to encode at, in Hz: the source's own where every player has it, else the next one."""
    return next((each for each in _RATES if each >= facts.sample_rate), _MOST_RATE)


def measure_command(source: Path, facts: AudioFacts, tools: Toolchain) -> tuple[str, ...]:
    """The command that only measures."""
    return (*_reading(source, tools), "-af", _filters(facts, 0.0), "-f", "null", "-")


def encode_command(
    source: Path,
    facts: AudioFacts,
    settings: AudioSettings,
    tools: Toolchain,
    out: Path,
    *,
    gain_db: float = 0.0,
    fill: int = 0,
) -> tuple[str, ...]:
    """The command that encodes and measures; silence follows up to `fill` samples in all."""
    kbps = settings.kbps_per_channel * channel_mix(facts.channels, facts.layout).channels
    return (
        *_reading(source, tools),
        "-af",
        _filters(facts, gain_db, fill),
        *("-c:a", settings.codec, "-b:a", f"{kbps}k", "-ar", str(output_rate(facts))),
        *("-fflags", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"),
        # The default time scale of the movie is a thousandth: the edit list would end between samples.
        *("-movie_timescale", str(output_rate(facts)), "-f", "mp4", "-y", f"file:{out}"),
    )


def _reading(source: Path, tools: Toolchain) -> tuple[str, ...]:
    # Summaries are said at level "info"; statistics would push them out of what is kept of stderr.
    quiet = tuple("info" if word == "error" else word for word in FFMPEG_BASE)
    # Damaged packets become silence, however many they are; where nothing is left, `_counted` says so.
    patient = ("-nostats", "-max_error_rate", "1")
    return (str(tools.ffmpeg), *quiet, *patient, *input_args(source), "-map", "0:a:0", "-vn")


def _fill(facts: AudioFacts, end: Fraction, delay: Fraction, until: Fraction | None) -> int:
    """Samples that a track that ends at `end` must have to last as long as the video; 0 where it does."""
    if until is None or until - end < _LEAST_FILL_S:
        return 0
    return round((until - delay) * output_rate(facts))


def _filters(facts: AudioFacts, gain_db: float, fill: int = 0) -> str:
    # A hole in the source is filled with silence, so that sound stays in sync; small ones too, for merged
    # chapters have one of up to a frame (21 ms) at every join, and they add up.
    # Channels first: the resampler takes no layout that FFmpeg has no name for.
    steps = [
        *channel_mix(facts.channels, facts.layout).filters,
        "aresample=async=1:min_hard_comp=0.01:first_pts=0",
    ]
    steps.append(f"aresample={output_rate(facts)}")
    if gain_db:
        steps.append(f"volume={gain_db:.2f}dB:precision=float")
    steps.append("ebur128=peak=true:framelog=quiet")
    if fill:
        steps.append(f"apad=whole_len={fill}")
    steps.append("astats=measure_perchannel=none:measure_overall=Number_of_samples")
    return ",".join(steps)


def _counted(said: str, facts: AudioFacts) -> int:
    """How many samples a channel went into the encoder."""
    found = _COUNT.findall(said)
    count = int(found[-1]) if found else 0
    if not count:
        raise InputError(
            f"nothing of audio track {facts.track} ({facts.codec}) can be decoded",
            remedy="export the clip again, or without this audio track",
        )
    return count


def _extent(source: Path) -> tuple[Fraction, Fraction, Fraction]:
    """When the track begins, how much media it has and how much of that is presented, in seconds."""
    with FileRanges(source) as file:
        movie = read_movie(file)
    track = movie.first_track("audio")
    if track is None or not len(track.samples):
        raise InputError(
            "an audio track without a sample", remedy="export the clip again, or without this audio track"
        )
    samples = track.samples
    media = int(samples.pts[-1] + samples.duration[-1])
    presented = Fraction(presented_samples(movie, track), track.sample_rate or track.timescale)
    return _delay(movie, track), Fraction(media, track.timescale), presented


def _delay(movie: Movie, track: Track) -> Fraction:
    """Seconds of nothing before the track: an empty edit, or first samples that come late (fragments)."""
    empty = Fraction(0)
    for edit in track.edits:
        if edit.media_time >= 0:
            late = int(track.samples.pts[0]) - edit.media_time
            return empty + Fraction(max(0, late), track.timescale)
        empty += Fraction(edit.duration, movie.timescale)
    return empty + Fraction(int(track.samples.pts[0]), track.timescale)


def _undelayed(source: Path, out: Path) -> Path:
    """The source without its empty edits: behind one, FFmpeg does not cut the padding off the last packet."""
    with FileRanges(source) as file:
        movie = read_movie(file)
        track = movie.tracks_of_kind("audio")[0]
        kept = tuple(edit for edit in track.edits if edit.media_time >= 0)
        write_mp4(out, [replace(passthrough(movie, track, file), edits=kept)], timescale=movie.timescale)
    return out


def _rewrite(whole: Path, out: Path, delay: Fraction, count: int, facts: AudioFacts) -> tuple[int, int]:
    """Write `out` with the source's delay and language; gives samples presented and priming."""
    with FileRanges(whole) as file:
        movie = read_movie(file)
        track = movie.first_track("audio")
        if track is None:
            raise ProofError(f"FFmpeg wrote no audio for track {facts.track}")
        samples = presented_samples(movie, track)
        priming = max((edit.media_time for edit in track.edits), default=0)
        if samples != count:
            raise ProofError(f"{count} samples of audio track {facts.track} were encoded, {samples} written")
        edits = [
            Edit(media_time=max(0, priming), duration=rescale(samples, track.timescale, movie.timescale))
        ]
        if delay:
            edits.insert(0, Edit(media_time=-1, duration=round(delay * movie.timescale)))
        copy = replace(
            passthrough(movie, track, file),
            edits=tuple(edits),
            language=facts.language,
            name=facts.title or "Audio",
        )
        write_mp4(out, [copy], timescale=movie.timescale)
    return samples, max(0, priming)
