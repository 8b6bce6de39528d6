"""One start of a job, as the accounts read it."""

from __future__ import annotations

from typing import NamedTuple


class Work(NamedTuple):
    """A start, ended or running. Times are in microseconds since 1970.

    `instance` is empty outside EC2; then `worker` names the machine. `redone`: it ended without a result that
    counted, and the job was or is to be started again (interrupted, lost, or failed and retried).
    """

    instance: str
    worker: str
    job_id: str
    asset: str
    pool: str
    kind: str
    begin: int
    end: int
    outcome: str
    redone: bool

    @property
    def seconds_us(self) -> int:
        """How long it ran, in microseconds."""
        return max(self.end - self.begin, 0)


RUNNING = "running"
"""The outcome of a start that has not ended."""


def machine_of(worker: str) -> str:
    """The machine of a worker outside EC2, by its name: `cpu@host:4242-1a2b3c` runs on `host`.

    Workers of an embedded run have no host in their name: they run on one machine, named "".
    """
    _, separator, place = worker.partition("@")
    return place.rpartition(":")[0] if separator else ""
