"""Jobs hold no more encoder sessions than the device allows."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from eddyline.core.errors import Interrupted, UnsupportedError
from eddyline.core.stop import Stop
from eddyline.pipeline.runtime.encoder_sessions import EncoderSessions


def test_jobs_together_never_hold_more_sessions_than_the_limit() -> None:
    sessions, lock = EncoderSessions(4), threading.Lock()
    held, most = 0, 0

    def job(count: int) -> None:
        nonlocal held, most
        with sessions.take(count, Stop()):
            with lock:
                held += count
                most = max(most, held)
            with lock:
                held -= count

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(job, [3, 1, 2, 4, 1, 3, 2, 4]))
    assert 0 < most <= 4
    assert held == 0


def test_a_stop_ends_the_wait_and_leaves_the_queue_usable() -> None:
    sessions, stop = EncoderSessions(2), Stop()
    stop.request("drain")
    with sessions.take(2, Stop()), pytest.raises(Interrupted), sessions.take(1, stop):
        pass
    with sessions.take(2, Stop()):
        pass


def test_a_job_that_needs_more_than_the_device_has_is_refused() -> None:
    with (
        pytest.raises(UnsupportedError, match="needs 3 encoder sessions, and this pool has 2"),
        EncoderSessions(2).take(3, Stop()),
    ):
        pass


def test_without_a_limit_nothing_waits() -> None:
    sessions = EncoderSessions()
    with sessions.take(100, Stop()), sessions.take(100, Stop()):
        pass
