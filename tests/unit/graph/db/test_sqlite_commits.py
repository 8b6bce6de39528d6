"""Commits of other processes to an SQLite file are noticed, own ones are not."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from tests.unit.graph.ledger_helpers import claim_jobs, new

from eddyline.graph.db.sqlite_commits import CommitWatcher
from eddyline.graph.db.transactions import Database
from eddyline.graph.ledger.ledger import Ledger

_WRITE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('create table t (a)'); c.commit()"


def _is_running() -> bool:
    return any(thread.name == "ledger-commits" for thread in threading.enumerate())


def test_a_commit_of_another_process_is_noticed(tmp_path: Path) -> None:
    noticed = threading.Event()
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        end = ledger.watch_commits(noticed.set)
        ledger.submit([new("a-1")])
        assert claim_jobs(ledger)
        assert not noticed.wait(0.1), "own commits need no notice"
        subprocess.run((sys.executable, "-c", _WRITE, str(tmp_path / "ledger.db")), check=True)
        assert noticed.wait(2)
        end()


def test_the_thread_ends_and_does_not_exist_on_postgresql(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        database: Database = ledger._database
        watcher = CommitWatcher(database, lambda: None)
        assert _is_running() == database.is_sqlite
        watcher.close()
        for thread in threading.enumerate():
            if thread.name == "ledger-commits":
                thread.join(2)
        assert not _is_running()
