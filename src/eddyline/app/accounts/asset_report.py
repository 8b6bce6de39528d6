"""The cost of one asset: of its jobs and starts, its renditions, its redone work, and a minute of output."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from eddyline.app.accounts.account_machines import account_machines
from eddyline.app.accounts.prices import PriceOptions
from eddyline.core.errors import UsageError
from eddyline.fleet.accounts.accounts import Accounts, Unknown, UnknownKey, sources_of
from eddyline.fleet.accounts.asset_cost import AssetCost, asset_cost
from eddyline.fleet.accounts.price_list import PriceSource
from eddyline.fleet.accounts.slot_time import microseconds
from eddyline.fleet.accounts.started_work import Work, machine_of
from eddyline.fleet.accounts.tally import Tally
from eddyline.fleet.pools import Pools
from eddyline.graph.instance import Instance
from eddyline.graph.ledger.catalogue import catalogue
from eddyline.graph.ledger.fleet import accounted_starts, queries
from eddyline.graph.ledger.fleet.accounted_starts import StartRow
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.planning.job_kinds import JOB_KINDS, Per

ENCODE_KINDS = tuple(kind.name for kind in JOB_KINDS.values() if kind.encodes_video)
_RUNG_KINDS = frozenset(kind.name for kind in JOB_KINDS.values() if kind.per is Per.RUNG)


@dataclass(frozen=True, kw_only=True)
class StartCost:
    """One start, its cost in nano-dollars (None: not known) and its share of boot, idle time and drain."""

    start: StartRow
    listed: int | None
    billed: int | None
    overhead_listed: int
    overhead_billed: int


@dataclass(frozen=True, kw_only=True)
class AssetReport:
    """The cost of the asset until `at` (seconds since 1970), with each start in the order of jobs.

    `unknown`: why the cost of some of its starts is not known. `sources`: the prices that were used.
    """

    at: float
    asset: str
    owner: str
    cost: AssetCost
    starts: Sequence[StartCost]
    unknown: Mapping[UnknownKey, Unknown]
    sources: Mapping[str, PriceSource]


def read_asset_costs(
    ledger: Ledger,
    pools: Pools,
    options: PriceOptions,
    asset: str,
    *,
    weights: Mapping[str, int],
    max_starts: int | None = None,
) -> AssetReport | None:
    """The cost of one asset; None if the ledger knows neither the asset nor jobs of it.

    All starts on its instances are read, because they share the cost of these: more than `max_starts` are a
    `UsageError`. `weights` are those of the encoding of its renditions, by name; empty: not known.
    """
    options.read()
    machine_nanos = options.machine_nanos

    def read(connection: Connection) -> AssetReport | None:
        now = ledger.now()
        known = catalogue.get(connection, asset)
        specs = accounted_starts.specs_of_asset(connection, asset)
        if known is None and not specs:
            return None
        running = accounted_starts.running(connection)
        own = [*accounted_starts.of_jobs(connection, specs.keys())]
        own += [row for row in running if row.job_id in specs]
        machines = _Machines(connection, own, running, now=now, local=machine_nanos is not None)
        if max_starts is not None and machines.count() > max_starts:
            raise UsageError(
                f"asset {asset} ran on instances with more than {max_starts:,} starts",
                remedy=f"run `eddyline cost {asset}`",
            )
        launches = [each.launched for each in machines.instances.values() if each.launched is not None]
        start = min([*launches, *(row.started for row in own)], default=now)
        types = {each.instance_type for each in machines.instances.values()}
        receiver = _Costs()
        accounts = Accounts(
            options.price_list(connection, start, types),
            start=start,
            stop=now,
            receiver=receiver,
            machine_price=machine_nanos,
            machine_price_name=options.machine_name,
        )
        account_machines(connection, accounts, machines.work().items(), machines.instances, pools)
        duration_s = known.duration_s if known is not None else None
        return AssetReport(
            at=now,
            asset=asset,
            owner=accounted_starts.owners(connection, [asset]).get(asset, ""),
            cost=asset_cost(
                receiver.kinds,
                _by_rendition(receiver.jobs, specs),
                encode_kinds=ENCODE_KINDS,
                weights=weights,
                duration_us=None if duration_s is None else microseconds(duration_s),
            ),
            starts=sorted(receiver.starts, key=lambda each: (each.start.job_id, each.start.started)),
            unknown=receiver.reasons,
            sources=sources_of(accounts.totals),
        )

    return ledger.read(read)


class _Machines:
    """The machines that an asset ran on, with all their work: it shares their cost."""

    def __init__(
        self,
        connection: Connection,
        own: Sequence[StartRow],
        running: Sequence[StartRow],
        *,
        now: float,
        local: bool,
    ) -> None:
        self._connection = connection
        self._own = own
        self._ids = {row.job_id for row in own}
        self._now = microseconds(now)
        self._names = {row.instance for row in own if row.instance}
        places = {machine_of(row.worker) for row in own if not row.instance}
        self._others: list[StartRow] = [row for row in running if row.instance in self._names]
        if local and places:
            # Only the price of a machine makes the other work on it matter.
            since = min(row.started for row in own if not row.instance)
            elsewhere = (
                StartRow._make(row)
                for rows in accounted_starts.between(connection, since, now)
                for row in rows
            )
            self._others += [
                row for row in (*elsewhere, *running) if not row.instance and machine_of(row.worker) in places
            ]
        found = queries.by_names(connection, self._names)
        self.instances: Mapping[str, Instance] = {each.instance: each for each in found}

    def count(self) -> int:
        """How many starts the instances have."""
        return accounted_starts.count_on_instances(self._connection, self._names)

    def work(self) -> dict[str, list[Work]]:
        """The starts by machine; the key of a start of the asset is its row, that of others None."""
        found: defaultdict[str, list[Work]] = defaultdict(list)
        for row in self._own:
            found[_machine(row)].append(self._work(row, row))
        for row in (*accounted_starts.on_instances(self._connection, self._names), *self._others):
            if row.job_id not in self._ids:
                found[_machine(row)].append(self._work(row, None))
        for each in found.values():
            each.sort(key=lambda work: (work.begin, work.end))
        return found

    def _work(self, row: StartRow, key: StartRow | None) -> Work:
        end = self._now if row.ended is None else microseconds(row.ended)
        return Work(key, microseconds(row.started), end, bool(row.redone))


def _machine(row: StartRow) -> str:
    return row.instance or f"@{machine_of(row.worker)}"


class _Costs:
    """Keeps the costs of the asset's own starts, by kind and by job."""

    def __init__(self) -> None:
        self.kinds: defaultdict[str, Tally] = defaultdict(Tally)
        self.jobs: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
        self.starts: list[StartCost] = []
        self.reasons: defaultdict[UnknownKey, Unknown] = defaultdict(Unknown)

    def known(self, work: Sequence[Work], costs: Sequence[int], shares: Sequence[int], *, free: bool) -> None:
        """Add the starts of one machine."""
        for each, cost, share in zip(work, costs, shares, strict=True):
            row = each.key
            if row is None:
                continue
            for tally in (self.kinds[row.kind], self.jobs[row.kind, row.job_id]):
                tally.add(each, cost, share, free=free)
            billed, billed_share = (0, 0) if free else (cost, share)
            self.starts.append(
                StartCost(
                    start=row,
                    listed=cost,
                    billed=billed,
                    overhead_listed=share,
                    overhead_billed=billed_share,
                )
            )

    def unknown(self, work: Sequence[Work], key: UnknownKey) -> None:
        """Add starts whose cost is not known, and why."""
        own = [each for each in work if each.key is not None]
        if own:
            self.reasons[key].add_starts(own)
        for each in own:
            row = each.key
            for tally in (self.kinds[row.kind], self.jobs[row.kind, row.job_id]):
                tally.add_unknown(each)
            self.starts.append(
                StartCost(start=row, listed=None, billed=None, overhead_listed=0, overhead_billed=0)
            )


def _by_rendition(jobs: Mapping[tuple[str, str], Tally], specs: Mapping[str, Any]) -> Mapping[str, Tally]:
    """The sums of the jobs of single renditions, by the name of the rendition."""
    found: defaultdict[str, Tally] = defaultdict(Tally)
    for (kind, job), tally in jobs.items():
        name = specs[job].get("index") if kind in _RUNG_KINDS else None
        if isinstance(name, str):
            found[name].include(tally)
    return found


def kinds_in_order(kinds: Collection[str]) -> list[str]:
    """Kinds of jobs in the order in which an asset passes them; unknown ones last, by name."""
    places = {name: place for place, name in enumerate(JOB_KINDS)}
    return sorted(kinds, key=lambda kind: (places.get(kind, len(places)), kind))
