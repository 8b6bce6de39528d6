"""While the store is unavailable, jobs wait for it and are handed back; other failures are reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from tests.servers.ministack import Ministack, running

from eddyline.core.backoff import BackoffPolicy
from eddyline.core.errors import InputError, Interrupted, MissingError, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.graph.job import Done, Job, NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.pipeline.runtime.store_outage import StoreOutage
from eddyline.store.local import LocalStore
from eddyline.store.open_store import open_store
from eddyline.store.store import Store

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.submit([NewJob(id="a", asset="a", kind="chunk", pool="cpu", spec={})])
        found = ledger.job("a")
    assert found is not None
    return found


class UnstableStore(LocalStore):
    """A directory whose checks have the given results, and are counted."""

    def __init__(self, root: Path, results: list[Exception | None]) -> None:
        super().__init__(root)
        self.results = results
        self.checks = 0

    def check(self) -> None:
        self.checks += 1
        error = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if error is not None:
            raise error


def _failing(error: Exception) -> Handler:
    def handle(_job: Job, _context: JobContext) -> NoReturn:
        raise error

    return handle


def _outage(store: Store, events: list[str], *, base_s: float) -> StoreOutage:
    return StoreOutage(
        store,
        on_unavailable=events.append,
        on_available=lambda: events.append("available"),
        policy=BackoffPolicy(base_s=base_s, cap_s=20.0),
    )


def _failing_job(store: LocalStore, error: Exception, events: list[str]) -> Handler:
    return _outage(store, events, base_s=0.001).wait_out(_failing(error))


UNAVAILABLE = TransientError("the network is down")


def test_a_job_waits_for_the_store_and_is_handed_back_as_interrupted(job: Job, tmp_path: Path) -> None:
    store, events = UnstableStore(tmp_path, [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, None]), list[str]()
    with pytest.raises(Interrupted, match="no part was written"):
        _failing_job(store, TransientError("no part was written"), events)(job, JobContext(attempt=1))
    assert store.checks == 4
    assert events == ["the network is down", "available"]


@pytest.mark.parametrize("error", [TransientError("disk full"), MissingError("gone"), InputError("bad")])
def test_a_failure_while_the_store_is_available_is_reported_unchanged(
    job: Job, tmp_path: Path, error: Exception
) -> None:
    events = list[str]()
    with pytest.raises(type(error)) as caught:
        _failing_job(UnstableStore(tmp_path, [None]), error, events)(job, JobContext(attempt=1))
    assert caught.value is error
    assert events == []


def test_a_job_does_not_wait_for_a_store_that_rejects_requests(job: Job, tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="first"):
        _failing_job(UnstableStore(tmp_path, [UsageError("no such bucket")]), TransientError("first"), [])(
            job, JobContext(attempt=1)
        )


def test_a_stop_ends_the_wait(job: Job, tmp_path: Path) -> None:
    stop = Stop()
    threading.Timer(0.1, stop.request, ["drain"]).start()
    with pytest.raises(Interrupted):
        _failing_job(UnstableStore(tmp_path, [UNAVAILABLE]), TransientError("x"), [])(
            job, JobContext(attempt=1, stop=stop)
        )


def test_an_outage_of_a_real_server_spends_no_attempt(job: Job) -> None:
    with running(persistent=True) as server, ThreadPoolExecutor(1) as pool:
        handle, events = _writer(server)
        assert handle(job, JobContext(attempt=1)) == Done(result={})
        server.end()
        future = pool.submit(handle, job, JobContext(attempt=1))
        while not events:
            time.sleep(0.01)
        server.start()
        with pytest.raises(Interrupted):
            future.result()
        assert len(events) == 2
        assert handle(job, JobContext(attempt=1)) == Done(result={})


def _writer(server: Ministack) -> tuple[Callable[[Job, JobContext], Done], list[str]]:
    """A job that writes into a bucket of this server."""
    settings = replace(server.settings, retries=1)
    store, events = open_store(f"s3://{server.bucket()}", settings), list[str]()

    def write(_job: Job, _context: JobContext) -> Done:
        store.put_bytes("a/x", b"1")
        return Done(result={})

    return _outage(store, events, base_s=0.1).wait_out(write), events
