"""Periodic tasks, which one coordinator runs at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger


def test_a_task_is_due_again_after_its_interval(ledger: Ledger, clock: ManualClock) -> None:
    assert ledger.fleet.take_task("repair", every_s=300)
    assert not ledger.fleet.take_task("repair", every_s=300)
    assert ledger.fleet.take_task("prune", every_s=300)
    clock.advance(299)
    assert not ledger.fleet.take_task("repair", every_s=300)
    clock.advance(1)
    assert ledger.fleet.take_task("repair", every_s=300)


def test_one_of_several_coordinators_runs_it(open_ledger: Callable[..., Ledger]) -> None:
    ledgers = [open_ledger() for _ in range(5)]
    barrier = threading.Barrier(len(ledgers))
    taken: list[bool] = []

    def take(ledger: Ledger) -> None:
        barrier.wait()
        taken.append(ledger.fleet.take_task("repair", every_s=300))

    threads = [threading.Thread(target=take, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 4 + [True]
