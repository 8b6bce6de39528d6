"""Old events are removed by one of several servers."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection
from tests.waiting import wait_until

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.catalogue import events
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.event_pruning import EVERY_S, EventPruner


def open_with_old_event(folder: Path, clock: ManualClock) -> Ledger:
    """A ledger with one event that is too old, and a new one."""
    ledger = Ledger.open(folder / "ledger.sqlite", clock=clock)
    append(ledger, "old")
    clock.sleep(events.KEEP_S + 1)
    append(ledger, "new")
    return ledger


def append(ledger: Ledger, asset: str) -> None:
    def work(connection: Connection) -> None:
        events.append(connection, kind="asset.ready", owner="", asset=asset, body={}, now=ledger.now())

    ledger.write(work)


def kept(ledger: Ledger) -> list[str]:
    return [each.asset for each in ledger.events.after(0, owner=None, limit=10)]


def test_one_of_several_servers_removes_old_events(tmp_path: Path) -> None:
    clock = ManualClock()
    with (
        open_with_old_event(tmp_path, clock) as ledger,
        Ledger.open(tmp_path / "ledger.sqlite", clock=clock) as same,
    ):
        first, second = EventPruner(ledger), EventPruner(same)
        assert first.run_once() == 1
        assert kept(ledger) == ["new"]

        clock.sleep(events.KEEP_S - EVERY_S / 2)
        assert first.run_once() == 0
        clock.sleep(EVERY_S / 2 + 1)  # the event is too old now, and another server has just had its turn
        append(ledger, "newest")
        assert second.run_once() == 0
        assert kept(ledger) == ["new", "newest"]

        clock.sleep(EVERY_S)
        assert second.run_once() == 1
        assert first.run_once() == 0
        assert kept(ledger) == ["newest"]


def test_the_thread_removes_events_at_once_and_ends(tmp_path: Path) -> None:
    with open_with_old_event(tmp_path, ManualClock()) as ledger:
        pruner = EventPruner(ledger)
        pruner.start()
        wait_until(lambda: kept(ledger) == ["new"])
        pruner.close()
        pruner.close()
