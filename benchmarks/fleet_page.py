"""Measures the reports of the Spot dashboard with 100,000 machines in a year, on SQLite and PostgreSQL.

`python -m benchmarks fleet_page` prints the figures; `measure()` returns them. `cold` is the first request of
a server, which reads all machines; `refresh` are the eight reports of the page a minute later, after events
about ten machines; `report` is the slowest of these eight. All are for a range of a year, including their
JSON. `_ms` are wall times, `_cpu_ms` the CPU times of the server: without waiting for other processes and for
PostgreSQL.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, insert, text
from tests.unit.graph.postgres_server import Server

from eddyline.app.fleet import dashboard_queries as queries
from eddyline.app.fleet.dashboard import Filters, FleetDashboard, View
from eddyline.app.fleet.machine_list import list_machines
from eddyline.fleet.dashboard.grouping import Grouping
from eddyline.fleet.record.fold import fold
from eddyline.graph.db.schema import fleet_prices, fleet_samples, instances, starts
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.ledger.ledger import Ledger

MACHINES = 100_000
DAYS = 365
ROUNDS = 3
_DAY_S = 86_400.0
_BATCH = 10_000
_TYPES = {f"c{number}i.{size}xlarge": size * 4 for number in (5, 6, 7) for size in (1, 2, 4, 8)}
_ZONES = ("us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d")
_POOLS = ("cpu", "light", "gpu", "memory")


def measure(work: Path, *, machines: int = MACHINES, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the figures of both databases."""
    with Ledger.open(work / "ledger.db") as ledger:
        found = _measure("sqlite", ledger, machines, rounds)
    with Server() as server, Ledger.open(server.url) as ledger:
        return {**found, **_measure("postgres", ledger, machines, rounds)}


def _measure(name: str, ledger: Ledger, machines: int, rounds: int) -> dict[str, float]:
    fill(ledger, machines)
    dashboard = FleetDashboard(ledger, vcpu_of_types={})
    rounds_s: list[list[tuple[float, float]]] = []
    for number in range(rounds + 1):
        now = ledger.now()
        events = [
            FleetEvent(
                id=f"new-{number}-{each}",
                instance=f"i-new{number}{each}",
                kind=FleetEventKind.LAUNCHED,
                at=now,
                pool="cpu",
                instance_type="c5i.1xlarge",
                lifecycle="spot",
            )
            for each in range(10)
        ]
        ledger.fleet.store(events, fold=fold)
        start = ledger.now() - DAYS * _DAY_S
        times = [_seconds(lambda: orjson.dumps(queries.summary(_view(dashboard, start))))]  # noqa: B023 - called at once
        times += [
            _seconds(lambda: orjson.dumps(report(_view(dashboard, start), ledger)))  # noqa: B023 - likewise
            for report in REPORTS
        ]
        rounds_s.append(times)
    found = {}
    for clock, unit in enumerate(("ms", "cpu_ms")):
        cold, *warm = ([each[clock] * 1000 for each in times] for times in rounds_s)
        found[f"fleet_page.{name}_cold_{unit}"] = round(cold[0], 1)
        found[f"fleet_page.{name}_refresh_{unit}"] = round(statistics.median(map(sum, warm)), 1)
        found[f"fleet_page.{name}_report_{unit}"] = round(statistics.median(map(max, warm)), 1)
    return found


REPORTS: tuple[Callable[[View, Ledger], Any], ...] = (
    lambda view, _: queries.interruptions(view, Grouping.TYPE),
    lambda view, _: queries.running(view, Grouping.TYPE),
    lambda view, _: queries.savings(view, Grouping.TYPE),
    lambda view, ledger: queries.drains(view, Grouping.TYPE, ledger),
    lambda view, _: queries.survival(view, Grouping.TYPE),
    queries.capacity,
    lambda view, _: list_machines(view, limit=50),
)


def _view(dashboard: FleetDashboard, start: float) -> View:
    return dashboard.view(start, start + DAYS * _DAY_S, Filters())


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds, and CPU seconds of this process."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def fill(ledger: Ledger, machines: int) -> None:
    """Insert machines of a year, three starts for each interrupted one, samples and prices."""
    rng, now = random.Random(4), ledger.now()

    def write(connection: Connection) -> None:
        for first in range(0, machines, _BATCH):
            rows = [_machine(rng, number, now) for number in range(first, min(first + _BATCH, machines))]
            connection.execute(insert(instances), rows)
            connection.execute(insert(starts), [row for each in rows for row in _starts(each)])
        connection.execute(insert(fleet_prices), list(_prices(now)))
        connection.execute(insert(fleet_samples), list(_samples(now)))
        for table in ("instances", "starts", "fleet_samples", "fleet_prices"):
            connection.execute(text(f"ANALYZE {table}"))

    ledger.write(write)


def _machine(rng: random.Random, number: int, now: float) -> dict[str, Any]:
    launched = now - rng.uniform(0, DAYS) * _DAY_S
    ended = launched + rng.expovariate(1 / 36_000)
    reason = rng.choices(["interruption", "scale-in", "other"], [3, 6, 1])[0]
    kind = rng.choice(list(_TYPES))
    spot = rng.random() < 0.85
    return {
        "instance": f"i-{number:017x}",
        "pool": rng.choice(_POOLS),
        "auto_scaling_group": "g",
        "instance_type": kind,
        "zone": rng.choice(_ZONES),
        "lifecycle": "spot" if spot else "on-demand",
        "vcpu": _TYPES[kind],
        "account": "",
        "region": "us-east-1",
        "launched": launched,
        "rebalance_at": None,
        "warned_at": ended - 120 if reason == "interruption" and spot and ended < now else None,
        "scale_in_at": None,
        "terminated": ended if ended < now else None,
        "ended_by": "" if ended >= now else reason if spot else "scale-in",
    }


def _starts(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if machine["ended_by"] != "interruption":
        return
    for slot in range(3):
        yield {
            "job_id": f"{machine['instance']}-{slot}",
            "fence": 1,
            "pool": machine["pool"],
            "kind": "chunk",
            "worker": "w",
            "instance": machine["instance"],
            "started": machine["warned_at"] - 40,
            "ended": machine["warned_at"] + 3 + slot,
            "outcome": "done" if slot else "interrupted",
            "cpu_s": 30.0,
            "fraction": None,
        }


def _prices(now: float) -> Iterator[dict[str, Any]]:
    start = now - (DAYS + 1) * _DAY_S
    for kind, vcpu in _TYPES.items():
        yield {"instance_type": kind, "zone": "", "at": start, "usd_per_hour": vcpu * 0.05}
        for zone in _ZONES:
            for day in range(DAYS + 1):
                price = vcpu * (0.015 + 0.005 * (day % 3))
                at = start + day * _DAY_S
                yield {"instance_type": kind, "zone": zone, "at": at, "usd_per_hour": price}


def _samples(now: float) -> Iterator[dict[str, Any]]:
    """One each half hour: of a year, the queries read one each six hours."""
    first = int((now - DAYS * _DAY_S) // 1800) * 1800
    for minute in range(first, int(now), 1800):
        for pool in _POOLS:
            yield {
                "minute": minute,
                "pool": pool,
                "spot_vcpu": 100,
                "on_demand_vcpu": 10,
                "spot_instances": 10,
                "on_demand_instances": 1,
                "slots": 50,
                "busy_slots": 40,
                "due_jobs": 5,
                "backlog_vcpu_s": 1000.0,
                "oldest_due_s": 3.0,
                "wanted_vcpu": 100,
                "spot_shortfall_vcpu": 0,
            }


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        for key, value in measure(Path(name)).items():
            print(f"{key} {value}")
