"""The manifest counts the CPU time of all processes of a run, also of one that was killed."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eddyline.pipeline.demo_clip import make_clip

_PROFILE = """
name: slow
rungs: [{height: 360, codec: h264, crf: 20, preset: slower, maxrate_kbps: 4000, bufsize_kbps: 8000}]
package: false
pictures: {thumbs: 1, poster_width: 160, thumb_width: 160}
quality: off
"""
_TICKS = os.sysconf("SC_CLK_TCK")


def _start(clip: Path, out: Path, profile: Path) -> subprocess.Popen[bytes]:
    command = (
        sys.executable,
        "-m",
        "eddyline",
        "run",
        str(clip),
        "--out",
        str(out),
        "--profile",
        str(profile),
    )
    return subprocess.Popen((*command, "--slots", "2", "--json"), stdout=subprocess.DEVNULL)


def _wait(process: subprocess.Popen[bytes]) -> float:
    """The CPU seconds of a process and of the children that it waited for."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _programs_s(parent: int) -> float:
    """The CPU seconds of the children that run now."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = path.read_text("ascii", "replace").rpartition(")")[2].split()
            if int(words[1]) == parent:
                total += sum(map(int, words[11:15])) / _TICKS
    return total


def _reported_s(out: Path) -> float:
    """The CPU seconds that the running jobs have reported."""
    try:
        with contextlib.closing(sqlite3.connect(out / ".eddyline" / "ledger.sqlite", timeout=5)) as ledger:
            return float(ledger.execute("SELECT coalesce(sum(cpu_s), 0) FROM job_progress").fetchone()[0])
    except sqlite3.OperationalError:  # not created yet
        return 0.0


def _manifest_cpu_s(out: Path) -> float:
    (path,) = out.glob("assets/*/manifest.json")
    return float(json.loads(path.read_text())["run"]["cpu_seconds"])


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "slow.yaml"
    path.write_text(_PROFILE)
    return path


def test_a_run_counts_its_own_process(tmp_path: Path, profile: Path) -> None:
    profile.write_text(_PROFILE.replace("slower", "ultrafast"))
    clip = make_clip(tmp_path / "clip.mp4", seconds=2, width=320, height=180)
    spent = _wait(_start(clip, tmp_path / "out", profile))
    assert _manifest_cpu_s(tmp_path / "out") == pytest.approx(spent, rel=0.15, abs=0.3)


def test_a_run_that_was_killed_and_repeated_counts_both_processes(tmp_path: Path, profile: Path) -> None:
    clip, out = make_clip(tmp_path / "clip.mp4", seconds=4, width=640, height=360), tmp_path / "out"
    first = _start(clip, out, profile)
    deadline = time.monotonic() + 60
    while _reported_s(out) < 0.7:
        assert first.poll() is None, "the run ended before it could be killed: use a longer clip"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed = _programs_s(first.pid)
    first.kill()
    killed += _wait(first)
    repeated = _wait(_start(clip, out, profile))
    found = _manifest_cpu_s(out)
    assert killed > 0.7
    assert found == pytest.approx(killed + repeated, rel=0.15, abs=0.3)
