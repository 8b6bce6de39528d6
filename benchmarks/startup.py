"""Measures short commands: help, probe, and the run of a clip of two seconds, beside plain commands.

`startup.plain_command_s` is one FFmpeg command with the same rungs and audio, `startup.ffprobe_s` is ffprobe
of the same clip. Each figure is the smallest of several rounds, because other load can only add to it. Each
run has a new directory: the time to create a ledger is included. `startup.run_children` counts the programs
that a run starts.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.clips import CACHE
from benchmarks.encode import Cost, run_timed, single_command
from eddyline.media.ladder import ladder, profile
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline import probe

ROUNDS = 7
SECONDS = 2
_EDDYLINE = (sys.executable, "-m", "eddyline")
_COUNTING = """
import sys
started = []
sys.addaudithook(lambda event, arguments: event == "subprocess.Popen" and started.append(arguments[0]))
from eddyline.cli.main import run_command
assert run_command() == 0
sys.stderr.write(f"{len(started)}\\n")
"""


def measure(work: Path, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the smallest times of `rounds` rounds, in seconds, and the number of child processes."""
    tools = Toolchain.find()
    clip, out = _make_clip(tools), work / "startup"
    facts = probe(clip).video
    rungs = ladder.rungs(profile.load_profile("default"), facts)
    run = ("run", str(clip), "--out", str(out), "--json")
    commands: dict[str, Sequence[str]] = {
        "help": (*_EDDYLINE, "--help"),
        "probe": (*_EDDYLINE, "probe", str(clip)),
        "run": (*_EDDYLINE, *run),
        "plain_command": single_command(tools, clip, rungs, work, facts.fps),
        "ffprobe": (str(tools.ffprobe), "-v", "error", "-show_format", "-show_streams", str(clip)),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, argv in commands.items():
            shutil.rmtree(out, ignore_errors=True)
            costs[name].append(run_timed(argv))
    shutil.rmtree(out, ignore_errors=True)
    counted = subprocess.run(
        (sys.executable, "-c", _COUNTING, *run), capture_output=True, text=True, check=True
    )
    return {
        **{f"startup.{name}_s": min(each.wall_s for each in costs[name]) for name in commands},
        "startup.run_cpu_s": min(each.cpu_s for each in costs["run"]),
        "startup.run_children": float(counted.stderr.splitlines()[-1]),
    }


def _make_clip(tools: Toolchain) -> Path:
    """Return a clip of 640x360 with 30 frames a second, one GOP a second and a tone."""
    CACHE.mkdir(exist_ok=True)
    out = CACHE / f"startup-{SECONDS}s.mp4"
    if not out.is_file():
        subprocess.run(
            [
                *(str(tools.ffmpeg), "-v", "error", "-nostdin", "-y"),
                *("-f", "lavfi", "-i", f"testsrc2=s=640x360:r=30:d={SECONDS}"),
                *("-f", "lavfi", "-i", f"sine=997:d={SECONDS}"),
                *("-c:v", "libx264", "-g", "30", "-c:a", "aac", str(out)),
            ],
            check=True,
        )
    return out


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        for key, value in measure(Path(name)).items():
            print(f"{key} {value:.3f}")
