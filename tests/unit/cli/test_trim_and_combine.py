"""`eddyline trim` and `eddyline combine` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.waiting import wait_until
from typer.testing import CliRunner, Result

from eddyline.cli.main import build
from eddyline.core.errors import MissingError, UsageError
from eddyline.pipeline.demo_clip import make_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=3, width=160, height=90)


def call(*arguments: str | Path) -> Result:
    argv = [str(argument) for argument in arguments]
    return CliRunner().invoke(build(argv), argv, catch_exceptions=True)


def test_trim_prints_the_range(clip: Path, tmp_path: Path) -> None:
    result = call("trim", clip, "--from", "0:01", "--to", "60f", "--out", tmp_path / "cut.mp4")
    assert result.exit_code == 0
    assert "frames 30 to 59 (30 frames)" in result.output
    assert "re-encoded" in result.output
    assert (tmp_path / "cut.mp4").is_file()


def test_trim_reports_the_keyframe_range_as_json(clip: Path, tmp_path: Path) -> None:
    result = call("trim", clip, "--from", "70f", "--keyframes", "--json", "-o", tmp_path / "cut.mp4")
    reported = json.loads(result.output)
    assert (reported["first"], reported["last"], reported["encoded"]) == (61, 90, 0)
    assert reported["telemetry"]["samples"]["ACCL"] > 0


def test_a_missing_source_or_existing_target_is_rejected(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(call("trim", tmp_path / "none.mp4", "--to", "1").exception, MissingError)
    assert isinstance(call("trim", clip, "--to", "soon").exception, UsageError)
    (tmp_path / "clip-trimmed.mp4").write_bytes(b"mine")
    assert isinstance(call("trim", clip, "--to", "1").exception, UsageError)
    assert isinstance(call("trim", clip, "--to", "1", "--out", clip).exception, UsageError)
    assert isinstance(call("combine", clip, "--audio", tmp_path / "none.wav").exception, MissingError)
    assert isinstance(call("combine", clip, "--audio", clip, "--drift", "much").exception, UsageError)


def test_combine_prints_the_tracks(clip: Path, tmp_path: Path, ffmpeg: str) -> None:
    audio = tmp_path / "rec.wav"
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")
    subprocess.run([ffmpeg, "-v", "error", *tone, str(audio)], check=True)
    out = tmp_path / "out.mp4"
    result = call("combine", clip, "--audio", audio, "--offset", "0.5", "--telemetry", clip, "--out", out)
    assert result.exit_code == 0
    assert "+0.5000 s, encoded as AAC" in result.output
    assert "3 payloads, unchanged" in result.output
    assert "switched off" in result.output
    assert "telemetry (gpmd)" in result.output


def test_temporary_files_of_a_killed_trim_are_removed_by_the_next(
    clip: Path, tmp_path: Path, ffmpeg: str
) -> None:
    hanging_ffmpeg, started, out = tmp_path / "ffmpeg", tmp_path / "hanging", tmp_path / "out" / "cut.mp4"
    hanging_ffmpeg.write_text(
        f"#!/bin/sh\ncase $* in *-version* | *-encoders*) exec '{ffmpeg}' \"$@\";; esac\n"
        f"touch '{started}'\nexec sleep 600\n"
    )
    hanging_ffmpeg.chmod(0o755)
    argv = ("trim", clip, "--from", "0:01", "--to", "60f", "--out", out)
    environment = {**os.environ, "EDDYLINE_FFMPEG": str(hanging_ffmpeg), "XDG_CACHE_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "eddyline", *argv], env=environment) as process:
        # A child that has not reached exec still holds the lock of the directory, so wait for FFmpeg itself.
        wait_until(lambda: process.poll() is not None or started.exists(), timeout_s=120)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert [each.name[:9] for each in out.parent.iterdir()] == [".cut.mp4."]
    assert call(*argv).exit_code == 0
    assert list(out.parent.iterdir()) == [out]
