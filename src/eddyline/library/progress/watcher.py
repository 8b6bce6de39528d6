"""Appends `asset.progress` events for assets that are processed, for event streams and webhooks.

Only where something changed, and not too often. Several servers may run a watcher: in each round one of them
does the work, whichever moves the due time of the task first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from eddyline.fleet.pools import Pools
from eddyline.graph.db.library_schema import assets as assets_table
from eddyline.graph.ledger import periodic_tasks
from eddyline.graph.ledger.catalogue import events
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.progress.asset_progress import AssetProgress, read_progress

KIND = "asset.progress"
"""The kind of the events."""

_TASK = "asset progress"
EVERY_S = 1.5
"""Seconds between two rounds of all servers."""

_AT_ONCE = 200  # assets in a round; the others follow in the next ones
_MIN_STEP = 0.01
_WAITING_S = 15.0  # between two events of an asset that only waits: its place in the queue changes often

_PAGE = (
    select(assets_table.c.asset, assets_table.c.owner)
    .where(assets_table.c.state == AssetState.PROCESSING.value)
    .order_by(assets_table.c.asset)
)


@dataclass(frozen=True, kw_only=True)
class _Reported:
    """The last progress of an asset that was reported, and when (monotonic seconds)."""

    progress: AssetProgress
    at: float


class ProgressWatcher:
    """Appends events by `run_once`, every `EVERY_S`. `monotonic` measures intervals, in seconds."""

    def __init__(
        self,
        ledger: Ledger,
        pools: Pools,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._pools = pools
        self._monotonic = monotonic
        self._after = ""
        self._reported: dict[str, _Reported] = {}

    def run_once(self) -> int:
        """One round, if no other server has it now; returns how many events were appended."""
        if not self._ledger.read(_has_processing):
            self._reported.clear()
            return 0
        now = self._ledger.now()
        # Less than the pause between two rounds of this server, so that it does not skip every other one.
        every_s = EVERY_S * 0.9
        if not self._ledger.write(lambda c: periodic_tasks.take(c, _TASK, every_s=every_s, now=now)):
            return 0
        owners = self._next_page()
        found = read_progress(self._ledger, self._pools, list(owners))
        changed = self._changed({asset: each for asset, each in found.items() if each.fraction < 1})
        if changed:
            self._ledger.write(lambda c: _append(c, changed, owners, self._ledger.now()))
        return len(changed)

    def _next_page(self) -> dict[str, str]:
        """The owners of the next assets that are processed, by asset; from the start after the last one."""

        def read(connection: Connection, after: str) -> dict[str, str]:
            rows = connection.execute(_PAGE.where(assets_table.c.asset > after).limit(_AT_ONCE))
            return {row.asset: row.owner for row in rows}

        owners = self._ledger.read(lambda c: read(c, self._after))
        if not owners and self._after:
            owners = self._ledger.read(lambda c: read(c, ""))
        if len(owners) < _AT_ONCE:
            if not self._after:
                self._reported = {asset: each for asset, each in self._reported.items() if asset in owners}
            self._after = ""
        else:
            self._after = max(owners)
        return owners

    def _changed(self, found: Mapping[str, AssetProgress]) -> dict[str, AssetProgress]:
        now = self._monotonic()
        changed = {
            asset: each for asset, each in found.items() if is_due(self._reported.get(asset), each, now)
        }
        self._reported |= {asset: _Reported(progress=each, at=now) for asset, each in changed.items()}
        return changed


def is_due(reported: _Reported | None, found: AssetProgress, now: float) -> bool:
    """Whether progress differs enough from what was reported last. Pure."""
    if reported is None:
        return True
    last = reported.progress
    if found.fraction - last.fraction >= _MIN_STEP or found.stage != last.stage:
        return True
    if found.reason == last.reason:
        return False
    # A place in the queue, or a remaining time, is not worth an event for every job that ends.
    waits = found.eta_s is None and last.eta_s is None
    return not waits or now - reported.at >= _WAITING_S or _kind(found.reason) != _kind(last.reason)


def _kind(reason: str) -> str:
    """The first word of a reason, such as "queued" or "waiting:"."""
    return reason.split(" ", 1)[0]


def _has_processing(connection: Connection) -> bool:
    return connection.execute(_PAGE.limit(1)).first() is not None


def _append(
    connection: Connection, changed: Mapping[str, AssetProgress], owners: Mapping[str, str], now: float
) -> None:
    """Append events of assets that are still processed: progress must not follow a final event."""
    processed = _processed(connection, changed)
    for asset, progress in changed.items():
        if asset in processed:
            body = {
                "fraction": progress.fraction,
                "stage": progress.stage,
                "eta_s": progress.eta_s,
                "reason": progress.reason,
            }
            events.append(connection, kind=KIND, owner=owners[asset], asset=asset, body=body, now=now)


def _processed(connection: Connection, assets: Collection[str]) -> set[str]:
    query = _PAGE.where(assets_table.c.asset.in_(sorted(assets)))
    return {row.asset for row in connection.execute(query)}
