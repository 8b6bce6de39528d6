"""Measures the time from the start of the program to the first playable segment of a 30-minute file.

The playlists of video and audio exist then, with the segments that they name. `first_segment.cpu_s` is the
CPU time of the program and its children until then: on a busy machine, the wall-clock time says little.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.poster import make_long_clip
from eddyline.media.streaming.preview import MASTER
from eddyline.media.toolchain import Toolchain

ROUNDS = 3
_TIMEOUT_S = 180


def measure(work: Path, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the smallest wall-clock and CPU seconds of `rounds` rounds, and the load of the machine."""
    clip = make_long_clip(Toolchain.find())
    load = os.getloadavg()[0]
    found = [_first_segment(clip, work / "first") for _ in range(rounds)]
    return {
        "first_segment_s": min(wall for wall, _ in found),
        "first_segment.cpu_s": min(cpu for _, cpu in found),
        "first_segment.load": load,
    }


def _first_segment(clip: Path, out: Path) -> tuple[float, float]:
    shutil.rmtree(out, ignore_errors=True)
    argv = (sys.executable, "-m", "eddyline", "run", str(clip), "--out", str(out), "--slots", "2", "--json")
    started = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not list(out.glob(f"assets/*/stream/{MASTER}")):
            if process.poll() is not None or time.monotonic() - started > _TIMEOUT_S:
                raise RuntimeError("no preview: the program ended, or took more than three minutes")
            time.sleep(0.005)
        return time.monotonic() - started, _cpu_s(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process and of its children, ended or running (proc(5))."""
    ticks = os.sysconf("SC_CLK_TCK")
    own = _stat(Path(f"/proc/{pid}"))
    running = [
        _stat(path)
        for path in Path("/proc").iterdir()
        if path.name.isdecimal() and (values := _stat(path)) and int(values[1]) == pid
    ]
    times = sum(map(int, own[11:15])) + sum(sum(map(int, each[11:13])) for each in running if each)
    return times / ticks


def _stat(path: Path) -> list[str]:
    """The fields of a process after its name, from the state on; empty if it has ended."""
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
