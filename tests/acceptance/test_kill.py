"""Repeated kill -9 of the whole process group at random times."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.conftest import manifest_of

KILLS = 12
SLOTS = 2
MOST_EVENTS = 14  # events of a run before a kill; a complete run prints more, on a slow machine many more
START_UP_S = 0.8  # the longest pause before a kill that does not wait for an event


def _finished_chunks(out: Path) -> dict[str, tuple[int, int]]:
    """The receipts of chunks in the store: (inode, modification time) by path."""
    found = {}
    for receipt in (out / ".eddyline").glob("parts/*/*/chunk-*/receipt.json"):
        with suppress(FileNotFoundError):
            stat = receipt.stat()
            found[str(receipt.relative_to(out))] = (stat.st_ino, stat.st_mtime_ns)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_after_random_kills_the_manifest_equals_that_of_an_undisturbed_run(
    tmp_path: Path, ffmpeg: str, eddyline: tuple[str, ...], small_profile: Path
) -> None:
    clip = noisy(ffmpeg, tmp_path / "in.mp4", seconds=40)
    undisturbed = tmp_path / "undisturbed"

    def command(out: Path) -> list[str]:
        options = ("--profile", str(small_profile), "--slots", str(SLOTS), "--json")
        return [*eddyline, "run", str(clip), "--out", str(out), *options]

    subprocess.run(command(undisturbed), check=True, capture_output=True)
    rng, kills, outputs, redone = random.Random(20), 0, 0, 0
    while kills < KILLS:
        outputs += 1
        killed_run = tmp_path / f"killed-{outputs}"
        killed = _kill_repeatedly(command(killed_run), killed_run, rng, KILLS - kills)
        subprocess.run(command(killed_run), check=True, capture_output=True)
        redone += _check_asset(killed_run, undisturbed, killed)
        kills += killed
    assert redone, "no kill interrupted any job"


def _kill_repeatedly(argv: list[str], out: Path, rng: random.Random, most: int) -> int:
    """Start and kill the run until it ends before a kill, or is killed `most` times; returns the kills."""
    finished: dict[str, tuple[int, int]] = {}
    for kills in range(most):
        with subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            ended = _ends_before_kill(process, rng)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if ended:
            return kills
        now = _finished_chunks(out)
        again = [key for key, was in finished.items() if key in now and now[key] != was]
        assert not again, f"finished chunks were encoded again: {again}"
        finished.update(now)
        _check_published_files(out)
    return most


def _ends_before_kill(process: subprocess.Popen[bytes], rng: random.Random) -> bool:
    """Wait until a random point of the run's progress, on machines of any speed; True: the run ended first.

    Progress is what the run prints. One kill in five happens during start-up, before the first output.
    """
    assert process.stdout is not None
    events = rng.randint(-MOST_EVENTS // 4, MOST_EVENTS)
    for _ in range(events):
        if not process.stdout.readline():
            return True
    with suppress(subprocess.TimeoutExpired):
        process.wait(rng.uniform(0.05, START_UP_S if events <= 0 else 0.2))
    return process.poll() is not None


def _check_asset(killed_run: Path, undisturbed: Path, kills: int) -> int:
    """Check that the asset equals the undisturbed one and no files are left; returns the repeated jobs."""
    expected, got = manifest_of(undisturbed), manifest_of(killed_run)
    run = got.pop("run")
    expected.pop("run")
    assert got == expected
    assert run["redone_jobs"] <= kills * SLOTS
    with closing(sqlite3.connect(killed_run / ".eddyline" / "ledger.sqlite")) as ledger:
        assert ledger.execute("select count(*) from jobs where state <> 'done'").fetchone() == (0,)
    assert not list((killed_run / ".eddyline" / "work").iterdir()), "scratch directories are left"
    leftovers = [path for path in killed_run.rglob(".*") if path.name != ".eddyline"]
    assert not leftovers, "incomplete files are left"
    return int(run["redone_jobs"])


def _check_published_files(out: Path) -> None:
    """All files that a manifest lists are complete, and an asset without a manifest is not listed."""
    for path in out.glob("assets/*/manifest.json"):
        manifest = json.loads(path.read_text())
        for rendition in manifest["renditions"]:
            assert (path.parent / rendition["path"]).stat().st_size == rendition["bytes"]
