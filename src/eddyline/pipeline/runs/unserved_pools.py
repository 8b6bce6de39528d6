"""Jobs of a class that nobody serves: told again and again, for they wait until somebody starts a worker.

It suits both ways of sharing jobs: the ledger names the workers of either, by their leases or their beats.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from eddyline.fleet.pool_coverage import UnservedPool, unserved_pools
from eddyline.fleet.pools import Pools
from eddyline.observe.backlog import Backlog


def find_unserved_pools(
    backlog: Backlog, pools: Pools, *, patience_s: float = 60.0
) -> tuple[UnservedPool, ...]:
    """The classes with due jobs and without workers, given to jobs that are due for `patience_s` at least."""
    due = {queue.pool: (queue.due, queue.oldest_s) for queue in backlog.queues}
    return unserved_pools(due, backlog.workers, pools, patience_s=patience_s)


class UnservedPoolMonitor:
    """Hears each reading of the backlog (made to be `BacklogWatch`'s `on_value`).

    `warn` is told of each class at most once in `every_s` seconds, `show` of all of them at each reading, as
    jobs by class: those that are served again with 0.
    """

    def __init__(
        self,
        pools: Pools,
        *,
        warn: Callable[[UnservedPool], None],
        show: Callable[[dict[str, int]], None] | None = None,
        every_s: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pools = pools
        self._warn = warn
        self._show = show
        self._every_s = every_s
        self._monotonic = monotonic
        self._warned: dict[str, float] = {}
        self._shown: set[str] = set()

    def hear(self, backlog: Backlog) -> None:
        """Compare one reading with the workers there are."""
        found = find_unserved_pools(backlog, self._pools)
        now = self._monotonic()
        for missing in found:
            last = self._warned.get(missing.pool)
            if last is None or now - last >= self._every_s:
                self._warned[missing.pool] = now
                self._warn(missing)
        self._warned = {
            pool: at for pool, at in self._warned.items() if pool in {each.pool for each in found}
        }
        if self._show is not None:
            jobs = {each.pool: each.jobs for each in found}
            self._show({**dict.fromkeys(sorted(self._shown - set(jobs)), 0), **jobs})
            self._shown |= set(jobs)
