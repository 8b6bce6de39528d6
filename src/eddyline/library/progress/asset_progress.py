"""The progress of assets: a fraction that never decreases, the stage, the remaining time and the reason.

The fraction is the share of the work that is done, by the weights of jobs, running ones in part. Chunks may
be lost and run again; the greatest fraction that was shown is kept in the catalogue, before it is returned,
so that what users see never goes back, whichever process reads it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from eddyline.core.errors import TransientError
from eddyline.fleet.pools import Pools
from eddyline.graph.db.bulk import batches
from eddyline.graph.db.library_schema import assets as assets_table
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.library.progress.eta import estimate_s
from eddyline.library.progress.reason import describe, serves, stage_of
from eddyline.library.progress.snapshot import AssetSnapshot, Snapshot
from eddyline.library.progress.snapshot_queries import error_message, read_snapshot
from eddyline.pipeline.planning.job_kinds import job_kind

PLANNED = 0.01
"""The fraction of an asset whose source has been inspected: before that, its work is not known."""

_ALMOST = 0.999  # only a published asset is complete
_STEP = 0.0025  # fractions are shown, and kept, in these steps
_MAX_ETA_S = 30 * 86_400.0

_ROWS = select(
    assets_table.c.asset, assets_table.c.state, assets_table.c.progress, assets_table.c.failure
).where(assets_table.c.asset.in_(bindparam("ids", expanding=True)))
_RAISE = (
    update(assets_table)
    .where(
        assets_table.c.asset == bindparam("the_asset"),
        assets_table.c.state == bindparam("processing"),
        assets_table.c.progress < bindparam("fraction"),
    )
    .values(progress=bindparam("fraction"))
)


@dataclass(frozen=True, kw_only=True)
class AssetProgress:
    """The progress of one asset.

    `fraction` is from 0 to 1 and never decreases; 1 means published. `stage` is "inspect", "encode",
    "assemble", "package" or "publish". `eta_s` is the remaining time in seconds, None while it is unknown.
    `reason` is a sentence: what is being done, or what the asset waits for.
    """

    fraction: float
    stage: str
    eta_s: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Row:
    state: AssetState
    progress: float
    failure: str | None


def read_progress(ledger: Ledger, pools: Pools, assets: Collection[str]) -> dict[str, AssetProgress]:
    """The progress of those of these assets that the catalogue contains, in a few queries for a page of them.

    Keeps the greatest fractions in the catalogue.
    """
    if not assets:
        return {}
    rows, snapshot = ledger.read(lambda c: _read(c, assets, ledger.now()))
    found = {
        asset: _progress(row, snapshot.assets.get(asset), snapshot, pools) for asset, row in rows.items()
    }
    raised = {
        asset: found[asset].fraction
        for asset, row in rows.items()
        if row.state is AssetState.PROCESSING and found[asset].fraction > row.progress
    }
    if raised:
        try:
            ledger.write(lambda c: keep_fractions(c, raised))
        except TransientError:
            # It was not kept, so it is not shown.
            return {
                asset: each
                if asset not in raised
                else AssetProgress(
                    fraction=rows[asset].progress, stage=each.stage, eta_s=each.eta_s, reason=each.reason
                )
                for asset, each in found.items()
            }
    return found


def keep_fractions(connection: Connection, fractions: Mapping[str, float]) -> None:
    """Raise the fractions of assets that are being processed; none is lowered."""
    connection.execute(
        _RAISE,
        [
            {"the_asset": asset, "fraction": fraction, "processing": AssetState.PROCESSING.value}
            for asset, fraction in sorted(fractions.items())
        ],
    )


def _read(connection: Connection, assets: Collection[str], now: float) -> tuple[dict[str, _Row], Snapshot]:
    rows = {
        row.asset: _Row(state=AssetState(row.state), progress=float(row.progress), failure=row.failure)
        for ids in batches(set(assets))
        for row in connection.execute(_ROWS, {"ids": ids})
    }
    open_assets = [asset for asset, row in rows.items() if row.state is AssetState.PROCESSING]
    if not open_assets:
        return rows, Snapshot(now=now, assets={}, workers={}, rates={})
    return rows, read_snapshot(connection, open_assets, now)


def _progress(row: _Row, asset: AssetSnapshot | None, snapshot: Snapshot, pools: Pools) -> AssetProgress:
    match row.state:
        case AssetState.READY:
            return AssetProgress(fraction=1.0, stage="publish", eta_s=0.0, reason="published")
        case AssetState.FAILED:
            reason = f"failed: {error_message(row.failure) or 'see its jobs'}"
            return AssetProgress(fraction=row.progress, stage="publish", eta_s=None, reason=reason)
        case AssetState.CANCELLED:
            return AssetProgress(fraction=row.progress, stage="publish", eta_s=None, reason="cancelled")
        case AssetState.DELETING:
            return AssetProgress(
                fraction=row.progress, stage="publish", eta_s=None, reason="its files are being deleted"
            )
        case AssetState.PROCESSING:
            asset = asset or AssetSnapshot()
            return AssetProgress(
                fraction=max(row.progress, fraction_done(asset)),
                stage=stage_of(asset),
                eta_s=remaining_s(asset, snapshot, pools),
                reason=describe(asset, snapshot, pools),
            )


def fraction_done(asset: AssetSnapshot) -> float:
    """The share of the work that is done now, below 1, in steps; it may decrease when chunks are lost."""
    counted = [
        group
        for group in asset.groups
        if group.state is not State.CANCELLED and not job_kind(group.kind).internal
    ]
    planned = [group for group in counted if job_kind(group.kind).planned]
    total = sum(group.weight for group in planned)
    if total <= 0:
        inspected = any(group.state is State.DONE for group in counted)
        return PLANNED if inspected else 0.0
    done = sum(group.weight for group in planned if group.state is State.DONE)
    done += sum(job.weight * job.fraction for job in asset.running if job_kind(job.kind).planned)
    exact = min(PLANNED + (1 - PLANNED) * min(done / total, 1.0), _ALMOST)
    return math.floor(exact / _STEP) * _STEP


def remaining_s(asset: AssetSnapshot, snapshot: Snapshot, pools: Pools) -> float | None:
    """Seconds until the asset is published; None while that is unknown, or none of its jobs can run."""
    slots = slots_for(asset, snapshot, pools)
    planned = any(job_kind(group.kind).planned for group in asset.groups)
    if not slots or not planned or asset.dead is not None:
        return None
    estimate = estimate_s(asset, snapshot.rates, slots=slots, now=snapshot.now)
    return None if estimate is None or estimate > _MAX_ETA_S else round(estimate, 1)


def slots_for(asset: AssetSnapshot, snapshot: Snapshot, pools: Pools) -> int:
    """How many jobs of the asset can run at a time: those that do, and idle slots that serve its jobs."""
    wanted = {each.pool for each in asset.queued}
    own = {job.worker for job in asset.running}
    idle = sum(
        max((worker.slots or worker.running) - worker.running, 0)
        for worker in snapshot.workers.values()
        if worker.alive and (worker.name in own or any(serves(worker.name, pool, pools) for pool in wanted))
    )
    return len(asset.running) + idle
