"""What people ask of a whole ledger: which assets are under way, how far, and what failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, case, func, literal_column, select, union

from eddyline.graph.db.schema import jobs
from eddyline.graph.states import OPEN, State


def _is(state: State) -> Any:  # noqa: ANN401 - a condition of SQLAlchemy's
    """Written out, not bound: only so does the planner see that a partial index applies."""
    return jobs.c.state == literal_column(f"'{state.value}'")


_DEAD = _is(State.DEAD)
# One select a state: each reads its own partial index, and what is done costs nothing.
_UNDER_WAY = union(*(select(jobs.c.asset).where(_is(state)) for state in sorted(OPEN))).subquery()


@dataclass(frozen=True, kw_only=True)
class AssetStatus:
    """One asset: `done` of its work (0 to 1, by weight), and its jobs by state.

    `submitted` is when its first job came (seconds since 1970); `redone` counts starts beyond each job's
    first.
    """

    asset: str
    owner: str
    submitted: float
    done: float
    jobs: int
    running: int
    dead: int
    redone: int


def under_way(connection: Connection, limit: int) -> list[AssetStatus]:
    """The assets with open jobs, those that were submitted first before others; at most `limit`."""
    first = select(jobs.c.asset).where(jobs.c.asset.in_(select(_UNDER_WAY.c.asset)))
    first = first.group_by(jobs.c.asset).order_by(func.min(jobs.c.created), jobs.c.asset).limit(limit)
    return _standings(connection, first)


def count_under_way(connection: Connection) -> int:
    """How many assets have open jobs."""
    return int(connection.execute(select(func.count()).select_from(_UNDER_WAY)).scalar_one())


def failed(connection: Connection, limit: int) -> list[AssetStatus]:
    """The assets with dead jobs, the latest first; at most `limit`."""
    latest = select(jobs.c.asset).where(_DEAD).group_by(jobs.c.asset)
    return _standings(
        connection, latest.order_by(func.max(jobs.c.finished).desc(), jobs.c.asset).limit(limit)
    )


def _standings(connection: Connection, assets: Select[Any]) -> list[AssetStatus]:
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
    for asset, owner, submitted, whole, done, count, running, dead, redone in connection.execute(query):
        found[asset] = AssetStatus(
            asset=asset,
            owner=owner or "",
            submitted=float(submitted),
            done=float(done) / float(whole) if whole else 0.0,
            jobs=int(count),
            running=int(running),
            dead=int(dead),
            redone=int(redone),
        )
    return [found[name] for name in names if name in found]


def names(connection: Connection, assets: Sequence[str]) -> dict[str, str]:
    """What each asset's first job calls it: `name` in its spec, where it has one."""
    query = select(jobs.c.asset, jobs.c.spec).where(jobs.c.asset.in_(list(assets)))
    found: dict[str, str] = {}
    for asset, spec in connection.execute(query.order_by(jobs.c.created, jobs.c.id)):
        name = json.loads(spec).get("name")
        if isinstance(name, str):
            found.setdefault(asset, name)
    return found
