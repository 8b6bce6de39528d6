"""A made-up fleet in a ledger, for tests of `eddyline fleet`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from eddyline.fleet.record.fold import fold
from eddyline.fleet.record.samples import PoolSample, minute_of
from eddyline.graph.db.schema import starts
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine

_HOUR = 3600.0
TYPES = {"c7i.8xlarge": 32, "c7a.12xlarge": 48, "m7i.16xlarge": 64, "r5b.4xlarge": 16}
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
PRICES = {"c7i.8xlarge": 1.428, "c7a.12xlarge": 2.4634, "m7i.16xlarge": 3.2256, "r5b.4xlarge": 1.192}


def name_of(number: int) -> str:
    return f"i-{number:017x}"


def fill(ledger: Ledger, *, instances: int = 120) -> None:
    """Record a week of instances of two pools, workers, jobs and a sample of the last minute."""
    rng, now = random.Random(4), ledger.now()
    events = []
    for number in range(instances):
        events += _life(rng, number, now)
    ledger.fleet.store(events, fold=fold)
    running = sorted(ledger.fleet.running(), key=lambda each: each.instance)
    for each in running:
        machine = Machine(
            pool=each.pool,
            instance=each.instance,
            instance_type=each.instance_type,
            zone=each.zone,
            lifecycle=each.lifecycle,
            vcpu=each.vcpu,
            slots=(each.vcpu or 0) // 8,
        )
        ledger.register(
            f"ip-10-0-0-{each.instance[-3:]}:{each.pool}:1", "host", 1, lease_s=600, machine=machine
        )
    ledger._database.write(lambda c: c.execute(insert(starts), _starts(rng, instances, now)))
    due = [
        NewJob(id=f"a-{number}", asset="a", kind="chunk", spec={}, pool="cpu", dependencies=())
        for number in range(40)
    ]
    ledger.submit(due)
    ledger.claim(f"ip-10-0-0-{running[0].instance[-3:]}:cpu:1", pools=("cpu",), limit=10, lease_s=600)
    sample = PoolSample(
        minute=minute_of(now), pool="cpu", backlog_vcpu_s=98_765.0, wanted_vcpu=1_280, spot_shortfall_vcpu=96
    )
    ledger.fleet.record_samples([sample])


def _life(rng: random.Random, number: int, now: float) -> list[FleetEvent]:
    pool = "memory" if number % 6 == 0 else "cpu"
    kind = "r5b.4xlarge" if pool == "memory" else rng.choice(list(TYPES)[:3])
    spot = number % 10 != 3
    launched = now - rng.uniform(0.2, 7 * 24) * _HOUR
    ended = launched + rng.choice([0.4, 3, 10, 30, 60]) * _HOUR
    group = f"eddyline-{pool}-{'spot' if spot else 'od'}"

    def event(what: FleetEventKind, at: float, **more: Any) -> FleetEvent:
        return FleetEvent(id=f"{what}-{number}", instance=name_of(number), kind=what, at=at, **more)

    found = [
        event(
            FleetEventKind.LAUNCHED,
            launched,
            group=group,
            pool=pool,
            lifecycle="spot" if spot else "on-demand",
            instance_type=kind,
            vcpu=TYPES[kind],
            zone=rng.choice(ZONES),
            region="us-east-1",
        )
    ]
    if ended < now:
        reason = FleetEventKind.INTERRUPTION if spot and rng.random() < 0.2 else FleetEventKind.SCALE_IN
        found += [event(reason, ended - 120), event(FleetEventKind.TERMINATED, ended)]
    elif spot and rng.random() < 0.15:
        found.append(event(FleetEventKind.INTERRUPTION, now - 75))
    return found


def _starts(rng: random.Random, instances: int, now: float) -> list[dict[str, Any]]:
    return [
        {
            "job_id": f"done-{number}",
            "fence": 1,
            "pool": "cpu",
            "kind": "chunk",
            "worker": "w",
            "instance": name_of(rng.randrange(instances)) if number % 50 else "",
            "started": now - 3600,
            "ended": now - 3500,
            "outcome": "done" if number % 20 else "interrupted",
            "cpu_s": 40.0,
            "fraction": 1.0,
        }
        for number in range(1000)
    ]


def write_prices(folder: Path, *, zones: tuple[str, ...] = ZONES) -> tuple[Path, Path]:
    """Files of On-Demand prices and of the Spot price history; returns their paths."""
    prices, spot = folder / "prices.json", folder / "spot.json"
    prices.write_text(json.dumps(PRICES))
    history = [
        {
            "AvailabilityZone": zone,
            "InstanceType": kind,
            "ProductDescription": "Linux/UNIX",
            "SpotPrice": f"{price * 0.35:.6f}",
            "Timestamp": "2020-01-01T00:00:00+00:00",
        }
        for kind, price in PRICES.items()
        for zone in zones
    ]
    spot.write_text(json.dumps({"SpotPriceHistory": history}))
    return prices, spot
