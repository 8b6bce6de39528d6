"""Tasks run in threads until their context ends, also after errors, and their end takes a moment only."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest
from tests.waiting import wait_until

from eddyline.core.background_loop import failure_counts
from eddyline.core.background_tasks import BackgroundTask, run_tasks
from eddyline.core.errors import TransientError
from eddyline.core.stop import Stop


def counted(action: Callable[[int], object]) -> tuple[list[int], Callable[[Stop], object]]:
    """A step that calls `action` with its number, and the numbers of the steps."""
    steps: list[int] = []

    def step(_: Stop) -> object:
        steps.append(len(steps))
        return action(len(steps) - 1)

    return steps, step


def test_a_task_runs_at_once_and_at_its_interval_until_the_end() -> None:
    steps, step = counted(lambda _: None)
    with run_tasks([BackgroundTask(name="often", step=step, every_s=0.005)]):
        wait_until(lambda: len(steps) >= 3)
    ended = len(steps)
    time.sleep(0.05)
    assert len(steps) == ended


def test_a_step_that_has_more_to_do_runs_again_without_a_pause() -> None:
    steps, step = counted(lambda number: number < 5)
    with run_tasks([BackgroundTask(name="rare", step=step, every_s=3600)]):
        wait_until(lambda: len(steps) == 6)


def test_an_expected_error_is_logged_and_the_next_step_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    def fail_once(number: int) -> None:
        if number == 0:
            raise TransientError("the ledger is unavailable")

    steps, step = counted(fail_once)
    with (
        caplog.at_level(logging.WARNING, "eddyline.loops"),
        run_tasks([BackgroundTask(name="shaky", step=step, every_s=0.005)]),
    ):
        wait_until(lambda: len(steps) >= 2)
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["task"]) == ("background task failed", "shaky")


def test_an_unexpected_error_is_counted_and_stops_no_task() -> None:
    def fail(_: int) -> None:
        raise KeyError("bug")

    broken, step = counted(fail)
    steps, other = counted(lambda _: None)
    tasks = [
        BackgroundTask(name="broken task", step=step, every_s=0.005),
        BackgroundTask(name="other", step=other, every_s=0.005),
    ]
    with run_tasks(tasks):
        wait_until(lambda: len(broken) >= 2 and len(steps) >= 2)
    assert failure_counts()["broken task"] >= 2


def test_the_end_waits_for_all_tasks_together_and_not_for_each() -> None:
    released = threading.Event()
    tasks = [BackgroundTask(name=f"stuck {n}", step=lambda _: released.wait(60)) for n in range(5)]
    with run_tasks(tasks, end_s=0.5):
        began = time.monotonic()
    assert time.monotonic() - began < 4 * 0.5
    released.set()


def test_a_step_learns_that_it_should_end() -> None:
    ended = threading.Event()

    def step(stop: Stop) -> None:
        stop.wait(60)
        ended.set()

    with run_tasks([BackgroundTask(name="long", step=step)], end_s=10):
        pass
    assert ended.is_set()
