"""External audio and telemetry are added to a video and synchronized with it."""

from __future__ import annotations

import subprocess
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from eddyline import gpmf
from eddyline.core.errors import InputError, UsageError
from eddyline.edit.combine.combine import Combined, CombineRequest, combine
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import iter_samples
from eddyline.pipeline.demo_clip import make_clip
from eddyline.store.ranges import FileRanges

RATE = 48_000
SECONDS = 12
FRAME_S = 1 / 25


def clicks(seconds: float, *, start_s: float = 0.0, ppm: float = 0.0) -> npt.NDArray[np.float64]:
    """Returns a recording, from second `start_s`, of a timeline with noise bursts at irregular times."""
    rng = np.random.default_rng(9)
    timeline = np.zeros(int((seconds + 6) * RATE))
    at = 0.3
    while at < seconds + 5:
        size = int(RATE * rng.uniform(0.02, 0.12))
        timeline[int(at * RATE) :][:size] += (
            rng.standard_normal(size) * rng.uniform(0.1, 0.5) * np.hanning(size)
        )
        at += rng.uniform(0.15, 0.5)
    times = start_s + np.arange(int(seconds * RATE)) / RATE / (1 + ppm / 1e6)
    return np.interp(times * RATE, np.arange(len(timeline)), timeline)


def write_wav(path: Path, audio: npt.NDArray[np.float64]) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(audio, -1, 1) * 32_000).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    """A video of 25 frames per second; its own audio starts at second 2 of the timeline."""
    directory = tmp_path_factory.mktemp("video")
    audio = write_wav(directory / "own.wav", clicks(SECONDS, start_s=2.0))
    test_video = ("-f", "lavfi", "-i", f"testsrc2=size=160x90:rate=25:duration={SECONDS}")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    out = directory / "video.mp4"
    subprocess.run([ffmpeg, "-v", "error", *test_video, "-i", str(audio), *coded, str(out)], check=True)
    return out


def combined(video: Path, out: Path, tools: Toolchain, **options: Any) -> Combined:
    return combine(video, out, CombineRequest(**options), tools=tools)


def samples(path: Path, track: int, ffmpeg: str) -> npt.NDArray[np.float32]:
    """Returns the samples of an audio track from movie time 0."""
    argv = [ffmpeg, "-v", "error", "-copyts", "-i", str(path), "-map", f"0:a:{track}"]
    argv += ["-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(argv, check=True, capture_output=True).stdout, "<f4")


def lag_s(
    own: npt.NDArray[np.float32], other: npt.NDArray[np.float32], begin_s: float, length_s: float
) -> float:
    """Returns by how many seconds `other` lags behind `own`, measured from second `begin_s`."""
    begin, size = int(begin_s * RATE), int(length_s * RATE)
    reach = RATE // 2
    part, window = own[begin : begin + size], other[begin - reach : begin + size + reach]
    n = 1 << (len(part) + len(window)).bit_length()
    scores = np.fft.irfft(np.fft.rfft(window, n) * np.conj(np.fft.rfft(part, n)), n)[: 2 * reach]
    return (int(np.argmax(scores)) - reach) / RATE


def digest(path: Path) -> bytes:
    with FileRanges(path) as src:
        return b"".join(iter_samples(src, read_movie(src).tracks_of_kind("video")[0]))


def test_external_audio_is_aligned_with_the_audio_of_the_video(
    video: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    recorder = write_wav(tmp_path / "rec.wav", clicks(SECONDS + 3, start_s=0.75, ppm=400.0))
    out = tmp_path / "out.mp4"
    result = combined(video, out, tools, audio=(recorder,), drift="auto")
    (added,) = result.audio
    assert added.offset_s == pytest.approx(-1.25, abs=0.001)
    assert added.ppm == pytest.approx(400, abs=40)
    own, other = samples(out, 1, ffmpeg), samples(out, 0, ffmpeg)
    for at in (1.0, 5.0, 10.0):
        assert abs(lag_s(own, other, at, 1.0)) < 0.001 < FRAME_S
    assert digest(out) == digest(video)


@pytest.mark.parametrize("offset", ["0.5", "-0.75"])
@pytest.mark.parametrize("copy", [False, True])
def test_an_offset_moves_the_audio_with_an_error_below_a_millisecond(
    video: Path,
    tmp_path: Path,
    tools: Toolchain,
    ffmpeg: str,
    offset: str,
    copy: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    recorder = write_wav(tmp_path / "rec.wav", clicks(SECONDS, start_s=2.0))
    out = tmp_path / "out.mp4"
    result = combined(video, out, tools, audio=(recorder,), offset=Fraction(offset), copy=copy)
    assert (result.audio[0].codec, result.audio[0].encoded) == (("alac", False) if copy else ("aac", True))
    own, other = samples(out, 1, ffmpeg), samples(out, 0, ffmpeg)
    moved = np.concatenate((np.zeros(RATE, np.float32), own))[int((1 - float(offset)) * RATE) :]
    assert abs(lag_s(moved, other, 4.0, 2.0)) < 0.001


def test_the_audio_of_the_video_is_disabled_or_replaced(
    video: Path, tmp_path: Path, tools: Toolchain
) -> None:
    recorder = write_wav(tmp_path / "rec.wav", clicks(SECONDS, start_s=2.0))
    for replaced, enabled in ((False, [True, False]), (True, [True])):
        out = tmp_path / f"{replaced}.mp4"
        combined(video, out, tools, audio=(recorder,), replace=replaced)
        with FileRanges(out) as src:
            movie = read_movie(src)
        assert [track.enabled for track in movie.tracks_of_kind("audio")] == enabled


def test_audio_in_a_supported_codec_is_copied_without_encoding(
    video: Path, tmp_path: Path, tools: Toolchain
) -> None:
    out = tmp_path / "out.mp4"
    result = combined(video, out, tools, audio=(video,))
    assert not result.audio[0].encoded
    assert result.audio[0].codec == "aac"


def test_telemetry_of_another_movie_is_copied_whole_or_cut_to_the_video(
    video: Path, tmp_path: Path, tools: Toolchain
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=4, width=160, height=90)
    source = gpmf.read(clip)
    whole = combined(video, tmp_path / "whole.mp4", tools, telemetry=clip, telemetry_offset=Fraction(3))
    found = gpmf.read(tmp_path / "whole.mp4")
    assert not whole.telemetry_cut
    assert found.payloads.data == source.payloads.data
    assert np.allclose(found.streams["ACCL"].times, source.streams["ACCL"].times + 3, atol=1e-4)
    assert found.camera == source.camera
    cut = combined(video, tmp_path / "cut.mp4", tools, telemetry=clip, telemetry_offset=Fraction(-3, 2))
    found = gpmf.read(tmp_path / "cut.mp4")
    stream = source.streams["ACCL"]
    inside = stream.times >= 1.5
    assert cut.telemetry_cut
    assert np.array_equal(found.streams["ACCL"].values, stream.values[inside])
    assert np.abs(found.streams["ACCL"].times - (stream.times[inside] - 1.5)).max() * stream.rate_hz < 1


def test_raw_payloads_become_a_readable_telemetry_track(
    video: Path, tmp_path: Path, tools: Toolchain
) -> None:
    clip = gpmf.read(make_clip(tmp_path / "clip.mp4", seconds=3, width=160, height=90))
    raw = tmp_path / "raw.gpmf"
    raw.write_bytes(clip.payloads.data)
    result = combined(video, tmp_path / "out.mp4", tools, telemetry=raw)
    assert result.payloads == 3
    assert gpmf.read(tmp_path / "out.mp4").payloads.data == clip.payloads.data


def test_unrelated_audio_is_rejected_and_leaves_no_file(
    video: Path, tmp_path: Path, tools: Toolchain
) -> None:
    noise = np.random.default_rng(1).standard_normal(SECONDS * RATE) * 0.1
    recorder = write_wav(tmp_path / "rec.wav", noise)
    with pytest.raises(InputError, match="too few matching"):
        combined(video, tmp_path / "out.mp4", tools, audio=(recorder,), drift="auto")
    assert [each.name for each in tmp_path.iterdir()] == ["rec.wav"]


def test_invalid_requests_are_rejected(video: Path, tmp_path: Path, tools: Toolchain) -> None:
    recorder = write_wav(tmp_path / "rec.wav", clicks(2))
    out = tmp_path / "out.mp4"
    for options in (
        {},
        {"audio": (recorder,), "drift": 90_000.0},
        {"audio": (recorder,), "drift": 50.0, "copy": True},
        {"audio": (recorder,), "offset": Fraction(900)},
        {"telemetry": recorder, "offset": Fraction(1)},
    ):
        with pytest.raises(UsageError):
            combined(video, out, tools, **options)
    with pytest.raises(UsageError, match="replace"):
        combined(video, recorder, tools, audio=(recorder,))
    assert not out.exists()
