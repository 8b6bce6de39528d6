"""The names of the SQS queues.

One queue for each pool and priority (SQS has no priorities), one for reports, two for fleet events, one
dead-letter queue for all of these, and one command queue for each worker.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from eddyline.core.errors import UsageError
from eddyline.fleet.names import drain_queue, fleet_queue

_MAX_NAME = 80
_DIGITS = 24  # of a digest, so that no two workers share a command queue


@dataclass(frozen=True, kw_only=True)
class QueueNames:
    """The queues for `pools` by `priorities`; all names start with `prefix`.

    A job goes to the queue of the highest priority number that is not above its own; lower numbers go first.
    """

    prefix: str
    pools: tuple[str, ...]
    priorities: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        if not self.pools or not self.priorities:
            raise UsageError("no pools or no priorities", remedy="name at least one of each")
        names = (
            *self.job_queues,
            self.reports,
            self.dead_letters,
            *self.fleet_queues,
            self.command_queue(""),
        )
        for name in names:
            if len(name) > _MAX_NAME or not name.replace("-", "").replace("_", "").isalnum():
                raise UsageError(
                    f"{name} is not a valid queue name",
                    remedy="use letters, digits, - and _, and a short prefix",
                )

    @property
    def reports(self) -> str:
        """The queue of the workers' reports."""
        return f"{self.prefix}-answers"

    @property
    def dead_letters(self) -> str:
        """The dead-letter queue."""
        return f"{self.prefix}-dead"

    @property
    def fleet(self) -> str:
        """The queue of fleet events, from Lambda functions to coordinators."""
        return fleet_queue(self.prefix)

    @property
    def fleet_queues(self) -> tuple[str, str]:
        """The queue of fleet events, and that of the delayed checks of the general drain function."""
        return self.fleet, drain_queue(self.prefix)

    def command_queue(self, worker: str) -> str:
        """The queue of commands for a worker; a digest, as worker names hold characters that SQS rejects."""
        digest = hashlib.sha256(worker.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
        return f"{self.command_queue_prefix}{digest}"

    @property
    def command_queue_prefix(self) -> str:
        """The start of the names of all command queues."""
        return f"{self.prefix}-to-"

    def is_command_queue(self, name: str) -> bool:
        """Whether `name` is the name of a worker's command queue."""
        digest = name.removeprefix(self.command_queue_prefix)
        return digest != name and len(digest) == _DIGITS and set(digest) <= set("0123456789abcdef")

    @property
    def job_queues(self) -> tuple[str, ...]:
        """All queues of jobs, pool by pool, each pool in order of priority."""
        return tuple(self.name(pool, priority) for pool in self.pools for priority in sorted(self.priorities))

    def job_queues_of(self, pools: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """The queues of these pools with their rank; rank 0 is the most urgent."""
        return tuple(
            (self.name(pool, priority), rank)
            for rank, priority in enumerate(sorted(self.priorities))
            for pool in dict.fromkeys(pools)
            if pool in self.pools
        )

    def name(self, pool: str, priority: int) -> str:
        """The queue of a pool and one of `priorities`."""
        return f"{self.prefix}-{pool}-p{priority}" if priority >= 0 else f"{self.prefix}-{pool}-m{-priority}"

    def job_queue(self, pool: str, priority: int) -> str | None:
        """The queue for a job; None if its pool has no queue."""
        if pool not in self.pools:
            return None
        ordered = sorted(self.priorities)
        return self.name(pool, ordered[max(bisect_right(ordered, priority) - 1, 0)])
