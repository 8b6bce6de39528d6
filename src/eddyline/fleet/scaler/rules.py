"""The rules and the readings of the scaler."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ScalerRules:
    """How a pool follows its work. Times are in seconds.

    `backlog_s`: the waiting work is done within this time by capacity beyond `base` times the arrival rate:
    short follows every burst, long keeps capacity steady. `deadline_s`: an asset should be ready within it.
    `boot_s`: from a launch to a working worker. `job_s`: a usual job. `arrival_s`: the time over which
    arrivals are averaged. `surplus`: capacity above what is wanted, as a share, that is kept.
    `on_demand_after_s`: how long Spot must have lacked capacity before On-Demand replaces it. `largest`: the
    largest instance, as a share of the capacity wanted. `prior_hazard`: interruptions an hour that are
    assumed of a pool without history, with the weight of `prior_hours` instance-hours.
    """

    backlog_s: float = 480.0
    deadline_s: float = 900.0
    boot_s: float = 180.0
    job_s: float = 40.0
    base: float = 0.9
    arrival_s: float = 900.0
    surplus: float = 0.05
    on_demand_after_s: float = 60.0
    largest: float = 0.1
    prior_hazard: float = 0.02
    prior_hours: float = 10.0


@dataclass(slots=True, kw_only=True)
class PoolReading:
    """What is known of a pool (a type in a zone, on Spot or On-Demand) when the scaler decides.

    `usd_h`: the price of an instance. `power`: reference slots of an instance (slots times their speed).
    `booting`, `ready`: instances whose end is not announced and that are not drained. `failed_at`: when a
    launch last found no capacity. `interrupted` in `hours` instance-hours: its history.
    """

    usd_h: float
    power: float
    spot: bool
    booting: int = 0
    ready: int = 0
    failed_at: float = -1e18
    interrupted: int = 0
    hours: float = 0.0


@dataclass(slots=True, kw_only=True)
class WorkReading:
    """The work of the pool at `now`.

    `arrival`: reference slot-seconds of work that arrive in a second. `waiting`: work in the queue.
    `oldest_s`: how long its oldest job has waited. `busy`: reference slots that run jobs.
    """

    now: float
    arrival: float
    waiting: float
    oldest_s: float
    busy: float
