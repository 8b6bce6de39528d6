"""Messages between coordinators and workers that do not share a database, and the port to their transport.

A *publication* puts a ready job on a queue; each receipt of its message is a claim. A fence encodes both:
`fence = base + receipt`, where `base` is a multiple of `STRIDE` that increases with every publication, and
`receipt` (1, 2, ...) counts how often the message was received. A later receipt, or a later publication,
outdates the results of all earlier ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from eddyline.core.errors import EddylineError, UsageError
from eddyline.graph.command import Command
from eddyline.graph.job import Job, Outcome
from eddyline.graph.machine import UNKNOWN_MACHINE, Machine

STRIDE = 1 << 20
"""The number of fences of one publication: far more than the receipts of any message."""


class UnpublishableError(UsageError):
    """No message can carry this job; a retry cannot succeed."""


def publication_base(fence: int) -> int:
    """The base of the publication to which a fence belongs."""
    return fence // STRIDE * STRIDE


@dataclass(frozen=True, kw_only=True)
class Publication:
    """One publication, with the complete job, because a worker cannot query the ledger.

    `token` is known only to the ledger and to receivers of the message; reports about this publication must
    carry it. It is empty in publications of programs without tokens.
    """

    job: Job
    base: int
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """How much of a running job is done, from 0 to 1; it counts only with the fence of the claim."""

    job_id: str
    fence: int
    fraction: float


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A worker is alive; its next report follows within `lease_s`.

    `holds` are the ids of the jobs that it holds `at` that time (seconds since 1970, by its own clock); None
    if not reported. `key` is the worker's own secret, the same in all of its reports, which authenticates
    them. `machine` is where it runs; an unknown one changes nothing that is known. `progress` is that of its
    jobs, where it changed.
    """

    worker: str
    host: str
    pid: int
    lease_s: float
    at: float = 0.0
    holds: tuple[str, ...] | None = None
    key: str = ""
    machine: Machine = UNKNOWN_MACHINE
    progress: tuple[JobProgress, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobStarted:
    """A worker started a job, `at` a time in seconds since 1970 by its own clock.

    `token` is that of the publication, `key` that of the worker.
    """

    job_id: str
    fence: int
    worker: str
    at: float
    token: str = ""
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """The outcome of a job on a worker; `at`, `token` and `key` are those of `JobStarted`.

    `cpu_s` and `fraction` are those of a `Settlement`.
    """

    job_id: str
    fence: int
    worker: str
    at: float
    outcome: Outcome
    token: str = ""
    key: str = ""
    cpu_s: float | None = None
    fraction: float | None = None


WorkerReport: TypeAlias = Heartbeat | JobStarted | JobResult


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Reports that arrived in one message; `receipt` identifies the message to the transport.

    `delay_s` is the time between sending the message and its first receipt.
    """

    reports: tuple[WorkerReport, ...]
    receipt: str
    delay_s: float = 0.0


class Transport(Protocol):
    """The coordinator's side of the transport. Every method may raise `TransientError`; retry later."""

    def job_queue(self, pool: str, priority: int) -> str | None:
        """The name of the queue for jobs of a pool and priority; None if there is none."""
        ...

    def publish(self, offers: Sequence[Publication]) -> list[EddylineError | None]:
        """Publish jobs to their queues, each independently of the others. Publishing twice is harmless.

        Returns for each publication None, or the error: `UnpublishableError` if a retry cannot succeed.
        """
        ...

    def send_commands(self, orders: Sequence[Command]) -> list[bool]:
        """Send commands; False where the worker has no command queue (yet). Sending twice is harmless."""
        ...

    def delete_command_queues(self, workers: Sequence[str]) -> None:
        """Delete the command queues of lost workers; a worker that is alive after all creates its own."""
        ...

    def delete_stale_command_queues(self, known: Collection[str]) -> int:
        """Delete command queues that have long belonged to none of the known workers; returns how many.

        Raises `UsageError` if it is not permitted to list them.
        """
        ...

    def receive_reports(self, wait_s: float) -> list[Delivery]:
        """Receive reports; waits up to `wait_s` for the first. Redelivered unless acknowledged."""
        ...

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Delete messages whose reports are recorded in the ledger."""
        ...

    def park(self, delivery: Delivery, reason: str) -> None:
        """Move a message that can never be recorded to the parked messages, for an operator."""
        ...

    def queue_depths(self) -> Mapping[str, int]:
        """By queue, the approximate number of its messages: visible, in flight and delayed."""
        ...
