from __future__ import annotations

import threading
import time

import pytest

from eddyline.core.errors import Interrupted
from eddyline.core.stop import Stop


def test_no_stop_is_requested_initially() -> None:
    stop = Stop()
    assert not stop.requested
    assert not stop.wait(0)
    stop.check()


def test_the_first_reason_is_kept() -> None:
    stop = Stop()
    stop.request("taken away")
    stop.request("Ctrl-C")
    assert stop.requested
    with pytest.raises(Interrupted, match="stopped: taken away"):
        stop.check()


def test_all_waiting_threads_wake_at_a_request() -> None:
    stop = Stop()
    wake_times: list[float] = []

    def wait() -> None:
        if stop.wait(30):
            wake_times.append(time.monotonic())

    waiting = [threading.Thread(target=wait) for _ in range(4)]
    for thread in waiting:
        thread.start()
    requested_at = time.monotonic()
    stop.request("over")
    for thread in waiting:
        thread.join()
    assert len(wake_times) == 4
    assert max(wake_times) - requested_at < 1
    assert stop.wait(30)


def test_a_request_during_the_first_wait_is_not_lost() -> None:
    for _ in range(300):
        stop = Stop()
        barrier = threading.Barrier(2)

        def request_stop(stop: Stop = stop, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            stop.request("now")

        requester = threading.Thread(target=request_stop)
        requester.start()
        barrier.wait()
        assert stop.wait(30)
        requester.join()
