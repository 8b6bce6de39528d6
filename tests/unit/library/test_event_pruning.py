"""Old events are removed by one of several servers."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.catalogue import events
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.event_pruning import EVERY_S, prune_events


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
        assert prune_events(ledger) == 1
        assert kept(ledger) == ["new"]

        clock.sleep(events.KEEP_S - EVERY_S / 2)
        assert prune_events(ledger) == 0
        clock.sleep(EVERY_S / 2 + 1)  # the event is too old now, and another server has just had its turn
        append(ledger, "newest")
        assert prune_events(same) == 0
        assert kept(ledger) == ["new", "newest"]

        clock.sleep(EVERY_S)
        assert prune_events(same) == 1
        assert prune_events(ledger) == 0
        assert kept(ledger) == ["newest"]
