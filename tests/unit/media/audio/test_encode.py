from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eddyline.core.errors import InputError
from eddyline.core.processes.runner import Finished, Runner
from eddyline.media.audio.encode import AudioResult, encode_track, measure_command
from eddyline.media.audio.loudness import Loudness
from eddyline.media.audio.renditions import audio_renditions
from eddyline.media.ladder.profile import AudioSettings, LoudnessSettings
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import copy_tracks
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

TONE = "sine=f=997:r=48000:d=3.3337"
STEREO = AudioFacts(track=1, codec="aac", channels=1, sample_rate=48_000, language="deu", title="Mic")


def make(ffmpeg: str, out: Path, lavfi: str, *options: str) -> Path:
    argv = [ffmpeg, "-y", "-v", "error", "-f", "lavfi", "-i", lavfi, *(options or ("-c:a", "aac")), f"{out}"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return out


def encode(tools: Toolchain, source: Path, facts: AudioFacts, **settings: object) -> AudioResult:
    audio_settings = AudioSettings.model_validate(settings)
    out = source.with_name("out.m4a")
    return encode_track(source, facts, audio_settings, tools=tools, runner=Runner(), out=out)


def pcm(ffmpeg: str, path: Path, channels: int = 1) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    argv = [ffmpeg, "-v", "error", "-i", f"{path}", "-ac", f"{channels}", "-f", "f32le", "-"]
    raw = subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout
    return np.frombuffer(raw, dtype="<f4")


def phase(samples: np.ndarray[tuple[int], np.dtype[np.float32]], start: int, length: int = 4800) -> float:
    at = np.arange(start, start + length)
    return float(np.angle((samples[at] * np.exp(-2j * np.pi * 997 * at / 48_000)).sum()))


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le", "alac", "libmp3lame"])
def test_every_sample_is_kept_and_none_is_added(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, codec: str
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", TONE, "-c:a", codec)
    before = pcm(ffmpeg, source)
    result = encode(tools, source, STEREO)
    after = pcm(ffmpeg, result.path)
    assert result.samples == len(before) == len(after)
    assert (result.priming, result.sample_rate, result.channels) == (1024, 48_000, 1)
    # Aligned to a fraction of a sample, at the start and at the end.
    for start in (8000, result.samples - 8000):
        shift = (phase(after, start) - phase(before, start)) / (2 * np.pi * 997 / 48_000)
        assert abs(shift) < 0.25
    difference = np.abs(after - before)[8000:-8000]  # the first frames of a pure tone have a larger error
    assert float(difference.mean()) < 0.005


@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_opus_presents_every_sample_and_its_delay_is_hidden(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, rate: int
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", TONE.replace("48000", str(rate)), "-c:a", "pcm_s16le")
    before = pcm(ffmpeg, source)
    facts = replace(STEREO, sample_rate=rate)
    settings = AudioSettings(codec="opus", kbps_per_channel=96)
    (_, opus) = audio_renditions([facts], settings.codec)
    result = encode_track(
        source, facts, settings, tools=tools, runner=Runner(), out=tmp_path / "o.m4a", rendition=opus
    )
    with FileRanges(result.path) as file:
        movie = read_movie(file)
    track = movie.tracks[0]
    assert (track.format, result.sample_rate, result.priming) == ("Opus", 48_000, 312)
    assert track.stsd[track.stsd.index(b"dOps") + 6 :][:2] == (312).to_bytes(2, "big")  # PreSkip
    assert result.samples == -(-len(before) * 48_000 // rate)  # rounded up
    assert track.edits == (Edit(media_time=312, duration=result.samples, rate=Fraction(1)),)
    assert int(track.samples.duration.sum()) == 312 + result.samples
    after = pcm(ffmpeg, result.path)  # FFmpeg also returns the rest of the last packet
    assert result.samples <= len(after) < result.samples + 960
    reference = make(ffmpeg, tmp_path / "48.mov", TONE, "-c:a", "pcm_s16le")
    for start in (8000, result.samples - 8000):
        shift = (phase(after, start) - phase(pcm(ffmpeg, reference), start)) / (2 * np.pi * 997 / 48_000)
        assert abs(shift) < 0.25


def test_the_priming_is_hidden_by_the_edit_list_and_the_track_is_named(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    result = encode(tools, make(ffmpeg, tmp_path / "a.mp4", TONE), STEREO)
    with FileRanges(result.path) as file:
        movie = read_movie(file)
    track = movie.tracks[0]
    assert track.edits == (Edit(media_time=1024, duration=result.samples, rate=Fraction(1)),)
    assert (movie.timescale, track.language, track.name) == (48_000, "deu", "Mic")


def test_the_same_source_gives_the_same_bytes(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", TONE)
    first = encode(tools, source, STEREO).path.read_bytes()
    assert encode(tools, source, STEREO).path.read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "out.m4a"]


def test_loudness_matches_the_standard(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    # EBU Tech 3341, case 1: a stereo 1 kHz sine at -23 dBFS measures -23 LUFS.
    level = 10 ** (-23 / 20)
    lavfi = f"aevalsrc={level}*sin(2*PI*1000*t)|{level}*sin(2*PI*1000*t):s=48000:d=5"
    source = make(ffmpeg, tmp_path / "a.mov", lavfi, "-c:a", "pcm_s24le")
    result = encode(tools, source, replace(STEREO, channels=2))
    assert result.loudness.integrated_lufs == pytest.approx(-23, abs=0.1)
    assert result.loudness.true_peak_dbtp == pytest.approx(-23, abs=0.2)
    assert result.gain_db == 0
    assert result.to_json()["loudness"]["range_lu"] == pytest.approx(0, abs=0.1)


def test_normalizing_reaches_the_target_or_the_peak_limit(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", TONE, "-c:a", "pcm_s16le")
    reachable = LoudnessSettings(target_lufs=-16, true_peak_dbtp=-1)
    result = encode(tools, source, STEREO, normalise=reachable)
    assert result.loudness.integrated_lufs == pytest.approx(-16, abs=0.15)
    assert result.samples == len(pcm(ffmpeg, source))
    peak_limited = LoudnessSettings(target_lufs=-5, true_peak_dbtp=-3)
    result = encode(tools, source, STEREO, normalise=peak_limited)
    assert result.loudness.true_peak_dbtp == pytest.approx(-3, abs=0.15)


@pytest.mark.parametrize(
    ("lavfi", "within"),
    [
        ("anoisesrc=color=pink:r=48000:a=0.5:seed=3:d=4", 0.11),
        ("anoisesrc=color=white:r=44100:a=0.9:seed=4:d=3", 0.5),  # up to the highest frequencies
        ("sine=f=997:r=48000:d=2,volume=18dB,asoftclip=type=tanh,volume=6dB", 0.11),  # above full scale
        ("sine=f=440:r=48000:d=2,volume=-50dB", 0.01),  # too quiet for 16 bits: measured by ebur128
        ("sine=f=440:r=48000:d=2,volume=40dB", 0.01),  # clips with the headroom
    ],
)
def test_the_true_peak_is_that_of_the_exact_filter(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, lavfi: str, within: float
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", lavfi, "-c:a", "pcm_f32le")
    facts = replace(STEREO, sample_rate=44_100 if "44100" in lavfi else 48_000)
    exact = Loudness.parse(Runner().run(measure_command(source, facts, tools, 0.0)).stderr)
    found = encode(tools, source, facts).loudness
    assert found.true_peak_dbtp is not None
    assert exact.true_peak_dbtp is not None
    assert found.true_peak_dbtp == pytest.approx(exact.true_peak_dbtp, abs=within)
    assert replace(found, true_peak_dbtp=exact.true_peak_dbtp) == exact


def test_usual_audio_is_decoded_once_and_quiet_audio_twice(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    commands: list[tuple[str, ...]] = []

    class Recorder(Runner):
        def run(self, argv: tuple[str, ...], **options: Any) -> Finished:
            commands.append(tuple(argv))
            return super().run(argv, **options)

    for volume, expected in ((0, 1), (-40, 2)):
        commands.clear()
        source = make(ffmpeg, tmp_path / f"{volume}.mp4", f"{TONE},volume={volume}dB")
        encode_track(
            source, STEREO, AudioSettings(), tools=tools, runner=Recorder(), out=tmp_path / "out.m4a"
        )
        assert len(commands) == expected


def test_silence_has_no_loudness(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", "anullsrc=r=48000:cl=mono,atrim=end=1")
    loudness = LoudnessSettings(target_lufs=-16)
    result = encode(tools, source, STEREO, normalise=loudness)
    assert result.loudness.integrated_lufs is None
    assert result.gain_db == 0
    assert result.samples == 48_000


@pytest.mark.parametrize(("channels", "kept"), [(2, 2), (4, 4), (6, 6), (8, 6), (16, 6)])
def test_up_to_six_channels_are_kept_and_more_are_mixed_down(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, channels: int, kept: int
) -> None:
    tones = "|".join(f"0.1*sin(2*PI*{300 + 50 * n}*t)" for n in range(channels))
    source = make(ffmpeg, tmp_path / "a.mov", f"aevalsrc={tones}:s=48000:d=1", "-c:a", "pcm_s16le")
    result = encode(tools, source, replace(STEREO, channels=channels))
    with FileRanges(result.path) as file:
        assert read_movie(file).tracks[0].channels in {kept, 2}  # some muxers always write 2
    assert len(pcm(ffmpeg, result.path, kept)) == kept * 48_000
    assert (result.channels, result.downmixed_from) == (kept, None if channels <= 6 else channels)


@pytest.mark.parametrize(("before", "after"), [(44_100, 44_100), (96_000, 48_000), (12_345, 16_000)])
def test_rates_that_players_support_are_kept(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, before: int, after: int
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", f"sine=f=440:r={before}:d=1", "-c:a", "pcm_s16le")
    result = encode(tools, source, replace(STEREO, sample_rate=before))
    assert result.sample_rate == after
    assert result.samples == pytest.approx(after, abs=2)


def test_audio_that_starts_late_keeps_its_delay(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    plain = make(ffmpeg, tmp_path / "a.mp4", TONE)
    delayed = tmp_path / "late.mp4"
    with FileRanges(plain) as file:
        movie = read_movie(file)
        track = passthrough(movie, movie.tracks[0], file)
        delay = Edit(media_time=-1, duration=movie.timescale // 4, rate=Fraction(1))
        write_mp4(delayed, [replace(track, edits=(delay, *track.edits))], timescale=movie.timescale)
    result = encode(tools, delayed, STEREO)
    with FileRanges(result.path) as file:
        movie = read_movie(file)
        shown = build_presentation(movie, movie.tracks[0])
    assert int(shown.pts[0]) == 12_000
    assert result.samples == 160_018


def test_a_camera_track_keeps_its_length(
    ffmpeg: str, tools: Toolchain, samples: Path, tmp_path: Path
) -> None:
    for name in ("karma", "max-heromode"):
        source = tmp_path / f"{name}.mp4"
        with FileRanges(samples / f"{name}.mp4") as file:
            movie = read_movie(file)
            track = movie.tracks_of_kind("audio")[0]
            copy_tracks(file, movie, [track], source)
        facts = replace(STEREO, channels=track.channels, sample_rate=track.sample_rate)
        result = encode(tools, source, facts)
        assert result.samples == len(pcm(ffmpeg, source))
        assert result.loudness.integrated_lufs is not None


@pytest.mark.parametrize(("end_s", "length"), [(5.0, 5.0), (3.4, 3.3337), (2.0, 3.3337)])
def test_audio_that_ends_early_is_padded_to_the_end_of_the_video(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, end_s: float, length: float
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", TONE, "-c:a", "pcm_s16le")
    settings, out = AudioSettings(), tmp_path / "out.m4a"
    result = encode_track(
        source, STEREO, settings, tools=tools, runner=Runner(), out=out, video_end=Fraction(str(end_s))
    )
    assert result.samples == pytest.approx(length * 48_000, abs=1)
    samples = pcm(ffmpeg, out)
    assert len(samples) == result.samples
    assert np.abs(samples[int(3.4 * 48_000) :]).max(initial=0) < 1e-4


def test_audio_that_cannot_be_decoded_is_rejected(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", TONE)
    with FileRanges(source) as file:
        samples = read_movie(file).tracks[0].samples
    raw = bytearray(source.read_bytes())
    for offset, size in zip(samples.offset, samples.size, strict=True):
        raw[int(offset) : int(offset + size)] = b"\xff" * int(size)
    source.write_bytes(bytes(raw))
    with pytest.raises(InputError, match="can be decoded"):
        encode(tools, source, STEREO)
    assert not source.with_name("out.m4a").exists()
