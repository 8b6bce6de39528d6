"""Finds pools that have due jobs and no workers: their jobs wait until a worker is started.

Works with SQS and without: the ledger lists the workers of both, by their leases or their heartbeats.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from eddyline.fleet.pool_coverage import UnservedPool, unserved_pools
from eddyline.fleet.pools import Pools
from eddyline.observe.backlog import Backlog


def find_unserved_pools(
    backlog: Backlog, pools: Pools, *, min_due_s: float = 60.0
) -> tuple[UnservedPool, ...]:
    """The pools without workers that have jobs which are due for at least `min_due_s`."""
    due = {queue.pool: (queue.due, queue.oldest_s) for queue in backlog.queues}
    return unserved_pools(due, backlog.workers, pools, min_due_s=min_due_s)


class UnservedPoolMonitor:
    """Checks each reading of the backlog; `update` is made to be `BacklogWatch`'s `on_value`.

    `warn` is called for each pool at most once in `every_s` seconds. `show` gets the number of waiting jobs
    by pool at each reading, including 0 for pools that are served again.
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

    def update(self, backlog: Backlog) -> None:
        """Compare one reading of the backlog with the workers that are alive."""
        found = find_unserved_pools(backlog, self._pools)
        now = self._monotonic()
        for each in found:
            last = self._warned.get(each.pool)
            if last is None or now - last >= self._every_s:
                self._warned[each.pool] = now
                self._warn(each)
        jobs = {each.pool: each.jobs for each in found}
        self._warned = {pool: at for pool, at in self._warned.items() if pool in jobs}
        if self._show is not None:
            self._show({**dict.fromkeys(sorted(self._shown - set(jobs)), 0), **jobs})
            self._shown |= set(jobs)
