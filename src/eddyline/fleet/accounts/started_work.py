"""One start of a job, as the accounts read it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Work(NamedTuple):
    """A start, ended or running: from `begin` to `end`, in microseconds since 1970.

    `redone`: it ended without a result that counted, and the job was or is to be started again. `key` is the
    caller's: what the cost is added to.
    """

    key: Any
    begin: int
    end: int
    redone: bool


def machine_of(worker: str) -> str:
    """The machine of a worker outside EC2, by its name: `cpu@host:4242-1a2b3c` runs on `host`.

    Workers of an embedded run have no host in their name: they run on one machine, named "".
    """
    _, separator, place = worker.partition("@")
    return place.rpartition(":")[0] if separator else ""
