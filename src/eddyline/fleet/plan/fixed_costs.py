"""What a fleet costs a month without any machine of a pool: endpoints, NAT, database, coordinators.

Prices are those of us-east-1, On-Demand, from the price pages of AWS as published in mid-2026; all can be
overridden.
"""

from __future__ import annotations

from dataclasses import dataclass

HOURS = 730
"""Hours of a month, as AWS counts."""
PRICES_OF = "us-east-1, mid-2026"


@dataclass(frozen=True, kw_only=True)
class FixedCostOptions:
    """Numbers of resources and their prices in dollars."""

    endpoints: int = 11
    endpoint_hour: float = 0.01  # for each zone
    nat_gateways: int = 0
    nat_hour: float = 0.045
    database_hour: float = 0.065  # db.t4g.medium
    database_copies: int = 2  # Multi-AZ
    database_gib: int = 50
    database_gib_month: float = 0.115  # gp3
    coordinators: int = 2
    coordinator_hour: float = 0.5 * 0.04048 + 1.0 * 0.004445  # Fargate, 0.5 vCPU and 1 GB


@dataclass(frozen=True, kw_only=True)
class FixedCost:
    """One item: what it consists of, and dollars a month."""

    item: str
    basis: str
    dollars: float


def fixed_costs(options: FixedCostOptions, *, zones: int) -> tuple[FixedCost, ...]:
    """The items of a month in `zones` Availability Zones; without requests, transfer, S3 and CloudWatch."""
    endpoints = options.endpoints * zones
    copies = options.database_copies
    storage = copies * options.database_gib * options.database_gib_month
    return (
        FixedCost(
            item="interface endpoints",
            basis=f"{options.endpoints} x {zones} zones x ${options.endpoint_hour:g}/h",
            dollars=endpoints * options.endpoint_hour * HOURS,
        ),
        FixedCost(
            item="NAT gateways",
            basis=f"{options.nat_gateways} x ${options.nat_hour:g}/h",
            dollars=options.nat_gateways * options.nat_hour * HOURS,
        ),
        FixedCost(
            item="database (RDS)",
            basis=f"{copies} x ${options.database_hour:g}/h, {options.database_gib} GiB",
            dollars=copies * options.database_hour * HOURS + storage,
        ),
        FixedCost(
            item="coordinators (Fargate)",
            basis=f"{options.coordinators} x ${options.coordinator_hour:.4f}/h",
            dollars=options.coordinators * options.coordinator_hour * HOURS,
        ),
    )
