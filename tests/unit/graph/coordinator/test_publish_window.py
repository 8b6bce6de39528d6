from __future__ import annotations

from dataclasses import replace

from tests.unit.graph.ledger_helpers import get, new

from eddyline.graph.coordinator.publish_window import MIN_SIZE, PublishWindow, PublishWindows
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Publication


def _publications(ledger: Ledger, pool: str, priority: int, count: int) -> list[Publication]:
    if ledger.job("a-1") is None:
        ledger.submit([new("a-1")])
    job = replace(get(ledger, "a-1"), pool=pool, priority=priority)
    return [Publication(job=job, base=0)] * count


def test_each_pool_and_priority_has_a_separate_window(ledger: Ledger) -> None:
    windows = PublishWindows()
    assert windows.room("cpu", 0) == windows.room("cpu", 10) == windows.room("gpu", 0) == MIN_SIZE
    windows.fill(_publications(ledger, "cpu", 0, MIN_SIZE))
    assert [windows.room("cpu", 0), windows.room("cpu", 10), windows.room("gpu", 0)] == [
        0,
        MIN_SIZE,
        MIN_SIZE,
    ]
    windows.update({("cpu", 0): MIN_SIZE - 3})
    assert windows.room("cpu", 0) == 3


def test_a_window_emptied_between_two_counts_doubles() -> None:
    window = PublishWindow(0.0)
    for _ in range(3):
        window.fill(window.size - window.waiting)
        window.update(0, 0.1)
    assert window.size == 8 * MIN_SIZE
    window.fill(5)
    window.update(0, 0.2)
    assert window.size == 8 * MIN_SIZE, "the window was not full, so its emptying says nothing about its size"


def test_an_unused_window_shrinks() -> None:
    window = PublishWindow(0.0, size=8 * MIN_SIZE)
    window.fill(8 * MIN_SIZE)
    window.update(7 * MIN_SIZE, 1.0)
    assert window.size == 8 * MIN_SIZE, "it does not shrink immediately"
    for second in range(9):
        window.update(7 * MIN_SIZE, 5.0 * (second + 1))
    assert window.size == MIN_SIZE


def test_a_window_grows_if_it_would_not_last_half_a_second() -> None:
    window = PublishWindow(0.0)
    for number in range(10):  # 100 jobs per second, a tenth of a window in each step
        window.fill(window.size - window.waiting)
        window.update(window.size - 2, 0.02 * (number + 1))
    assert window.size >= 2 * MIN_SIZE


def test_a_window_does_not_grow_for_workers_that_it_supplies_for_longer() -> None:
    window = PublishWindow(0.0)
    for number in range(100):  # 10 jobs per second
        window.fill(window.size - window.waiting)
        window.update(window.size - 1, 0.1 * (number + 1))
    assert window.size == MIN_SIZE
