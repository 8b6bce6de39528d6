"""The names of queues.

One per class and priority, because SQS knows no priorities; one for all answers; one for dead letters, which
these feed; and for each worker one of its own, with what people want of it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from eddyline.core.errors import UsageError

_LONGEST_NAME = 80
_DIGITS = 24  # of a digest: no two workers share a mailbox


@dataclass(frozen=True, kw_only=True)
class QueueNames:
    """Which queues there are: `pools` by `priorities`, all named with `prefix`.

    A job goes to the queue of the nearest priority that is not below its own number; lower goes first.
    """

    prefix: str
    pools: tuple[str, ...]
    priorities: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        if not self.pools or not self.priorities:
            raise UsageError("no pools or no priorities", remedy="name at least one of each")
        for name in (*self.lanes, self.answers, self.dead, self.mailbox("")):
            if len(name) > _LONGEST_NAME or not name.replace("-", "").replace("_", "").isalnum():
                raise UsageError(
                    f"{name} cannot be a queue's name",
                    remedy="use letters, digits, - and _, and a short prefix",
                )

    @property
    def answers(self) -> str:
        """Where workers answer."""
        return f"{self.prefix}-answers"

    @property
    def dead(self) -> str:
        """Where messages end that nobody can handle."""
        return f"{self.prefix}-dead"

    def mailbox(self, worker: str) -> str:
        """Where a worker is told what people want of it; names of workers hold what a queue's may not."""
        digest = hashlib.sha256(worker.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
        return f"{self.mailboxes}{digest}"

    @property
    def mailboxes(self) -> str:
        """How the names of all mailboxes begin."""
        return f"{self.prefix}-to-"

    def is_mailbox(self, name: str) -> bool:
        """Whether some worker's mailbox has this name."""
        digest = name.removeprefix(self.mailboxes)
        return digest != name and len(digest) == _DIGITS and set(digest) <= set("0123456789abcdef")

    @property
    def lanes(self) -> tuple[str, ...]:
        """All queues that hold jobs, each class's by priority."""
        return tuple(self.name(pool, priority) for pool in self.pools for priority in sorted(self.priorities))

    def lanes_of(self, pools: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """The queues of these classes, with their rank (0 is to be emptied first)."""
        return tuple(
            (self.name(pool, priority), rank)
            for rank, priority in enumerate(sorted(self.priorities))
            for pool in dict.fromkeys(pools)
            if pool in self.pools
        )

    def name(self, pool: str, priority: int) -> str:
        """The queue of a class and one of `priorities`."""
        return f"{self.prefix}-{pool}-p{priority}" if priority >= 0 else f"{self.prefix}-{pool}-m{-priority}"

    def lane(self, pool: str, priority: int) -> str | None:
        """The queue for a job; None if its class has none."""
        if pool not in self.pools:
            return None
        ordered = sorted(self.priorities)
        return self.name(pool, ordered[max(bisect_right(ordered, priority) - 1, 0)])
