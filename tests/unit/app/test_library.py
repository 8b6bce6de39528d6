"""Commands find the ledger and the store of a library, also where its results are in another store."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline import config
from eddyline.app.library import open_library
from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.run_directory import RunDirectory


def shared(store: str = "", ledger: str = "") -> SharedServices:
    return SharedServices(store=store, ledger=ledger, queues="", settings=config.read({}))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    directory = RunDirectory(tmp_path / "out")
    directory.state.mkdir(parents=True)
    Ledger.open(directory.ledger).close()
    return directory.root


def record_store(out: Path, store: Path) -> None:
    store.mkdir()
    (RunDirectory(out).state / "store").write_text(f"{store}/assets", "utf-8")


def test_the_store_of_a_directory_is_the_directory(out: Path) -> None:
    with open_library(out, shared()) as library:
        assert library.store.where("a") == str(out / "a")
        assert library.directory is not None


def test_the_store_of_a_directory_is_the_one_that_its_runs_recorded(out: Path, tmp_path: Path) -> None:
    record_store(out, tmp_path / "media")
    with open_library(out, shared()) as library:
        assert library.store.where("a") == str(tmp_path / "media" / "a")
    with open_library(out, shared(f"{tmp_path / 'media'}/")) as library:
        assert library.store.where("a") == str(tmp_path / "media" / "a")


def test_another_store_than_that_of_the_directory_is_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in the directory itself"), open_library(out, shared("s3://other")):
        pass
    record_store(out, tmp_path / "media")
    with pytest.raises(UsageError, match="media"), open_library(out, shared("s3://other")):
        pass


def test_a_ledger_without_a_directory_is_that_of_a_fleet(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    fleet = shared(str(tmp_path / "media"), str(tmp_path / "fleet.sqlite"))
    with open_library(None, fleet) as library:
        assert library.directory is None
        assert library.store.where("a") == str(tmp_path / "media" / "a")
    with pytest.raises(UsageError, match="no media store"), open_library(None, shared(ledger=fleet.ledger)):
        pass


def test_a_directory_and_a_ledger_are_mutually_exclusive(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mutually exclusive"):
        SharedServices.from_options(ledger="ledger.sqlite", out=tmp_path)
