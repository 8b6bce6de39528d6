"""Whether somebody is there for each class of jobs: a class without workers is reported, not waited for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from eddyline.fleet.pools import Pools

_ODD = re.compile(r"[^A-Za-z0-9._-]+|\.{2,}")  # what a message may not carry in a name; single dots stay
_NAME = re.compile(r"([a-z][a-z0-9-]{0,19})@(.{1,200})", re.DOTALL)


def worker_name(pool: str, host: str, pid: int) -> str:
    """A worker's name, which tells its class to whoever reads the ledger: `cpu@ip-10-0-0-7:4242`."""
    return f"{pool}@{_ODD.sub('-', host)[:150]}:{pid}"


def pool_of_worker(worker: str) -> str | None:
    """The class in a worker's name; None: it has none."""
    found = _NAME.fullmatch(worker)
    return found[1] if found else None


@dataclass(frozen=True, kw_only=True)
class UnservedPool:
    """`jobs` of class `pool` are due, the oldest for `waited_s` seconds, and no worker takes such jobs."""

    pool: str
    jobs: int
    waited_s: float
    remedy: str


def describe_unserved(missing: UnservedPool) -> str:
    """One line for people: `3 jobs of class gpu wait, the oldest for 300 s, and nobody serves it: ...`."""
    jobs = "1 job" if missing.jobs == 1 else f"{missing.jobs} jobs"
    waits = "waits" if missing.jobs == 1 else "wait"
    since = f"the oldest for {missing.waited_s:.0f} s"
    return f"{jobs} of pool {missing.pool} {waits}, {since}, and nobody serves it: {missing.remedy}"


def unserved_pools(
    due: Mapping[str, tuple[int, float]], workers: Iterable[str], pools: Pools, *, patience_s: float = 60.0
) -> tuple[UnservedPool, ...]:
    """The classes that nobody serves.

    `due`: for each class, how many jobs are due and for how many seconds the oldest; `workers`: names of
    those alive. Workers without a class in their name (an embedded run) serve everything.
    """
    served: set[str] = set()
    for worker in workers:
        pool = pool_of_worker(worker)
        if pool is None:
            return ()
        served.update(pools[pool].classes if pool in pools.pools else (pool,))
    return tuple(
        UnservedPool(pool=pool, jobs=jobs, waited_s=waited_s, remedy=_remedy(pool, pools))
        for pool, (jobs, waited_s) in sorted(due.items())
        if jobs and pool not in served and waited_s >= patience_s
    )


def _remedy(pool: str, pools: Pools) -> str:
    if pool not in pools.pools:
        return f"add a pool {pool} to pools.yaml, or cancel its jobs"
    return f"start one with `eddyline worker --pool {pool}`"
