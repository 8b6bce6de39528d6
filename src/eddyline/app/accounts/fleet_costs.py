"""The cost of the work of a range of time, by asset, owner, kind of job or pool."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from eddyline.app.accounts.account_machines import account_machines
from eddyline.app.accounts.prices import PriceOptions
from eddyline.app.accounts.start_columns import StartColumns
from eddyline.fleet.accounts.accounts import Accounts, Totals
from eddyline.fleet.accounts.tally import Tallies, Tally, total_of
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.fleet import accounted_starts, demo_mark, queries
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.planning.job_ids import asset_of_job


class By(StrEnum):
    """What the rows of a report stand for."""

    ASSET = "asset"
    OWNER = "owner"
    KIND = "kind"
    POOL = "pool"


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """The sums of one asset, owner, kind or pool; `key` is "" where it is not known."""

    key: str
    tally: Tally


@dataclass(frozen=True, kw_only=True)
class CostReport:
    """Costs from `start` to `stop` (seconds since 1970), dearest row first.

    `totals` are those of all machines, also with an `owner`: then `rows` and `total` are of that owner's
    assets. `demonstration`: what made-up record it shows, or "".
    """

    start: float
    stop: float
    by: By
    owner: str | None
    rows: Sequence[CostRow]
    total: Tally
    totals: Totals
    demonstration: str


def read_costs(
    ledger: Ledger,
    pools: Pools,
    options: PriceOptions,
    *,
    start: float,
    stop: float,
    by: By,
    owner: str | None = None,
) -> CostReport:
    """The costs between two times (seconds since 1970), until now at the latest.

    Starts and instances count with their part in this time. Raises `UsageError` for an invalid file of
    prices.
    """
    options.read()
    now = min(stop, ledger.now())
    machine_nanos = options.machine_nanos

    def read(connection: Connection) -> CostReport:
        tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
        columns: StartColumns[Tally] = StartColumns(
            _key_of(tallies, by, per_asset=owner is not None), start=start, stop=now
        )
        for rows in accounted_starts.between(connection, start, now):
            columns.add(rows)
        columns.add(row for row in accounted_starts.running(connection) if row.started < now)
        instances = {each.instance: each for each in queries.between(connection, start, now)}
        others = {each for each in columns.machines if not each.startswith("@")} - instances.keys()
        instances |= {each.instance: each for each in queries.by_names(connection, others)}
        accounts = Accounts(
            options.price_list(connection, start),
            start=start,
            stop=now,
            receiver=Tallies(),
            machine_price=machine_nanos,
            machine_price_name=options.machine_name,
        )
        account_machines(connection, accounts, columns.by_machine(), instances, pools)
        found = _rows(connection, tallies, by, owner)
        mark = demo_mark.find(connection)
        return CostReport(
            start=start,
            stop=now,
            by=by,
            owner=owner,
            rows=found,
            total=total_of(each.tally for each in found),
            totals=accounts.totals,
            demonstration=mark.description if mark else "",
        )

    return ledger.read(read)


def _key_of(
    tallies: defaultdict[tuple[str, str], Tally], by: By, *, per_asset: bool
) -> Callable[[str, str, str], Tally]:
    """The tally of each start: of its asset (where owners matter) and of its kind or pool.

    The asset is the begin of the job's id. It is checked once for each asset, not for each start.
    """
    if by in {By.KIND, By.POOL} and not per_asset:
        return lambda _, pool, kind: tallies["", kind if by is By.KIND else pool]
    if by in {By.KIND, By.POOL}:
        return lambda job, pool, kind: tallies[job.partition(".")[0], kind if by is By.KIND else pool]
    return lambda job, *_: tallies[job.partition(".")[0], ""]


def _rows(
    connection: Connection, tallies: dict[tuple[str, str], Tally], by: By, owner: str | None
) -> list[CostRow]:
    assets = {asset for asset, _ in tallies if asset_of_job(asset)}
    owners = accounted_starts.owners(connection, assets) if by is By.OWNER or owner is not None else {}
    found: defaultdict[str, Tally] = defaultdict(Tally)
    for (asset, group), tally in tallies.items():
        if owner is not None and owners.get(asset) != owner:
            continue
        key = {By.ASSET: asset_of_job(asset), By.OWNER: owners.get(asset, "")}.get(by, group)
        found[key].include(tally)
    rows = [CostRow(key=key, tally=tally) for key, tally in found.items()]
    return sorted(rows, key=lambda each: (-each.tally.listed, -each.tally.slot_us, each.key))
