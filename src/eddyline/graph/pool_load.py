"""Work and capacity of the pools at one time, as the ledger knows them: what scaling is computed from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DueWork:
    """The due jobs of one kind in a pool: their number, the sum of their weights, the age of the oldest."""

    pool: str
    kind: str
    jobs: int
    weight: float
    oldest_s: float


@dataclass(frozen=True, kw_only=True)
class RunningWork:
    """The running jobs of one kind; `pool` is that of their worker, `job_pool` that of the jobs.

    `elapsed_s` is the sum of the times since their starts.
    """

    pool: str
    job_pool: str
    kind: str
    jobs: int
    weight: float
    elapsed_s: float


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The workers of a pool and purchase option with a valid lease, whose instance is not about to end.

    `vcpu` is the sum of what they reported, `slots_without_vcpu` the slots of those that reported no vCPU.
    """

    pool: str
    spot: bool
    workers: int
    instances: int
    vcpu: int
    slots: int
    slots_without_vcpu: int


@dataclass(frozen=True, kw_only=True)
class Instances:
    """The running instances of a pool and purchase option in the fleet record, without those about to end.

    `vcpu` is the capacity of all, `old_vcpu` that of those launched long enough ago to be ready.
    """

    pool: str
    spot: bool
    instances: int
    vcpu: int
    old_vcpu: int


@dataclass(frozen=True, kw_only=True)
class EndedStart:
    """A job that was done: how many `seconds` it ran, and its weight."""

    pool: str
    kind: str
    weight: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """Work and capacity of all pools at `at` (seconds since 1970), and recently done jobs, latest first."""

    at: float
    due: tuple[DueWork, ...] = ()
    running: tuple[RunningWork, ...] = ()
    workers: tuple[Workers, ...] = ()
    instances: tuple[Instances, ...] = ()
    ended: tuple[EndedStart, ...] = ()
