"""A small fleet in a ledger with known costs, for tests of the accounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from eddyline.core.clock import ManualClock
from eddyline.graph.db.library_schema import assets
from eddyline.graph.db.schema import instances, jobs, starts
from eddyline.graph.ledger.fleet import prices
from eddyline.graph.ledger.fleet.prices import Price
from eddyline.graph.ledger.ledger import Ledger

NOW = 1_800_000_000.0
HOUR = 3600.0
ANN, BEA, IDLE = "a" * 16, "b" * 16, "c" * 16
"""The assets of the owners ann and bea, and one without jobs."""

DEAR, FREE, UNPRICED, UNRECORDED = "i-00000001", "i-00000002", "i-00000003", "i-00000004"
USD = 3.6
"""Dollars an hour On-Demand, so 1,000,000 nano-dollars a second of an instance; Spot costs a tenth."""


def open_fleet(path: Path) -> Ledger:
    """A ledger with the fleet."""
    ledger = Ledger.open(path, clock=ManualClock(NOW))
    fill(ledger)
    return ledger


def fill(ledger: Ledger) -> None:
    """Fill a ledger: ann's asset ran on all machines, and bea's on one.

    DEAR: an hour On-Demand of 2 slots, FREE: Spot, interrupted after half an hour.
    """
    ledger.write(lambda c: c.execute(insert(instances), _instances()))
    ledger.write(lambda c: c.execute(insert(starts), _starts()))
    ids = {each["job_id"]: each["kind"] for each in _starts()}
    ledger.write(lambda c: c.execute(insert(jobs), [_job(name, kind) for name, kind in ids.items()]))
    rows = [_asset(ANN, "ann", NOW + 1), _asset(BEA, "bea", NOW + 2), _asset(IDLE, "bea", NOW + 3)]
    ledger.write(lambda c: c.execute(insert(assets), rows))
    ledger.write(
        lambda c: prices.add(
            c,
            [
                Price(instance_type="c7i.xlarge", zone="", at=NOW - 100, usd_per_hour=USD),
                Price(instance_type="c7i.xlarge", zone="z", at=NOW - 50 * HOUR, usd_per_hour=USD / 10),
            ],
        )
    )


def write_prices(folder: Path) -> Path:
    """A file of On-Demand prices that are twice as high."""
    path = folder / "prices.json"
    path.write_text(json.dumps({"c7i.xlarge": 2 * USD}))
    return path


def _instances() -> list[dict[str, Any]]:
    def row(name: str, launched: float, **more: object) -> dict[str, Any]:
        return {
            "instance": name,
            "pool": "cpu",
            "auto_scaling_group": "",
            "instance_type": "c7i.xlarge",
            "zone": "z",
            "lifecycle": "on-demand",
            "vcpu": 4,
            "account": "",
            "region": "",
            "launched": launched,
            "rebalance_at": None,
            "warned_at": None,
            "scale_in_at": None,
            "terminated": launched + HOUR,
            "ended_by": "scale-in",
        } | more

    return [
        row(DEAR, NOW - 10 * HOUR, scale_in_at=NOW - 9 * HOUR - 100),
        row(
            FREE,
            NOW - 5 * HOUR,
            lifecycle="spot",
            terminated=NOW - 4.5 * HOUR,
            warned_at=NOW - 4.5 * HOUR - 120,
            ended_by="interruption",
        ),
        row(UNPRICED, NOW - 3 * HOUR, instance_type="m1.small"),
    ]


def _starts() -> list[dict[str, Any]]:
    def row(
        job: str, kind: str, instance: str, begin: float, length: float, outcome: str = "done", fence: int = 1
    ) -> dict[str, Any]:
        return {
            "job_id": job,
            "fence": fence,
            "pool": "cpu",
            "kind": kind,
            "worker": "local-1",
            "instance": instance,
            "started": begin,
            "ended": begin + length,
            "outcome": outcome,
            "cpu_s": 1.0,
            "fraction": 1.0,
        }

    dear, free = NOW - 10 * HOUR, NOW - 5 * HOUR
    return [
        row(f"{ANN}.1.chunk-0000", "chunk", DEAR, dear + 600, 1000),
        row(f"{ANN}.1.chunk-0001", "chunk", DEAR, dear + 600, 500, "lost"),
        row(f"{ANN}.1.chunk-0001", "chunk", FREE, free + 60, 100, fence=2),
        row(f"{ANN}.1.assemble-720p", "assemble", DEAR, dear + 2000, 200),
        row(f"{BEA}.1.chunk-0000", "chunk", DEAR, dear + 1700, 1000),
        row(f"{ANN}.1.poster", "poster", UNPRICED, NOW - 2.9 * HOUR, 30),
        row(f"{ANN}.1.pictures", "pictures", UNRECORDED, NOW - 2 * HOUR, 40),
        row(f"{ANN}.1.audio-0000", "audio", "", NOW - HOUR, 360),
    ]


def _job(name: str, kind: str) -> dict[str, Any]:
    asset = name[:16]
    return {
        "id": name,
        "asset": asset,
        "kind": kind,
        "pool": "cpu",
        "priority": 0,
        "owner": "ann" if asset == ANN else "bea",
        "spec": json.dumps({"index": name.rpartition("-")[2]}),
        "weight": 1.0,
        "created": NOW,
        "state": "done",
        "unmet": 0,
        "attempt": 1,
        "starts": 1,
        "interruptions": 0,
        "losses": 0,
        "fence": 1,
        "start_tag": 0.0,
        "answered": 1,
    }


def _asset(asset: str, owner: str, created: float) -> dict[str, Any]:
    return {
        "asset": asset,
        "owner": owner,
        "name": "clip.mp4",
        "state": "ready",
        "created": created,
        "updated": NOW,
        "profile": "web",
        "source": "clip.mp4",
        "progress": 1.0,
        "duration_s": 30.0,
    }
