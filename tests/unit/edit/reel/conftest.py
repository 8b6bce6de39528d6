"""Recordings of 16 s with planted events, as a camera writes them, and music with a beat."""

from __future__ import annotations

import struct
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.edit.highlights.planted import Recording

from eddyline.mp4.boxes import make_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.pipeline.demo_clip.make import _telemetry_track
from eddyline.pipeline.demo_clip.payloads import Payload
from eddyline.store.ranges import FileRanges

SECONDS = 16
FRAMES = 480
RATE = 48_000
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "30", "-threads", "1")
MakeRecording = Callable[..., Path]


@pytest.fixture(scope="session")
def make_recording(ffmpeg: str) -> MakeRecording:
    """make_recording(path, seed=1, options=X264, rate="30000/1001", hilights_ms=()) -> path."""

    def make(
        path: Path,
        *,
        seed: int = 1,
        options: tuple[str, ...] = X264,
        rate: str = "30000/1001",
        hilights_ms: tuple[int, ...] = (),
    ) -> Path:
        encoded, raw = path.with_suffix(".encoded.mp4"), path.with_suffix(".gpmf")
        video = ("-f", "lavfi", "-i", f"testsrc2=size=160x90:rate={rate}")
        audio = ("-f", "lavfi", "-i", f"aevalsrc=0.3*sin(2*PI*(300+40*t)*t)|0.2*sin(2*PI*500*t):s={RATE}")
        length = ("-t", str(FRAMES * 1001 / 30000))
        coded = (*options, "-c:a", "aac", "-b:a", "96k", "-map", "0:v", "-map", "1:a", "-fflags", "+bitexact")
        subprocess.run([ffmpeg, "-v", "error", *video, *audio, *length, *coded, str(encoded)], check=True)
        recording = Recording(seed=seed, seconds=SECONDS)
        recording.plant("airtime", 3.0, 3.8, 1.0)
        recording.plant("spin", 7.0, 8.4, 0.5)
        recording.plant("impact", 12.0, 12.1, 0.5)
        data = recording.payloads()
        size = len(data) // SECONDS
        payloads = [Payload(data=data[at : at + size], duration_ms=1001) for at in range(0, len(data), size)]
        raw.write_bytes(data)
        tags = struct.pack(f">{1 + len(hilights_ms)}I", len(hilights_ms), *hilights_ms).ljust(404, b"\0")
        with FileRanges(encoded) as source:
            movie = read_movie(source)
            tracks = [passthrough(movie, track, encoded) for track in movie.tracks]
            write_mp4(
                path,
                [*tracks, _telemetry_track(raw, payloads)],
                timescale=movie.timescale,
                udta=make_box("HMMT", tags),
                brand="mp41",
            )
        encoded.unlink()
        raw.unlink()
        return path

    return make


@pytest.fixture(scope="session")
def recording(make_recording: MakeRecording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recording with a fall at 3 s, a spin at 7 s and an impact at 12 s."""
    return make_recording(tmp_path_factory.mktemp("recording") / "ride.mp4")


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Music of 30 s with a beat every half second from 0.2 s on."""
    path = tmp_path_factory.mktemp("music") / "beat.wav"
    audio = np.random.default_rng(1).normal(0, 0.01, 30 * RATE)
    length = RATE // 10
    seconds = np.arange(length) / RATE
    hit = 0.6 * np.exp(-seconds / 0.03)
    for number in range(59):
        at = round((0.2 + number / 2) * RATE)
        audio[at : at + length] += (
            0.6 * hit * np.sin(2 * np.pi * (90 + 60 * (number % 2)) * np.arange(length) / RATE)
        )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(audio, -1, 1) * 32_000).astype("<i2").tobytes())
    return path
