"""The directory of an embedded run is used by one process, and its results are in one place."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eddyline.core import files
from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs import run_directory
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.store.local import LocalStore


def _use(directory: RunDirectory, store: LocalStore | None = None) -> None:
    with directory.lock(store):
        Ledger.open(directory.ledger).close()


def test_a_directory_is_used_by_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        RunDirectory(tmp_path).lock(),
        pytest.raises(UsageError, match="is using"),
        RunDirectory(tmp_path).lock(),
    ):
        pass
    _use(RunDirectory(tmp_path))


def test_a_run_waits_for_the_lock_that_a_child_of_a_killed_run_still_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_directory, "LOCK_TIMEOUT_S", 60)
    script = f"""
import os, pathlib, signal, sys
from eddyline.pipeline.runs.run_directory import RunDirectory
with RunDirectory(pathlib.Path({str(tmp_path)!r})).lock():
    if os.fork() == 0:  # like a child before exec, until its input ends
        sys.stdin.read()
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as killed:
        assert killed.wait(60) == -signal.SIGKILL
        with (tmp_path / ".eddyline" / "lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert killed.stdin is not None
        threading.Timer(0.2, killed.stdin.close).start()
        _use(RunDirectory(tmp_path))


def test_a_run_with_results_in_its_directory_rejects_another_store(tmp_path: Path) -> None:
    directory, elsewhere = RunDirectory(tmp_path / "out"), LocalStore(tmp_path / "elsewhere")
    _use(directory)
    _use(directory, directory.store)
    with pytest.raises(UsageError, match="are in itself"):
        _use(directory, elsewhere)


def test_a_run_with_results_in_a_store_rejects_another_store(tmp_path: Path) -> None:
    directory, elsewhere = RunDirectory(tmp_path / "out"), LocalStore(tmp_path / "elsewhere")
    _use(directory, elsewhere)
    _use(directory, LocalStore(tmp_path / "elsewhere"))
    for other in (None, LocalStore(tmp_path / "third")):
        with pytest.raises(UsageError, match=f"are in {tmp_path}/elsewhere"):
            _use(directory, other)


@pytest.mark.parametrize(
    "written",
    [
        "assets/ab/manifest.json",
        ".eddyline/parts/ab/probe/plan.json",
        ".eddyline/sources/ab.json",
        ".eddyline/index/ab.json",
        ".eddyline/settings.json",
    ],
)
def test_temporary_files_of_a_killed_process_are_removed_everywhere(tmp_path: Path, written: str) -> None:
    directory = RunDirectory(tmp_path)
    complete = tmp_path / written
    complete.parent.mkdir(parents=True)
    complete.write_bytes(b"whole")
    temporary = files.temp_path(complete)
    temporary.write_bytes(b"ha")
    temporary_directory = files.temp_path(
        complete.with_name("a folder")
    )  # a directory that was being removed
    (temporary_directory / "below").mkdir(parents=True)
    with directory.lock():
        directory.clean(has_open_jobs=lambda _: True)
    assert not temporary.exists()
    assert not temporary_directory.exists()
    assert complete.read_bytes() == b"whole"


def test_other_hidden_files_are_kept(tmp_path: Path) -> None:
    directory, foreign = RunDirectory(tmp_path), tmp_path / "assets" / "ab" / ".DS_Store"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"theirs")
    with directory.lock():
        directory.clean(has_open_jobs=lambda _: False)
    assert foreign.read_bytes() == b"theirs"


def test_a_server_leaves_the_jobs_to_its_worker(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    with directory.lock(runs_jobs=False), RunDirectory(tmp_path).lock_jobs():
        pass


def test_a_run_waits_for_the_worker_of_a_server_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_directory, "JOBS_TIMEOUT_S", 0.05)
    with (
        RunDirectory(tmp_path).lock_jobs(),
        pytest.raises(UsageError, match="is using"),
        RunDirectory(tmp_path).lock(),
    ):
        pass
    _use(RunDirectory(tmp_path))


def test_a_worker_that_starts_removes_nothing_that_its_server_may_be_writing(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    upload = directory.state / "uploads" / "one.bin"
    with directory.lock():
        kept = [files.temp_path(upload)]
        removed = [files.temp_path(tmp_path / "assets" / "a" / "x.mp4"), directory.scratch / "job" / "x"]
        for path in (*kept, *removed):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        directory.clean_jobs(has_open_jobs=lambda _: True)
        assert [path for path in (*kept, *removed) if path.exists()] == kept
        directory.clean(has_open_jobs=lambda _: True)
        assert not kept[0].exists()
