"""The rules and the readings of the scaler."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ScalerRules:
    """How a pool follows its work. Times are in seconds.

    `backlog_s`: capacity beyond `base` times the rate of arrivals does the waiting work within this time: a
    short one follows every burst, a long one keeps capacity steady. `arrival_s`: the time over which
    arrivals are averaged. `surplus`: the share of capacity above what is wanted that is kept.

    `deadline_s`: an asset should be ready within it after its arrival. `boot_s`: from a launch to a worker
    that takes jobs. `job_s`: the time of a usual job. `margin_s`: what an asset needs beside the time in
    the queue. `on_demand_after_s`: for how long Spot must lack capacity before On-Demand replaces it, and
    `patience`: from which share of the deadline on; what then waits too long is done within `late_share`
    times the deadline. Below the share `release` of it, On-Demand is given back.

    `coarseness`: how much of an instance is idle because instances are whole ones. `prior_hazard`:
    interruptions an hour that are assumed of a pool, with the weight of `prior_hours` instance-hours of
    history.
    """

    backlog_s: float = 1200.0
    base: float = 0.85
    arrival_s: float = 1500.0
    surplus: float = 0.1
    deadline_s: float = 900.0
    boot_s: float = 180.0
    job_s: float = 40.0
    margin_s: float = 75.0
    on_demand_after_s: float = 60.0
    patience: float = 1.0
    release: float = 0.3
    late_share: float = 2.0
    coarseness: float = 0.1
    prior_hazard: float = 0.02
    prior_hours: float = 10.0


@dataclass(slots=True, kw_only=True)
class PoolReading:
    """What is known of a pool (a type in a zone, on Spot or On-Demand) when the scaler decides.

    `usd_h`: the price of an instance in dollars an hour. `power`: its reference slots (slots times speed).
    `booting`, `ready`: instances without a notice that are not drained. `interrupted` in `hours`
    instance-hours is its history.
    """

    usd_h: float
    power: float
    spot: bool
    booting: int = 0
    ready: int = 0
    interrupted: int = 0
    hours: float = 0.0


@dataclass(slots=True, kw_only=True)
class WorkReading:
    """The work of the pools at `now` (seconds).

    `arrived`: the reference slot-seconds of work that arrived in the last `seconds`. `waiting`: the work in
    the queue. `oldest_s`: how long its oldest job has waited. `busy`: the reference slots that run jobs.
    """

    now: float
    arrived: float
    seconds: float
    waiting: float
    oldest_s: float
    busy: float
