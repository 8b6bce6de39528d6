"""Capacity and load of one pool in one minute: one row of the table `fleet_samples`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PoolSample:
    """One sample; `minute` is the start of its minute in seconds since 1970.

    `due_jobs` are ready and due, `oldest_due_s` is how long the oldest of them has been due.
    `backlog_vcpu_s` is the work in due and running jobs, in seconds of one vCPU (None: no rate is known yet).
    `wanted_vcpu` is the capacity that the backlog needs (None: unknown), `spot_shortfall_vcpu` what of it
    Spot has not provided within the pool's bound.
    """

    minute: int
    pool: str
    spot_vcpu: int = 0
    on_demand_vcpu: int = 0
    spot_instances: int = 0
    on_demand_instances: int = 0
    slots: int = 0
    busy_slots: int = 0
    due_jobs: int = 0
    backlog_vcpu_s: float | None = None
    oldest_due_s: float = 0.0
    wanted_vcpu: int | None = None
    spot_shortfall_vcpu: int = 0
