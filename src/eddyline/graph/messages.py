"""What passes between coordinators and workers that share no database, and the port to what carries it.

A *publication* is one putting of a ready job on a queue; each receipt of it is a claim. So a fence says both:
`fence = base + receipt`, where `base` is a multiple of `STRIDE` that goes up with every publication and
`receipt` (1, 2, ...) counts how often that publication was handed to a worker. A later receipt, or a later
publication, outdates the answers of all earlier ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from eddyline.core.errors import EddylineError, UsageError
from eddyline.graph.command import Command
from eddyline.graph.job import Job, Outcome

STRIDE = 1 << 20
"""Fences of one publication: far more than a message may ever be received."""


class UnpublishableError(UsageError):
    """No message can carry this, however often it is tried."""


def publication_base(fence: int) -> int:
    """The base of the publication to which a fence belongs."""
    return fence // STRIDE * STRIDE


@dataclass(frozen=True, kw_only=True)
class Publication:
    """One publication: the whole job, because a worker can look nothing up.

    `token` is known only to the ledger and to those who received the message: reports about this publication
    must carry it. Empty for what a program without tokens published.
    """

    job: Job
    base: int
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A worker lives; expect its next word within `lease_s`.

    `holds` are the jobs in its hands `at` that time (seconds since 1970, by its own clock); None: not told.
    `key` is the worker's own secret, the same in all of its reports: others cannot speak in its name.
    """

    worker: str
    host: str
    pid: int
    lease_s: float
    at: float = 0.0
    holds: tuple[str, ...] | None = None
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class JobStarted:
    """A worker began a job, at a time (seconds since 1970) by its own clock.

    `token` is that of the publication, `key` the worker's own.
    """

    job_id: str
    fence: int
    worker: str
    at: float
    token: str = ""
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """How a job ended on a worker; `at` is when it began there. `token` and `key` as for `JobStarted`."""

    job_id: str
    fence: int
    worker: str
    at: float
    outcome: Outcome
    token: str = ""
    key: str = ""


WorkerReport: TypeAlias = Heartbeat | JobStarted | JobResult


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Facts that came together; `receipt` is the exchange's own name for them.

    `waited_s`: for how long they had been on their way when they first came.
    """

    facts: tuple[WorkerReport, ...]
    receipt: str
    waited_s: float = 0.0


class Transport(Protocol):
    """A coordinator's side of the transport. Every method may raise `TransientError`: try again later."""

    def lane(self, pool: str, priority: int) -> str | None:
        """The name of the queue for such jobs; None if there is none."""
        ...

    def publish(self, offers: Sequence[Publication]) -> list[EddylineError | None]:
        """Put jobs on their queues, each whatever becomes of the others. Twice is harmless.

        None: this one is there; else why not: `UnpublishableError` if it never will be.
        """
        ...

    def order(self, orders: Sequence[Command]) -> list[bool]:
        """Put orders into their workers' mailboxes; False: this worker has none (yet). Twice is harmless."""
        ...

    def forget(self, workers: Sequence[str]) -> None:
        """Remove the mailboxes of workers that are gone; one that lives after all makes its own anew."""
        ...

    def tidy(self, known: Collection[str]) -> int:
        """Remove mailboxes that nobody removed, and that have long belonged to none of these; how many.

        Raises `UsageError` where it may not even look for them.
        """
        ...

    def collect(self, wait_s: float) -> list[Delivery]:
        """What workers said; waits up to `wait_s` for the first. Comes again unless acknowledged."""
        ...

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """These are in the ledger now."""
        ...

    def park(self, delivery: Delivery, reason: str) -> None:
        """Put aside, for people to see, what cannot be recorded however often it comes."""
        ...

    def depths(self) -> Mapping[str, int]:
        """By lane, about how many jobs it holds: waiting, in workers' hands and delayed."""
        ...
