"""Records the workload of a fleet from its ledger, for the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.ledger_recording import iter_recorded_from_ledger
from eddyline.sim.workload.recorded_file import write_recorded


@dataclass(kw_only=True)
class RecordedWorkload:
    """What was recorded: assets, chunks, and their run time in reference slot-seconds."""

    assets: int = 0
    chunks: int = 0
    slot_seconds: float = 0.0


def record_workload(ledger: Ledger, to: Path, *, since_s: float, speed: float) -> RecordedWorkload:
    """Write the published assets that were submitted in the last `since_s` seconds to a file.

    `speed` is that of the measured slots, where a reference slot has 1. Raises `UsageError`, and writes
    nothing, if there are none.
    """
    total = RecordedWorkload()
    until = ledger.now()
    found = iter_recorded_from_ledger(ledger, until - since_s, until, speed=speed)
    write_recorded(to, _counted(found, total))
    return total


def _counted(found: Iterator[AssetArrival], total: RecordedWorkload) -> Iterator[AssetArrival]:
    """The same assets; adds them to `total`."""
    for each in found:
        total.assets += 1
        total.chunks += len(each.chunks)
        total.slot_seconds += sum(each.chunks)
        yield each
    if not total.assets:
        raise UsageError(
            "the ledger has no published asset with measured chunks in this time",
            remedy="pass a longer --since, or check --ledger",
        )
