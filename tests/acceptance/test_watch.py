"""`eddyline watch` as a user starts it: slow copies, invalid files, kills and restarts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.clips import noisy
from tests.waiting import wait_until

WITHIN_S = 120.0
SETTLE_S = 1.0


class Watching:
    """A watch process and the events that it printed."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self.events: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(
                json.loads(line) if line.startswith("{") else {"event": "output", "line": line}
            )

    def names(self, kind: str) -> list[str]:
        return [event["name"] for event in list(self.events) if event["event"] == kind]

    def until(self, condition: Callable[[], object]) -> None:
        wait_until(
            lambda: condition() or self.process.poll() is not None,
            timeout_s=WITHIN_S,
            message=lambda: self.events[-20:],
        )
        assert condition(), self.events[-20:]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; returns the exit status and the seconds until the exit."""
        began = time.monotonic()
        os.killpg(self.process.pid, number)
        status = self.process.wait(30)
        return status, time.monotonic() - began

    def close(self) -> None:
        assert self.process.stdout is not None
        self._reader.join(5)  # reads the remaining output
        self.process.stdout.close()


Start = Callable[..., Watching]


@pytest.fixture
def start(eddyline: tuple[str, ...], small_profile: Path, tmp_path: Path) -> Iterator[Start]:
    started: list[Watching] = []

    def watch(*options: str) -> Watching:
        paths = (str(tmp_path / "cards"), "--out", str(tmp_path / "cards" / "out"))
        settings = ("--profile", str(small_profile), "--settle", str(SETTLE_S), "--json")
        started.append(Watching((*eddyline, "watch", *paths, *settings, *options)))
        return started[-1]

    (tmp_path / "cards").mkdir()
    yield watch
    for each in started:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)
        each.close()


def _copy_slowly(source: Path, target: Path, seconds: float) -> None:
    data = source.read_bytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    step = len(data) // 20 + 1
    with target.open("wb") as file:
        for offset in range(0, len(data), step):
            file.write(data[offset : offset + step])
            file.flush()
            time.sleep(seconds / 20)


def _manifests(out: Path) -> dict[str, int]:
    """The modification times of the manifests by asset (ns)."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("assets/*/manifest.json")}


@pytest.mark.slow
def test_a_slowly_copied_file_is_processed_once_it_is_complete_and_outputs_are_not(
    tmp_path: Path, ffmpeg: str, start: Start
) -> None:
    clip = noisy(ffmpeg, tmp_path / "a.mp4", seconds=3, size="320x180")
    other = noisy(ffmpeg, tmp_path / "b.mp4", seconds=4, size="320x180")
    cards, out = tmp_path / "cards", tmp_path / "cards" / "out"
    watching = start()
    _copy_slowly(clip, cards / "DCIM" / "100GOPRO" / "GX010001.MP4", 4)
    shutil.copy(other, cards / "half.mp4.part")
    (cards / "bad.mp4").write_bytes(b"no video at all" * 100)
    watching.until(lambda: watching.names("asset_finished") and watching.names("asset_failed"))
    assert watching.names("asset_finished") == ["GX010001.MP4"]
    assert watching.names("asset_failed") == ["bad.mp4"]
    (cards / "half.mp4.part").rename(cards / "half.mp4")
    watching.until(lambda: len(watching.names("asset_finished")) == 2)
    # A file with new content is another asset; a rejected file is processed again once it changes.
    replacement = noisy(ffmpeg, tmp_path / "c.mp4", seconds=5, size="320x180")
    shutil.copy(replacement, cards / "bad.mp4")
    watching.until(lambda: len(watching.names("asset_finished")) == 3)
    time.sleep(3 * SETTLE_S)
    status, took = watching.end()
    assert (status, took < 12.0) == (143, True)
    watching.close()
    assert watching.names("asset_finished") == ["GX010001.MP4", "half.mp4", "bad.mp4"]
    assert watching.names("asset_failed") == ["bad.mp4"]
    assert len(_manifests(out)) == 3
    with closing(sqlite3.connect(out / ".eddyline" / "ledger.sqlite")) as ledger:
        (inspected,) = ledger.execute("select count(*) from jobs where kind = 'inspect'").fetchone()
    assert inspected == 4, "an output was processed as a source"


@pytest.mark.slow
def test_after_a_kill_and_restart_each_file_is_processed_exactly_once(
    tmp_path: Path, ffmpeg: str, start: Start
) -> None:
    cards, out = tmp_path / "cards", tmp_path / "cards" / "out"
    first = start()
    noisy(ffmpeg, cards / "a.mp4", seconds=3, size="320x180")
    first.until(lambda: first.names("asset_finished"))
    done = _manifests(out)
    noisy(ffmpeg, cards / "b.mp4", seconds=20, size="640x360")
    first.until(lambda: "b.mp4" in first.names("progress"))
    first.end(signal.SIGKILL)
    noisy(ffmpeg, cards / "c.mp4", seconds=4, size="320x180")
    second = start("--once")
    assert second.process.wait(WITHIN_S) == 0, second.events[-20:]
    second.close()
    finished = {
        event["name"]: event["reused"] for event in second.events if event["event"] == "asset_finished"
    }
    assert set(finished) == {"a.mp4", "b.mp4", "c.mp4"}
    assert finished["a.mp4"]
    after = _manifests(out)
    assert len(after) == 3
    assert done.items() <= after.items(), "a finished asset was processed again"


def test_two_watches_do_not_share_an_output_directory(start: Start, tmp_path: Path) -> None:
    first = start()
    first.until((tmp_path / "cards" / "out" / ".eddyline" / "ledger.sqlite").exists)
    second = start()
    assert second.process.wait(30) == 2
    second.close()
    assert any("another eddyline" in event.get("line", "") for event in second.events)
    assert first.end(signal.SIGINT)[0] == 130


def test_a_missing_directory_is_a_usage_error(eddyline: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [*eddyline, "watch", str(tmp_path / "gone"), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "is not a directory" in done.stderr


@pytest.mark.slow
def test_results_are_published_to_a_store_and_a_store_in_the_directory_is_not_watched(
    tmp_path: Path, ffmpeg: str, start: Start
) -> None:
    noisy(ffmpeg, tmp_path / "cards" / "a.mp4", seconds=3, size="320x180")
    store = tmp_path / "cards" / "results"
    for reused in (False, True):
        watching = start("--once", "--store", str(store))
        assert watching.process.wait(WITHIN_S) == 0, watching.events[-20:]
        watching.close()
        ended = [event for event in watching.events if event["event"] == "asset_finished"]
        assert [(event["name"], event["reused"]) for event in ended] == [("a.mp4", reused)]
        assert len(_manifests(store)) == 1
        assert not _manifests(tmp_path / "cards" / "out")


def test_a_directory_of_results_is_rejected(eddyline: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "out" / "assets").mkdir(parents=True)
    done = subprocess.run(
        [*eddyline, "watch", str(tmp_path / "out" / "assets"), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "contains the results of Eddyline" in done.stderr
