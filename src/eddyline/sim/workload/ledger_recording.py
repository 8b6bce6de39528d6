"""Turns the history of a real ledger into arrivals that the simulator replays."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.sim.workload.asset_arrival import AssetArrival

CHUNK_KINDS = ("chunk",)
"""The kind of the jobs that encode video: nearly all of the work of an asset."""

_LEAST_S = 0.001  # clocks have a resolution; a run time of 0 is not valid


def iter_recorded_from_ledger(
    ledger: Ledger,
    since: float,
    until: float,
    *,
    speed: float = 1.0,
    kinds: Collection[str] = CHUNK_KINDS,
) -> Iterator[AssetArrival]:
    """The published assets that were submitted from `since` to before `until` (seconds since 1970), in order.

    Times are from `since`. The run times of chunks are the wall-clock times of their successful starts,
    multiplied by `speed`: that of the measured slots, where a reference slot has 1. All have priority 0:
    those of jobs depend on their kinds. Raises `UsageError` for invalid times or speed.
    """
    if not since < until:
        raise UsageError("the time to record until is not after that to record since", remedy="exchange them")
    if not 0 < speed <= 1000:  # noqa: PLR2004 - a bound against typing errors
        raise UsageError(f"the speed is {speed:g}", remedy="pass a speed above 0, at most 1000")
    for each in ledger.starts.run_times(since, until, kinds):
        yield AssetArrival(
            each.submitted - since,
            each.owner,
            each.codec,
            0,
            tuple(max(time * speed, _LEAST_S) for time in each.run_times),
        )


def recorded_from_ledger(ledger: Ledger, since: float, until: float) -> list[AssetArrival]:
    """All assets of `iter_recorded_from_ledger`, measured on reference slots."""
    return list(iter_recorded_from_ledger(ledger, since, until))
