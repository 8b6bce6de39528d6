"""Reports of costs as commands and the API show them: exact integers of nano-dollars beside dollars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from eddyline.app.accounts.asset_report import AssetReport, StartCost, kinds_in_order
from eddyline.app.accounts.fleet_costs import By, CostReport
from eddyline.fleet.accounts.accounts import Unknown, UnknownKey, sources_of
from eddyline.fleet.accounts.money import Cost, usd_of
from eddyline.fleet.accounts.price_list import PriceSource
from eddyline.fleet.accounts.tally import Tally

_US = 1_000_000
_HOUR_US = 3600 * _US


@dataclass(frozen=True, kw_only=True)
class Amount:
    """An amount by the price list and as billed: exact in nano-dollars, and rounded to floats in dollars."""

    listed_nanousd: int
    billed_nanousd: int
    listed_usd: float
    billed_usd: float


def amount(cost: Cost) -> Amount:
    """A cost as an amount."""
    return Amount(
        listed_nanousd=cost.listed,
        billed_nanousd=cost.billed,
        listed_usd=usd_of(cost.listed),
        billed_usd=usd_of(cost.billed),
    )


@dataclass(frozen=True, kw_only=True)
class WorkCost:
    """The starts of some jobs and their cost; `slot_s` is the time of all starts in seconds.

    `cost` is null where no start has a known cost; if `unknown_starts` is not 0, it lacks these. `redone` is
    the part of it for work that did not count and was done again. `overhead` is the share of boot, idle time
    and drain, which is not in `cost`.
    """

    starts: int
    slot_s: float
    cost: Amount | None
    redone_starts: int
    redone_slot_s: float
    redone: Amount | None
    overhead: Amount | None
    unknown_starts: int
    unknown_slot_s: float


def work_cost(tally: Tally) -> WorkCost:
    """The sums of a tally."""
    known = tally.cost is not None
    return WorkCost(
        starts=tally.starts,
        slot_s=tally.slot_us / _US,
        cost=amount(Cost(tally.listed, tally.billed)) if known else None,
        redone_starts=tally.redone_starts,
        redone_slot_s=tally.redone_us / _US,
        redone=amount(Cost(tally.redone_listed, tally.redone_billed)) if known else None,
        overhead=amount(tally.overhead) if known else None,
        unknown_starts=tally.unknown_starts,
        unknown_slot_s=tally.unknown_us / _US,
    )


@dataclass(frozen=True, kw_only=True)
class CostGroup:
    """The cost of one asset, owner, kind of job or pool; `key` is "" where it is not known."""

    key: str
    work: WorkCost


@dataclass(frozen=True, kw_only=True)
class UnknownCost:
    """Instances and starts whose cost is not known, and why."""

    reason: str
    instance_type: str
    zone: str
    instances: int
    instance_hours: float
    starts: int
    slot_s: float


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Where prices come from: `option` is "spot", "on-demand" or "machine" (outside EC2).

    `first` and `last` are the dates of the oldest and the newest price that was used, in seconds since 1970.
    """

    option: str
    name: str
    first: float
    last: float


@dataclass(frozen=True, kw_only=True)
class MachineCosts:
    """The cost of all instances: `starts + boot + idle + drain` is exactly `instance_cost`.

    `unassigned` is the part of boot, idle time and drain of instances on which no start has a cost. `other`
    is the cost of the starts on machines outside EC2. `starts_outside_life` lie outside the recorded life of
    their instance; their cost is 0.
    """

    instances: int
    instance_cost: Amount
    starts: Amount
    boot: Amount
    idle: Amount
    drain: Amount
    unassigned: Amount
    other: Amount
    starts_outside_life: int


@dataclass(frozen=True, kw_only=True)
class FleetCosts:
    """Costs from `start` to `stop` (seconds since 1970), dearest group first; `group_count` is that of all.

    `machines`, `unknown` and `prices` are those of all work, also with an `owner`.
    """

    start: float
    stop: float
    by: By
    owner: str | None
    groups: list[CostGroup]
    group_count: int
    total: WorkCost
    machines: MachineCosts
    unknown: list[UnknownCost]
    prices: list[Prices]
    demonstration: str


def fleet_costs(report: CostReport) -> FleetCosts:
    """The report of a range of time."""
    totals = report.totals
    return FleetCosts(
        start=report.start,
        stop=report.stop,
        by=report.by,
        owner=report.owner,
        groups=[CostGroup(key=row.key, work=work_cost(row.tally)) for row in report.rows],
        group_count=len(report.rows),
        total=work_cost(report.total),
        machines=MachineCosts(
            instances=totals.instances,
            instance_cost=amount(totals.instance_cost),
            starts=amount(totals.starts),
            boot=amount(totals.boot),
            idle=amount(totals.idle),
            drain=amount(totals.drain),
            unassigned=amount(totals.unassigned),
            other=amount(totals.machines),
            starts_outside_life=totals.outside,
        ),
        unknown=_unknown(totals.unknown),
        prices=_prices(sources_of(totals)),
        demonstration=report.demonstration,
    )


@dataclass(frozen=True, kw_only=True)
class StartAnswer:
    """One start of a job; times are in seconds since 1970, `ended` null: it runs."""

    started: float
    ended: float | None
    outcome: str
    redone: bool
    pool: str
    cost: Amount | None
    overhead: Amount | None


@dataclass(frozen=True, kw_only=True)
class JobCost:
    """One job with its starts."""

    job: str
    kind: str
    cost: Amount | None
    starts: list[StartAnswer]


@dataclass(frozen=True, kw_only=True)
class RenditionAnswer:
    """One rendition: its share of the encoding and its assembly; `overhead` is not in `cost`.

    `minute` is the cost of each minute of the source. `weight` is that of its encoding.
    """

    name: str
    weight: int
    cost: Amount
    encode: Amount
    assemble: Amount
    overhead: Amount
    minute: Amount | None


@dataclass(frozen=True, kw_only=True)
class AssetCosts:
    """The cost of one asset until `at` (seconds since 1970).

    `kinds` are the costs by kind of job. `renditions` is empty where the weights of the encoding are not
    known; the costs of the renditions and `shared` sum to the cost of `total`. `minute` is the cost of each
    minute of the source, `minute_with_overhead` with the share of boot, idle time and drain.
    """

    at: float
    asset: str
    owner: str
    duration_s: float | None
    total: WorkCost
    with_overhead: Amount | None
    minute: Amount | None
    minute_with_overhead: Amount | None
    kinds: list[CostGroup]
    renditions: list[RenditionAnswer]
    shared: Amount | None
    jobs: list[JobCost]
    unknown: list[UnknownCost]
    prices: list[Prices]


def asset_costs(report: AssetReport) -> AssetCosts:
    """The report of one asset."""
    cost = report.cost
    known = cost.total.cost
    minute = cost.a_minute(known) if known is not None else None
    full_minute = cost.a_minute(cost.with_overhead) if known is not None else None
    return AssetCosts(
        at=report.at,
        asset=report.asset,
        owner=report.owner,
        duration_s=None if cost.duration_us is None else cost.duration_us / _US,
        total=work_cost(cost.total),
        with_overhead=None if known is None else amount(cost.with_overhead),
        minute=None if minute is None else amount(minute),
        minute_with_overhead=None if full_minute is None else amount(full_minute),
        kinds=[
            CostGroup(key=kind, work=work_cost(cost.kinds[kind]))
            for kind in kinds_in_order(cost.kinds.keys())
        ],
        renditions=_renditions(report) if known is not None else [],
        shared=None if known is None else amount(cost.shared),
        jobs=_jobs(report),
        unknown=_unknown(report.unknown),
        prices=_prices(report.sources),
    )


def _renditions(report: AssetReport) -> list[RenditionAnswer]:
    found = []
    for each in report.cost.renditions:
        minute = report.cost.a_minute(each.cost)
        found.append(
            RenditionAnswer(
                name=each.name,
                weight=each.weight,
                cost=amount(each.cost),
                encode=amount(each.encode),
                assemble=amount(each.assemble),
                overhead=amount(each.overhead),
                minute=None if minute is None else amount(minute),
            )
        )
    return found


def _jobs(report: AssetReport) -> list[JobCost]:
    found = []
    for (job, kind), group in groupby(report.starts, key=lambda each: (each.start.job_id, each.start.kind)):
        starts = list(group)
        known = [each for each in starts if each.listed is not None]
        cost = Cost(sum(each.listed or 0 for each in known), sum(each.billed or 0 for each in known))
        found.append(
            JobCost(
                job=job,
                kind=kind,
                cost=amount(cost) if known else None,
                starts=[_start(each) for each in starts],
            )
        )
    return found


def _start(each: StartCost) -> StartAnswer:
    row = each.start
    known = each.listed is not None and each.billed is not None
    return StartAnswer(
        started=row.started,
        ended=row.ended,
        outcome=row.outcome,
        redone=bool(row.redone),
        pool=row.pool,
        cost=amount(Cost(each.listed or 0, each.billed or 0)) if known else None,
        overhead=amount(Cost(each.overhead_listed, each.overhead_billed)) if known else None,
    )


def _unknown(found: Mapping[UnknownKey, Unknown]) -> list[UnknownCost]:
    rows = [
        UnknownCost(
            reason=key.reason.value,
            instance_type=key.instance_type,
            zone=key.zone,
            instances=each.instances,
            instance_hours=each.life_us / _HOUR_US,
            starts=each.starts,
            slot_s=each.slot_us / _US,
        )
        for key, each in found.items()
    ]
    return sorted(
        rows, key=lambda row: (-row.slot_s, -row.instance_hours, row.reason, row.instance_type, row.zone)
    )


def _prices(sources: Mapping[str, PriceSource]) -> list[Prices]:
    return [
        Prices(option=each.option, name=each.name, first=each.first, last=each.last)
        for each in sources.values()
    ]
