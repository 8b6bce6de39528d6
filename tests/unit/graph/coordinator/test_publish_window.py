from __future__ import annotations

from dataclasses import replace

from tests.unit.graph.ledger_helpers import get, new

from eddyline.graph.coordinator.publish_window import LEAST, PublishWindow, PublishWindows
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Publication


def _offers(ledger: Ledger, pool: str, priority: int, count: int) -> list[Publication]:
    if ledger.job("a-1") is None:
        ledger.submit([new("a-1")])
    job = replace(get(ledger, "a-1"), pool=pool, priority=priority)
    return [Publication(job=job, base=0)] * count


def test_each_class_and_priority_has_room_of_its_own(ledger: Ledger) -> None:
    windows = PublishWindows()
    assert windows.room("cpu", 0) == windows.room("cpu", 10) == windows.room("gpu", 0) == LEAST
    windows.fill(_offers(ledger, "cpu", 0, LEAST))
    assert [windows.room("cpu", 0), windows.room("cpu", 10), windows.room("gpu", 0)] == [0, LEAST, LEAST]
    windows.see({("cpu", 0): LEAST - 3})
    assert windows.room("cpu", 0) == 3


def test_what_is_taken_between_two_looks_doubles_the_room() -> None:
    window = PublishWindow()
    for _ in range(3):
        window.fill(window.size - window.waiting)
        window.see(0)
    assert window.size == 8 * LEAST
    window.fill(5)
    window.see(0)
    assert window.size == 8 * LEAST, "there was no more to publish: that proves nothing"


def test_room_that_nobody_needs_is_given_up_again() -> None:
    window = PublishWindow(size=8 * LEAST)
    window.fill(8 * LEAST)
    window.see(7 * LEAST)
    assert window.size == 8 * LEAST, "not at once"
    for _ in range(9):
        window.changed -= 5
        window.see(7 * LEAST)
    assert window.size == LEAST
