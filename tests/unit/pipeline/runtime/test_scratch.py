"""Workers of one machine have separate scratch directories and remove those of killed workers only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eddyline.pipeline.runtime.scratch import scratch_directory

HOLDER = """
import sys, time
from pathlib import Path
from eddyline.pipeline.runtime.scratch import scratch_directory
with scratch_directory(Path(sys.argv[1])) as folder:
    (folder / "half.mp4").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(60)
"""


@contextmanager
def _holder(root: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    command = [sys.executable, "-c", HOLDER, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_each_process_has_its_own_directory_which_is_removed_at_the_end(tmp_path: Path) -> None:
    with scratch_directory(tmp_path / "work") as one, scratch_directory(tmp_path / "work") as other:
        assert one != other
        assert one.is_dir()
    assert list((tmp_path / "work").iterdir()) == []


def test_the_directory_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg and the packager may run in another working directory."""
    monkeypatch.chdir(tmp_path)
    with scratch_directory(Path("work")) as directory:
        assert directory.parent == tmp_path / "work"


def test_directories_of_killed_processes_are_removed_and_those_of_running_ones_are_kept(
    tmp_path: Path,
) -> None:
    with _holder(tmp_path) as (killed, abandoned), _holder(tmp_path) as (_, in_use):
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with scratch_directory(tmp_path):
            assert not abandoned.exists()
            assert (in_use / "half.mp4").exists()


def test_other_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    os.utime(tmp_path / "notes", (0, 0))
    with scratch_directory(tmp_path):
        pass
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"
