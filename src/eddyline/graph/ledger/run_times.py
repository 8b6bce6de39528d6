"""How long the jobs of published assets ran, by asset: what a simulation replays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, bindparam, literal_column, select, tuple_, union_all

from eddyline.graph.db.library_schema import assets
from eddyline.graph.db.schema import archive, jobs, starts
from eddyline.graph.ledger.transactions import Transactions

_PAGE = 500  # assets in one transaction

_ASSETS = (
    select(assets.c.asset, assets.c.owner, assets.c.created, assets.c.codec)
    .where(
        assets.c.state == literal_column("'ready'"),
        assets.c.created < bindparam("until"),
        tuple_(assets.c.created, assets.c.asset) > tuple_(bindparam("after"), bindparam("after_asset")),
    )
    .order_by(assets.c.created, assets.c.asset)
    .limit(_PAGE)
)


def _run_times_of(jobs_table: Any) -> Any:  # noqa: ANN401 - a table with the columns `id` and `asset`
    """The done starts of some assets, in the order in which they started."""
    return (
        select(jobs_table.c.asset, starts.c.job_id, starts.c.started, starts.c.ended)
        .join(starts, starts.c.job_id == jobs_table.c.id)
        .where(
            jobs_table.c.asset.in_(bindparam("assets", expanding=True)),
            starts.c.outcome == literal_column("'done'"),
            starts.c.kind.in_(bindparam("kinds", expanding=True)),
        )
    )


_RUN_TIMES = union_all(_run_times_of(jobs), _run_times_of(archive)).order_by("started", "job_id")


@dataclass(frozen=True, kw_only=True)
class AssetRunTimes:
    """A published asset: when it was submitted (seconds since 1970), and how long its jobs ran, in seconds.

    `codec` is that of its source, empty if unknown. `run_times` has the wall-clock time of the successful
    start of each job of the wanted kinds, in the order in which they started.
    """

    asset: str
    owner: str
    submitted: float
    codec: str
    run_times: tuple[float, ...]


def run_times_by_asset(
    transactions: Transactions, since: float, until: float, kinds: Collection[str]
) -> Iterator[AssetRunTimes]:
    """The published assets that were submitted from `since` to before `until`, in this order.

    Assets whose jobs of these kinds are not in the start history are left out: it is kept for a limited time.
    Each page of assets is one transaction.
    """
    # The empty id is before all others, so that `since` itself is included.
    after: dict[str, Any] = {"after": since, "after_asset": "", "until": until}
    while True:
        found = transactions.database.read(partial(_page, values=after))
        yield from _with_run_times(transactions, found, kinds)
        if len(found) < _PAGE:
            return
        after = {**after, "after": found[-1].created, "after_asset": found[-1].asset}


def _page(connection: Connection, values: dict[str, Any]) -> Sequence[Row[Any, Any, Any, Any]]:
    return connection.execute(_ASSETS, values).all()


def _with_run_times(
    transactions: Transactions, page: Sequence[Row[Any, Any, Any, Any]], kinds: Collection[str]
) -> list[AssetRunTimes]:
    times: dict[str, list[float]] = {}
    values = {"assets": [row.asset for row in page], "kinds": sorted(kinds)}
    for row in transactions.database.read(lambda c: c.execute(_RUN_TIMES, values).all()):
        times.setdefault(row.asset, []).append(row.ended - row.started)
    return [
        AssetRunTimes(
            asset=row.asset,
            owner=row.owner,
            submitted=row.created,
            codec=row.codec or "",
            run_times=tuple(times[row.asset]),
        )
        for row in page
        if row.asset in times
    ]
