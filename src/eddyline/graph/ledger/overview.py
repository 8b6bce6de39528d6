"""An overview of the total ledger for operators: open assets, their progress, and failed assets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, case, func, literal_column, select, union

from eddyline.graph.db.schema import jobs
from eddyline.graph.states import OPEN, State


def _is(state: State) -> Any:  # noqa: ANN401 - a condition of SQLAlchemy
    """A literal, not a parameter: only then does the planner use the partial indexes."""
    return jobs.c.state == literal_column(f"'{state.value}'")


_DEAD = _is(State.DEAD)
# One select per state: each reads its own partial index, and done jobs cost nothing.
_OPEN_ASSETS = union(*(select(jobs.c.asset).where(_is(state)) for state in sorted(OPEN))).subquery()


@dataclass(frozen=True, kw_only=True)
class AssetStatus:
    """One asset: the `done` share of its work (0 to 1, by weight), and the number of its jobs by state.

    `submitted` is when its first job was added (seconds since 1970); `redone` is the number of starts after
    each job's first.
    """

    asset: str
    owner: str
    submitted: float
    done: float
    jobs: int
    running: int
    dead: int
    redone: int


def open_assets(connection: Connection, limit: int) -> list[AssetStatus]:
    """The assets with open jobs, in the order of submission; at most `limit`."""
    first = select(jobs.c.asset).where(jobs.c.asset.in_(select(_OPEN_ASSETS.c.asset)))
    first = first.group_by(jobs.c.asset).order_by(func.min(jobs.c.created), jobs.c.asset).limit(limit)
    return _statuses(connection, first)


def count_open_assets(connection: Connection) -> int:
    """The number of assets with open jobs."""
    return int(connection.execute(select(func.count()).select_from(_OPEN_ASSETS)).scalar_one())


def failed_assets(connection: Connection, limit: int) -> list[AssetStatus]:
    """The assets with dead jobs, the most recent first; at most `limit`."""
    latest = select(jobs.c.asset).where(_DEAD).group_by(jobs.c.asset)
    return _statuses(connection, latest.order_by(func.max(jobs.c.finished).desc(), jobs.c.asset).limit(limit))


def _statuses(connection: Connection, assets: Select[Any]) -> list[AssetStatus]:
    names = list(connection.execute(assets).scalars())
    live = ~_is(State.CANCELLED)
    query = (
        select(
            jobs.c.asset,
            func.max(jobs.c.owner),
            func.min(jobs.c.created),
            func.sum(case((live, jobs.c.weight), else_=0.0)),
            func.sum(case((_is(State.DONE), jobs.c.weight), else_=0.0)),
            func.count(),
            func.sum(case((_is(State.RUNNING), 1), else_=0)),
            func.sum(case((_DEAD, 1), else_=0)),
            func.sum(case((jobs.c.starts > 1, jobs.c.starts - 1), else_=0)),
        )
        .where(jobs.c.asset.in_(names))
        .group_by(jobs.c.asset)
    )
    found = {}
    for asset, owner, submitted, total, done, count, running, dead, redone in connection.execute(query):
        found[asset] = AssetStatus(
            asset=asset,
            owner=owner or "",
            submitted=float(submitted),
            done=float(done) / float(total) if total else 0.0,
            jobs=int(count),
            running=int(running),
            dead=int(dead),
            redone=int(redone),
        )
    return [found[name] for name in names if name in found]


def asset_names(connection: Connection, assets: Sequence[str]) -> dict[str, str]:
    """The name of each asset: `name` in the spec of its first job that has one."""
    query = select(jobs.c.asset, jobs.c.spec).where(jobs.c.asset.in_(list(assets)))
    found: dict[str, str] = {}
    for asset, spec in connection.execute(query.order_by(jobs.c.created, jobs.c.id)):
        name = json.loads(spec).get("name")
        if isinstance(name, str):
            found.setdefault(asset, name)
    return found
