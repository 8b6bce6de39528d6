"""Finds the pools that have due jobs and no workers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the module of the type imports Pydantic, which a display does not need
    from eddyline.fleet.pools import Pools

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._-]+|\.{2,}")  # in a name in a message; single dots are allowed
_NAME = re.compile(r"([a-z][a-z0-9-]{0,19})@(.{1,200})", re.DOTALL)


def worker_name(pool: str, host: str, pid: int) -> str:
    """The name of a worker, which contains its pool: `cpu@ip-10-0-0-7:4242`."""
    return f"{pool}@{_NOT_ALLOWED.sub('-', host)[:150]}:{pid}"


def pool_of_worker(worker: str) -> str | None:
    """The pool in the name of a worker; None if it contains none."""
    found = _NAME.fullmatch(worker)
    return found[1] if found else None


@dataclass(frozen=True, kw_only=True)
class UnservedPool:
    """`jobs` of `pool` are due, the oldest for `waited_s` seconds, and no live worker serves the pool."""

    pool: str
    jobs: int
    waited_s: float
    remedy: str


def describe_unserved(missing: UnservedPool) -> str:
    """One line: `3 jobs of pool gpu wait, the oldest for 300 s, and no worker serves the pool: ...`."""
    jobs = "1 job" if missing.jobs == 1 else f"{missing.jobs} jobs"
    waits = "waits" if missing.jobs == 1 else "wait"
    since = f"the oldest for {missing.waited_s:.0f} s"
    return f"{jobs} of pool {missing.pool} {waits}, {since}, and no worker serves the pool: {missing.remedy}"


def unserved_pools(
    due: Mapping[str, tuple[int, float]], workers: Iterable[str], pools: Pools, *, min_due_s: float = 60.0
) -> tuple[UnservedPool, ...]:
    """The pools whose oldest due job has waited for `min_due_s` seconds and that no worker serves.

    `due`: for each pool, the number of due jobs and the seconds that the oldest has been due. `workers`: the
    names of the live workers; those without a pool in their name (an embedded run) serve all pools.
    """
    served: set[str] = set()
    for worker in workers:
        pool = pool_of_worker(worker)
        if pool is None:
            return ()
        served.update(pools[pool].served if pool in pools.pools else (pool,))
    return tuple(
        UnservedPool(pool=pool, jobs=jobs, waited_s=waited_s, remedy=_remedy(pool, pools))
        for pool, (jobs, waited_s) in sorted(due.items())
        if jobs and pool not in served and waited_s >= min_due_s
    )


def _remedy(pool: str, pools: Pools) -> str:
    if pool not in pools.pools:
        return f"add a pool {pool} to pools.yaml, or cancel its jobs"
    return f"start a worker with `eddyline worker --pool {pool}`"
