"""`eddyline highlights` on the command line."""

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
    """HiLights at 2 and 4.8 s."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=8, width=160, height=90)


def call(*arguments: str | Path) -> Result:
    argv = [str(argument) for argument in arguments]
    return CliRunner().invoke(build(argv), argv, catch_exceptions=True)


def test_the_list_shows_times_scores_and_evidence(clip: Path) -> None:
    result = call("highlights", clip, "--list", "--max-segment", "2", "--duration", "4")
    assert result.exit_code == 0
    assert [line.split() for line in result.output.splitlines()] == [
        ["1.00", "0:00.43", "to", "0:02.40", "HiLight"],
        ["1.00", "0:03.24", "to", "0:05.21", "HiLight"],
    ]


def test_the_list_as_json_writes_no_file(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    listed = json.loads(call("highlights", clip, "--json", "--max-segment", "2").output)
    assert [each["frames"] for each in listed["segments"]] == [59, 59]
    assert not list(tmp_path.iterdir())


def test_a_reel_has_a_default_name_and_replaces_nothing(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("highlights", clip, "--max-segment", "2")
    assert result.exit_code == 0
    assert "clip-highlights.mp4" in result.output
    assert "3.937 s, 118 frames" in result.output
    assert isinstance(call("highlights", clip).exception, UsageError)
    reported = json.loads(call("highlights", clip, "--json", "--out", tmp_path / "reel.mp4").output)
    assert reported["path"] == str(tmp_path / "reel.mp4")
    assert sum(each["frames"] for each in reported["segments"]) == reported["frames"]


def test_a_recording_without_highlights_has_an_empty_list(tmp_path: Path, ffmpeg: str) -> None:
    plain = tmp_path / "plain.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=3")
    subprocess.run([ffmpeg, "-v", "error", *source, "-c:v", "libx264", str(plain)], check=True)
    result = call("highlights", plain, "--list")
    assert result.exit_code == 0
    assert "no telemetry" in result.output
    assert "no highlights" in result.output


def test_missing_files_are_rejected(clip: Path, tmp_path: Path) -> None:
    assert isinstance(call("highlights", tmp_path / "none.mp4").exception, MissingError)
    assert isinstance(call("highlights", clip, "--music", tmp_path / "none.mp3").exception, MissingError)


def test_a_killed_run_leaves_no_reel_and_the_next_removes_its_files(
    clip: Path, tmp_path: Path, ffmpeg: str
) -> None:
    hanging_ffmpeg, started, out = tmp_path / "ffmpeg", tmp_path / "hanging", tmp_path / "out" / "reel.mp4"
    # It hangs after the segments were cut, when their audio is decoded.
    hanging_ffmpeg.write_text(
        f"#!/bin/sh\ncase $* in *s24le*) touch '{started}'; exec sleep 600;; esac\nexec '{ffmpeg}' \"$@\"\n"
    )
    hanging_ffmpeg.chmod(0o755)
    argv = ("highlights", clip, "--max-segment", "2", "--out", out)
    environment = {**os.environ, "EDDYLINE_FFMPEG": str(hanging_ffmpeg), "XDG_CACHE_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "eddyline", *argv], env=environment) as process:
        wait_until(lambda: process.poll() is not None or started.exists(), timeout_s=120)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert [each.name[:10] for each in out.parent.iterdir()] == [".reel.mp4."]
    assert call(*argv).exit_code == 0
    assert list(out.parent.iterdir()) == [out]
