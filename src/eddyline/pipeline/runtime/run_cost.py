"""What the jobs of an asset cost until its publication, for the manifest's section `run`.

The jobs that publish and tidy are not in it: they have not ended when the manifest is written.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from eddyline.fleet.accounts.instance_slots import slots_of
from eddyline.fleet.accounts.price_list import price_list
from eddyline.fleet.accounts.slot_price import SlotPrice, SlotUse, price_of_slots
from eddyline.fleet.accounts.slot_time import microseconds
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.fleet import accounted_starts, prices, queries
from eddyline.graph.ledger.fleet.accounted_starts import StartRow
from eddyline.pipeline.planning.job_kinds import job_kind

LEDGER = "fleet_prices"
OUTSIDE_EC2 = "work ran outside EC2"
NO_STARTS = "the start history has no start of its jobs"
NO_LEDGER = "the worker that published it had no start history"
_MAX_KINDS = 100
_MAX_TEXT = 300
_MAX_SECONDS = 1e12
_MAX_NANOS = 1 << 62
_MAX_TIME = 1e11


@dataclass(frozen=True, kw_only=True)
class KindWork:
    """The starts of one kind of job: their slot time, CPU time, and the slot time that was done again."""

    starts: int = 0
    slot_seconds: float = 0.0
    cpu_seconds: float = 0.0
    redone_slot_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PriceOrigin:
    """Where prices come from, and the dates of the oldest and the newest (seconds since 1970)."""

    option: str
    source: str
    first: float
    last: float


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """The work by kind of job, and its list price in nano-dollars; null where `reason` says why.

    The price is that of the slots that the starts took (`fleet/accounts/slot_price.py`).
    """

    kinds: Mapping[str, KindWork] = field(default_factory=dict)
    list_nanousd: int | None = None
    reason: str | None = None
    prices: Sequence[PriceOrigin] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The values of the manifest."""
        return {
            "kinds": {
                kind: {
                    "starts": each.starts,
                    "slot_seconds": round(each.slot_seconds, 2),
                    "cpu_seconds": round(each.cpu_seconds, 2),
                    "redone_slot_seconds": round(each.redone_slot_seconds, 2),
                }
                for kind, each in self.kinds.items()
            },
            "slot_seconds": round(sum(each.slot_seconds for each in self.kinds.values()), 2),
            "redone_slot_seconds": round(sum(each.redone_slot_seconds for each in self.kinds.values()), 2),
            "list_nanousd": self.list_nanousd,
            "reason": self.reason,
            "prices": [vars(each) for each in self.prices],
        }


UNKNOWN_COST = RunCost(reason=NO_LEDGER)
"""Of a worker that has neither a ledger nor a history from the coordinator."""


def read_run_cost(connection: Connection, asset: str, pools: Pools | None) -> RunCost:
    """The cost of the ended starts of an asset's jobs.

    `pools` tell the slots of instances that have ended; None: these are not known.
    """
    ids = accounted_starts.specs_of_asset(connection, asset).keys()
    counted = (row for row in accounted_starts.of_jobs(connection, ids) if _is_counted(row.kind))
    rows = sorted(counted, key=lambda row: (row.kind, row.started))
    cpu_s = accounted_starts.cpu_of_jobs(connection, ids)
    price = _price(connection, rows, pools)
    return RunCost(
        kinds=_kinds(rows, cpu_s),
        list_nanousd=price.nanos,
        reason=price.missing or None,
        prices=[
            PriceOrigin(option=each.option, source=each.name, first=each.first, last=each.last)
            for each in price.sources
        ],
    )


def _is_counted(kind: str) -> bool:
    return not (job_kind(kind).publishes or job_kind(kind).internal)


def _kinds(rows: list[StartRow], cpu_s: Mapping[str, float]) -> dict[str, KindWork]:
    groups: defaultdict[str, list[StartRow]] = defaultdict(list)
    for row in rows:
        groups[row.kind].append(row)
    return {
        kind: KindWork(
            starts=len(group),
            slot_seconds=sum(map(_length, group)),
            cpu_seconds=cpu_s.get(kind, 0.0),
            redone_slot_seconds=sum(_length(row) for row in group if row.redone),
        )
        for kind, group in groups.items()
    }


def _length(row: StartRow) -> float:
    return max((row.ended or row.started) - row.started, 0.0)


def _price(connection: Connection, rows: list[StartRow], pools: Pools | None) -> SlotPrice:
    if not rows:
        return SlotPrice(nanos=None, sources=(), missing=NO_STARTS)
    if not all(row.instance for row in rows):
        return SlotPrice(nanos=None, sources=(), missing=OUTSIDE_EC2)
    instances = {each.instance: each for each in queries.by_names(connection, {row.instance for row in rows})}
    types = {each.instance_type for each in instances.values()}
    start = min(row.started for row in rows)
    found = prices.find(connection, start, types)
    known = price_list(
        ((each.instance_type, each.zone, each.at, each.usd_per_hour) for each in found),
        on_demand_name=LEDGER,
        spot_name=LEDGER,
    )
    slots: dict[str, int | None] = dict(accounted_starts.slots(connection))
    for name, instance in instances.items():
        if name not in slots and pools is not None:
            slots[name] = slots_of(instance, pools)
    uses = [
        SlotUse(
            instance=instances.get(row.instance),
            slots=slots.get(row.instance),
            begin=microseconds(row.started),
            end=microseconds(row.ended or row.started),
        )
        for row in rows
    ]
    return price_of_slots(uses, known)


def parse_run_cost(value: object) -> RunCost:
    """The cost that a coordinator wrote into a job; `UNKNOWN_COST` for anything else."""
    if not isinstance(value, dict):
        return UNKNOWN_COST
    kinds, nanos, reason, found = (value.get(name) for name in ("kinds", "list_nanousd", "reason", "prices"))
    valid = (
        isinstance(kinds, dict)
        and len(kinds) <= _MAX_KINDS
        and all(_is_text(kind) and _is_kind(each) for kind, each in kinds.items())
        and (nanos is None or (type(nanos) is int and 0 <= nanos < _MAX_NANOS))
        and (reason is None or _is_text(reason))
        and isinstance(found, list)
        and len(found) <= _MAX_KINDS
        and all(_is_price(each) for each in found)
    )
    if not valid:
        return UNKNOWN_COST
    return RunCost(
        kinds={kind: KindWork(**each) for kind, each in value["kinds"].items()},
        list_nanousd=nanos,
        reason=reason,
        prices=[PriceOrigin(**each) for each in value["prices"]],
    )


def _is_kind(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != vars(KindWork()).keys():
        return False
    seconds = [each for name, each in value.items() if name != "starts"]
    return (
        type(value["starts"]) is int
        and 0 <= value["starts"] < _MAX_NANOS
        and all(_is_number(each, _MAX_SECONDS) for each in seconds)
    )


def _is_price(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"option", "source", "first", "last"}:
        return False
    texts, times = (value["option"], value["source"]), (value["first"], value["last"])
    return all(map(_is_text, texts)) and all(_is_number(each, _MAX_TIME) for each in times)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT


def _is_number(value: object, limit: float) -> bool:
    return type(value) in {int, float} and math.isfinite(value) and 0 <= value < limit  # type: ignore[arg-type, operator]
