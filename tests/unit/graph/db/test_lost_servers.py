"""Outages of the database server: no job is lost, repeated or reported incorrectly."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError
from tests.unit.graph.ledger_helpers import claim_jobs, done, get, interrupted, new, settle
from tests.unit.graph.postgres_server import Server
from tests.waiting import wait_until

from eddyline.core.log_fields import record_fields
from eddyline.graph.db import engine
from eddyline.graph.db.transactions import LedgerError
from eddyline.graph.job import Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

WORKER_PROCESS = Path(__file__).parents[1] / "worker_process.py"


def test_an_outage_is_logged_with_its_length(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with Ledger.open(server.url) as ledger:
        ledger.submit([new("a-1")])
        server.stop(signal.SIGQUIT)
        reader = threading.Thread(target=ledger.counts)
        reader.start()
        time.sleep(0.5)
        server.start()
        reader.join(30)
    logged = [record for record in caplog.records if record.name == "eddyline.outages"]
    assert [record.getMessage() for record in logged] == ["service unavailable", "service available again"]
    assert [record_fields(record)["service"] for record in logged] == ["ledger"] * 2
    assert record_fields(logged[0])["error"]
    assert record_fields(logged[1])["outage_s"] > 0


def test_workers_continue_after_crashes_and_restarts_of_the_server(server: Server, tmp_path: Path) -> None:
    chunks = [f"a-{number:03d}" for number in range(300)]
    with Ledger.open(server.url) as ledger:
        ledger.submit([*(new(chunk) for chunk in chunks), new("z-1", *chunks)])
        workers = [
            subprocess.Popen(
                [
                    sys.executable,
                    str(WORKER_PROCESS),
                    server.url,
                    f"w{number}",
                    str(tmp_path / f"{number}"),
                    "0.04",
                ]
            )
            for number in range(4)
        ]
        for how in (signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):
            _wait_for_more_done_jobs(ledger, 20)
            server.stop(how)
            time.sleep(0.2)
            server.start()
        assert [worker.wait(60) for worker in workers] == [0] * 4
        assert ledger.counts() == {state: 301 if state is State.DONE else 0 for state in State}
        # Only jobs whose results the crash lost ran again, and none failed.
        assert all(job.attempt == 1 or job.starts > 1 for job in ledger.jobs())
        assert all(job.error is None for job in ledger.jobs())


def _wait_for_more_done_jobs(ledger: Ledger, by: int) -> None:
    goal = ledger.counts()[State.DONE] + by
    wait_until(lambda: ledger.counts()[State.DONE] >= goal)


def test_a_ledger_waits_for_a_server_that_is_starting(server: Server) -> None:
    Ledger.open(server.url).close()
    server.stop()
    counts: list[int] = []

    def open_and_submit() -> None:
        with Ledger.open(server.url) as ledger:
            counts.append(ledger.submit([new("a-1")]))

    # The ledger opens in the thread, because the server ends with the thread that starts it.
    thread = threading.Thread(target=open_and_submit)
    thread.start()
    time.sleep(0.5)
    server.start()
    thread.join()
    assert counts == [1]


class LongestDelays(random.Random):
    """Removes the jitter: every delay has its full length."""

    def random(self) -> float:
        return 0.0


def test_an_unavailable_server_is_an_error_in_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eddyline.graph.db.transactions._OPENING_TIMEOUT_S", 0.3)
    started = time.monotonic()
    with pytest.raises(LedgerError, match="No such file"):
        Ledger.open(f"postgresql://postgres@/postgres?host={tmp_path}", rng=LongestDelays())
    # The delays are 1, 2, 4 ... 128 ms. No delay starts that would exceed the timeout, so the last attempt
    # is made after 0.17 s at the earliest, on a slow machine as well.
    assert 0.15 < time.monotonic() - started < 20


def test_a_wrong_name_or_password_is_reported_at_once(server: Server) -> None:
    started = time.monotonic()
    with pytest.raises(LedgerError, match="does not exist"):
        Ledger.open(server.url.replace("/postgres?", "/nowhere?"))
    assert time.monotonic() - started < 9


class ConnectionCut:
    """Ends the writer's connection once, immediately before or after the server has committed."""

    def __init__(self, ledger: Ledger, *, committed: bool) -> None:
        self._committed = committed
        self._armed = True
        self._ledger = ledger
        event.listen(ledger._database.engine, "commit", self._on_commit)

    def _on_commit(self, connection: Connection) -> None:
        if not self._armed or not connection.get_execution_options().get(engine.WRITER):
            return
        self._armed = False
        raw: Any = connection.connection.driver_connection
        if self._committed:
            # Start another transaction, because the client expects to be in one.
            raw.execute("COMMIT")
            raw.execute("BEGIN")
        pid = raw.info.backend_pid
        # By another connection, so that this one finds itself terminated.
        with self._ledger._database.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            other.commit()


@pytest.fixture
def postgres_ledger(server: Server) -> Iterator[Ledger]:
    with Ledger.open(server.url, rng=random.Random(1)) as ledger:
        yield ledger


@pytest.mark.parametrize("committed", [True, False])
def test_a_result_whose_commit_was_lost_counts_once(postgres_ledger: Ledger, *, committed: bool) -> None:
    postgres_ledger.submit([new("a-1"), new("a-2", "a-1")])
    claim = claim_jobs(postgres_ledger)[0]
    ConnectionCut(postgres_ledger, committed=committed)
    assert settle(postgres_ledger, claim, done(new("a-3", "a-1"), x=1))
    assert get(postgres_ledger, "a-1").state is State.DONE
    assert get(postgres_ledger, "a-2").unmet == 0
    assert not settle(postgres_ledger, claim, done()), "a second result is late"


@pytest.mark.parametrize("committed", [True, False])
def test_an_outdated_result_is_ignored_although_the_commit_was_lost(
    postgres_ledger: Ledger, *, committed: bool
) -> None:
    postgres_ledger.submit([new("a-1"), new("b-1")])
    old = claim_jobs(postgres_ledger)[0]
    settle(postgres_ledger, old, interrupted())
    fresh = claim_jobs(postgres_ledger, limit=2)
    ConnectionCut(postgres_ledger, committed=committed)
    settlements = [
        Settlement(job_id=c.job.id, fence=c.fence, outcome=done()) for c in (old, *fresh, fresh[0])
    ]
    assert postgres_ledger.settle(settlements) == [False, True, True, False]


@pytest.mark.parametrize("committed", [True, False])
def test_jobs_claimed_by_a_lost_commit_are_returned(postgres_ledger: Ledger, *, committed: bool) -> None:
    postgres_ledger.submit([new(f"a-{number}") for number in range(6)])
    first = claim_jobs(postgres_ledger, limit=2)
    ConnectionCut(postgres_ledger, committed=committed)
    second = claim_jobs(postgres_ledger, limit=2)
    assert len(second) == 2
    assert not {claim.job.id for claim in first} & {claim.job.id for claim in second}
    assert postgres_ledger.held_jobs("ada") == {claim.job.id: claim.fence for claim in (*first, *second)}
    assert all(settle(postgres_ledger, claim, done()) for claim in (*first, *second))


def test_the_server_ends_a_statement_that_takes_too_long(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(server.url) as ledger:
        shown = ledger._database.read(
            lambda c: [
                c.execute(text(f"SHOW {name}")).scalar()
                for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
            ]
        )
        assert shown == ["30s", "10s", "30s"]
        monkeypatch.setattr(ledger._database, "_timeout_s", 0.2)
        with pytest.raises(LedgerError, match="statement timeout"):
            ledger._database.write(
                lambda c: (
                    c.execute(text("SET LOCAL statement_timeout = 50"))
                    and c.execute(text("SELECT pg_sleep(5)"))
                )
            )
        assert ledger.submit([new("a-1")]) == 1


def test_a_suspended_process_does_not_block_others(server: Server) -> None:
    url = f"{server.url}&options=-c%20idle_in_transaction_session_timeout%3D300"
    with Ledger.open(url) as frozen, Ledger.open(server.url) as ledger:
        ledger.submit([new("a-1")])
        claim = claim_jobs(ledger)[0]
        connection = frozen._database.engine.connect()
        connection.execute(text("SELECT * FROM jobs FOR UPDATE"))
        started = time.monotonic()
        assert settle(ledger, claim, done())
        assert time.monotonic() - started < 20
        with pytest.raises(DBAPIError):
            connection.execute(text("SELECT 1"))
        connection.invalidate()
        connection.close()


def test_sixteen_clients_never_deadlock(ledger_url: str) -> None:
    """Clients complete, cancel and redrive jobs with fan-ins, spawned jobs and links, in random order."""
    if ledger_url.endswith(".db"):
        pytest.skip("SQLite has one writer")
    errors: list[BaseException] = []
    with Ledger.open(ledger_url) as ledger:
        before = ledger._database.read(_deadlocks)
        for number in range(12):
            asset = f"a{number}"
            ids = [f"{asset}-{n:02d}" for n in range(12)]
            plan = new(f"{asset}-plan")
            late = new(f"{asset}-00end", f"{asset}-plan")
            ledger.submit([*(new(name) for name in ids), plan, late, new(f"{asset}-z", *ids, late.id)])

    def work(number: int) -> None:
        rng = random.Random(number)
        try:
            with Ledger.open(ledger_url) as mine:
                deadline = time.monotonic() + 60
                while mine.has_open() and time.monotonic() < deadline:
                    _claim_and_settle_randomly(mine, rng, f"w{number}")
        except BaseException as error:  # noqa: BLE001 - asserted by the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with Ledger.open(ledger_url) as ledger:
        assert not ledger.has_open()
        time.sleep(0.1)
        assert ledger._database.read(_deadlocks) == before


def _claim_and_settle_randomly(ledger: Ledger, rng: random.Random, worker: str) -> None:
    claims = claim_jobs(ledger, limit=rng.randint(1, 6), worker=worker)
    rng.shuffle(claims)
    settlements = []
    for claim in claims:
        spawn = ()
        if claim.job.id.endswith("-plan"):
            asset = claim.job.asset
            spawn = _spawned(asset)
        settlements.append(Settlement(job_id=claim.job.id, fence=claim.fence, outcome=done(*spawn)))
    ledger.settle(settlements)
    if rng.random() < 0.1:
        asset = f"a{rng.randrange(12)}"
        ids = ledger.cancel(asset=asset)
        ledger.redrive(*ids)
    ledger.expire_leases()


def _spawned(asset: str) -> tuple[Any, ...]:
    from eddyline.graph.job import Link

    extra = [f"{asset}-{n:02d}x" for n in range(4)]
    dependencies = (f"{asset}-05", f"{asset}-plan")
    return (
        *(new(name, *dependencies) for name in extra),
        Link(job_id=f"{asset}-00end", dependencies=tuple(extra)),
    )


def _deadlocks(connection: Connection) -> int:
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    query = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(connection.execute(query).scalar_one())


def test_a_cancellation_by_another_process_stops_the_job_within_two_seconds(
    ledger_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with Ledger.open(ledger_url) as ledger:
        ledger.submit([new("a-1")])
        worker = subprocess.Popen([sys.executable, str(WORKER_PROCESS), ledger_url, "w", str(log), "30"])
        wait_until(lambda: log.exists() and "start a-1" in log.read_text())
        cancelled = time.time()
        assert ledger.cancel(asset="a") == ["a-1"]
        wait_until(lambda: "stopped a-1" in log.read_text())
        stopped = float(log.read_text().split()[-1])
        assert stopped - cancelled < 2
        assert worker.wait(10) == 0
        assert get(ledger, "a-1").state is State.CANCELLED


def test_an_outage_longer_than_the_leases_takes_no_job_from_a_live_worker(
    server: Server, tmp_path: Path
) -> None:
    with Ledger.open(server.url) as ledger:
        ledger.submit([new(f"a-{number}") for number in range(4)])
        names = ("ada", "bob")
        workers = [
            subprocess.Popen(
                [sys.executable, str(WORKER_PROCESS), server.url, name, str(tmp_path / name), "14", "2"]
            )
            for name in names
        ]
        wait_until(lambda: ledger.counts()[State.RUNNING] == 4)
        server.stop(signal.SIGQUIT)
        time.sleep(4)
        server.start()
        assert [worker.wait(60) for worker in workers] == [0] * 2
        assert [(job.starts, job.interruptions) for job in ledger.jobs()] == [(1, 0)] * 4
