"""One of several coordinators leads a task; an earlier leader is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision, find
from eddyline.graph.ledger.leadership import Leadership
from eddyline.graph.ledger.ledger import Ledger


def lead(ledger: Ledger, owner: str) -> Leadership | None:
    return ledger.fleet.lead("scaler", owner, lease_s=60.0)


def decision(leader: Leadership, at: float) -> PoolDecision:
    return PoolDecision(pool="cpu", term=leader.term, owner=leader.owner, at=at, decided=at)


def test_a_leader_renews_its_lease_in_the_same_term(ledger: Ledger, clock: ManualClock) -> None:
    first = lead(ledger, "a")
    assert first is not None
    assert first.term == 1
    for _ in range(3):
        clock.advance(59.0)
        renewed = lead(ledger, "a")
        assert renewed is not None
        assert (renewed.term, renewed.until) == (1, clock.now() + 60.0)
        assert lead(ledger, "b") is None


def test_another_one_leads_after_the_lease_and_the_earlier_leader_writes_nothing(
    ledger: Ledger, clock: ManualClock
) -> None:
    first = lead(ledger, "a")
    assert first is not None
    assert ledger.fleet.record_decisions(first, [decision(first, clock.now())])
    clock.advance(61.0)
    assert not ledger.fleet.record_decisions(first, [decision(first, clock.now())])
    second = lead(ledger, "b")
    assert second is not None
    assert second.term == 2
    assert not ledger.fleet.record_decisions(first, [decision(first, clock.now())])
    assert ledger.fleet.record_decisions(second, [decision(second, clock.now())])
    ledger.fleet.resign(first)
    assert lead(ledger, "a") is None
    assert ledger.read(find) == {"cpu": decision(second, clock.now())}


def test_a_leader_that_comes_back_after_its_lease_begins_a_new_term(
    ledger: Ledger, clock: ManualClock
) -> None:
    assert lead(ledger, "a") is not None
    clock.advance(60.0)
    again = lead(ledger, "a")
    assert again is not None
    assert again.term == 2


def test_another_one_leads_at_once_after_a_resignation(ledger: Ledger) -> None:
    first = lead(ledger, "a")
    assert first is not None
    ledger.fleet.resign(first)
    second = lead(ledger, "b")
    assert second is not None
    assert second.term == 2


def test_one_of_many_that_try_at_once_leads(open_ledger: Callable[..., Ledger]) -> None:
    ledgers = [open_ledger() for _ in range(5)]
    barrier = threading.Barrier(len(ledgers))
    found: list[Leadership | None] = []

    def take(ledger: Ledger, owner: str) -> None:
        barrier.wait()
        found.append(lead(ledger, owner))

    threads = [
        threading.Thread(target=take, args=(each, f"owner-{number}")) for number, each in enumerate(ledgers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in found if each is not None]) == 1
