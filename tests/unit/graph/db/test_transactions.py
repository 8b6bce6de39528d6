from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.unit.graph.ledger_helpers import claim_jobs, new, query_plan, record_queries

from eddyline.graph.db.schema import jobs
from eddyline.graph.db.transactions import LedgerError, as_url
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State


def test_paths_and_urls_are_accepted() -> None:
    assert as_url(Path("/x/ledger.db")) == "sqlite:////x/ledger.db"
    assert as_url("ledger.db") == "sqlite:///ledger.db"
    assert as_url("postgresql://h/d") == as_url("postgres://h/d") == "postgresql+psycopg://h/d"
    assert as_url("sqlite:///x.db") == "sqlite:///x.db"


def test_a_file_that_is_not_a_ledger_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is not a database " * 30)
    with pytest.raises(LedgerError):
        Ledger.open(path)


def test_the_directory_of_a_new_ledger_is_created(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "deep" / "er" / "ledger.db") as ledger:
        assert ledger.jobs() == []


def test_results_are_durable_and_claims_are_not(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        database = ledger._database
        pragma = text("PRAGMA synchronous")
        full = 2
        assert database.write(lambda c: c.execute(pragma).scalar()) == full
        assert database.write(lambda c: c.execute(pragma).scalar(), durable=False) == 1
        assert database.write(lambda c: c.execute(pragma).scalar()) == full


def test_a_busy_ledger_is_retried(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        started = time.monotonic()
        timer.start()
        assert ledger.submit([new("a-1")]) == 1
        assert time.monotonic() - started > 0.2
        timer.join()
        other.close()


def test_a_ledger_that_stays_busy_is_a_ledger_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.db"
    monkeypatch.setattr("eddyline.graph.db.transactions._TIMEOUT_S", 0.1)
    with Ledger.open(path) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"):
            ledger.submit([new("a-1")])
        other.execute("ROLLBACK")
        other.close()
        assert ledger.submit([new("a-1")]) == 1


def test_two_threads_may_submit_the_same_jobs_at_once(ledger_url: str) -> None:
    batch: list[NewJob] = [new(f"a-{number}") for number in range(50)]
    counts: list[int] = []
    barrier = threading.Barrier(3)

    def submit() -> None:
        with Ledger.open(ledger_url) as ledger:
            barrier.wait()
            counts.append(ledger.submit(batch))

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 50]


def test_threads_with_separate_ledgers_complete_all_jobs_without_deadlock(ledger_url: str) -> None:
    chunks = [f"a-{number:03d}" for number in range(120)]
    with Ledger.open(ledger_url) as ledger:
        ledger.submit([*(new(chunk) for chunk in chunks), new("z-1", *chunks), new("z-2", *reversed(chunks))])
        errors: list[BaseException] = []

        def work(name: str) -> None:
            from eddyline.graph.job import Done, Settlement

            try:
                with Ledger.open(ledger_url) as mine:
                    while claims := claim_jobs(mine, limit=7, worker=name):
                        done = [
                            Settlement(job_id=c.job.id, fence=c.fence, outcome=Done(result={}))
                            for c in reversed(claims)
                        ]
                        assert all(mine.settle(done))
            except BaseException as error:  # noqa: BLE001 - asserted by the test
                errors.append(error)

        threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert ledger.counts()[State.DONE] == 122


def test_a_claim_is_an_index_range_and_sorts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.submit([new(f"a-{number}") for number in range(100)])
        queries = record_queries(monkeypatch)
        claim_jobs(ledger)
        query, values = next(pair for pair in queries if "ORDER BY jobs.priority" in pair[0])
        assert query_plan(ledger, query, values) == ["SEARCH jobs USING INDEX jobs_ready (pool=?)"]
        assert "jobs_ready" in {index.name for index in jobs.indexes}
