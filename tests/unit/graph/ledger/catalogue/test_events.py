"""The log of asset events: order, owners and pruning."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.catalogue import events
from eddyline.graph.ledger.ledger import Ledger


def append(ledger: Ledger, *assets: str, owner: str = "") -> None:
    """Append one event for each asset, in one transaction."""

    def work(connection: Connection) -> None:
        for asset in assets:
            events.append(
                connection,
                kind="asset.ready",
                owner=owner,
                asset=asset,
                body={"name": asset},
                now=ledger.now(),
            )

    ledger.write(work)


def test_events_are_read_in_order_after_a_sequence(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    assert (ledger.events.oldest(), ledger.events.latest()) == (0, 0)
    append(ledger, "a", "b")
    append(ledger, "c", owner="anna")
    found = ledger.events.after(0, owner=None, limit=10)
    assert [each.asset for each in found] == ["a", "b", "c"]
    assert found[0].body == {"name": "a"}
    assert found[0].at == ledger.now()
    assert [each.asset for each in ledger.events.after(found[0].sequence, owner=None, limit=1)] == ["b"]
    assert [each.asset for each in ledger.events.after(0, owner="anna", limit=10)] == ["c"]
    assert (ledger.events.oldest(), ledger.events.latest()) == (found[0].sequence, found[2].sequence)


def test_an_event_of_a_failed_transaction_is_not_written(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()

    def work(connection: Connection) -> None:
        events.append(connection, kind="asset.ready", owner="", asset="a", body={}, now=0.0)
        raise KeyError

    with pytest.raises(KeyError):
        ledger.write(work)
    assert ledger.events.latest() == 0


def test_sequences_become_visible_in_order(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    other = open_ledger()
    inserted, commit = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        events.append(connection, kind="asset.ready", owner="", asset="first", body={}, now=0.0)
        inserted.set()
        assert commit.wait(10)

    first = threading.Thread(target=lambda: ledger.write(slow))
    first.start()
    assert inserted.wait(10)
    second = threading.Thread(target=lambda: append(other, "second"))
    second.start()
    # The second transaction waits for the first one, and is not visible before it.
    second.join(0.2)
    seen = other.events.after(0, owner=None, limit=10)
    commit.set()
    first.join()
    second.join()
    assert seen == []
    assert [each.asset for each in other.events.after(0, owner=None, limit=10)] == ["first", "second"]


def test_old_events_are_pruned(open_ledger: Callable[..., Ledger], clock: ManualClock) -> None:
    ledger = open_ledger()
    append(ledger, "a", "b")
    clock.sleep(100.0)
    append(ledger, "c", "d")
    assert ledger.events.prune(keep_s=50.0) == 2
    assert [each.asset for each in ledger.events.after(0, owner=None, limit=10)] == ["c", "d"]


def test_too_many_events_are_pruned(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger()
    append(ledger, "a", "b", "c", "d")
    assert ledger.events.prune(keep=3) == 1
    assert [each.asset for each in ledger.events.after(0, owner=None, limit=10)] == ["b", "c", "d"]


def test_the_last_event_is_kept_however_old(open_ledger: Callable[..., Ledger], clock: ManualClock) -> None:
    ledger = open_ledger()
    append(ledger, "a", "b")
    latest = ledger.events.latest()
    clock.sleep(1e9)
    assert ledger.events.prune(keep_s=1.0, keep=0) == 1
    assert ledger.events.latest() == latest
    append(ledger, "c")
    assert ledger.events.latest() > latest
