"""The folder of an embedded run: one process at a time, and one place for its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core import files
from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.store.local import LocalStore


def _worked_in(home: RunDirectory, store: LocalStore | None = None) -> None:
    with home.lock(store):
        Ledger.open(home.ledger).close()


def test_only_one_run_is_at_work_in_a_folder(tmp_path: Path) -> None:
    with (
        RunDirectory(tmp_path).lock(),
        pytest.raises(UsageError, match="is using"),
        RunDirectory(tmp_path).lock(),
    ):
        pass
    _worked_in(RunDirectory(tmp_path))


def test_results_that_lie_in_the_folder_go_on_lying_there(tmp_path: Path) -> None:
    home, elsewhere = RunDirectory(tmp_path / "out"), LocalStore(tmp_path / "elsewhere")
    _worked_in(home)
    _worked_in(home, home.store)
    with pytest.raises(UsageError, match="are in itself"):
        _worked_in(home, elsewhere)


def test_results_that_lie_in_a_store_go_on_lying_there(tmp_path: Path) -> None:
    home, elsewhere = RunDirectory(tmp_path / "out"), LocalStore(tmp_path / "elsewhere")
    _worked_in(home, elsewhere)
    _worked_in(home, LocalStore(tmp_path / "elsewhere"))
    for other in (None, LocalStore(tmp_path / "third")):
        with pytest.raises(UsageError, match=f"are in {tmp_path}/elsewhere"):
            _worked_in(home, other)


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
def test_what_a_killed_process_had_half_written_goes_wherever_it_lies(tmp_path: Path, written: str) -> None:
    home = RunDirectory(tmp_path)
    whole = tmp_path / written
    whole.parent.mkdir(parents=True)
    whole.write_bytes(b"whole")
    half = files.temp_path(whole)
    half.write_bytes(b"ha")
    gone = files.temp_path(whole.with_name("a folder"))  # one that was being removed
    (gone / "below").mkdir(parents=True)
    with home.lock():
        home.clean(has_open_jobs=lambda _: True)
    assert not half.exists()
    assert not gone.exists()
    assert whole.read_bytes() == b"whole"


def test_hidden_files_that_are_not_ours_stay(tmp_path: Path) -> None:
    home, theirs = RunDirectory(tmp_path), tmp_path / "assets" / "ab" / ".DS_Store"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    with home.lock():
        home.clean(has_open_jobs=lambda _: False)
    assert theirs.read_bytes() == b"theirs"
