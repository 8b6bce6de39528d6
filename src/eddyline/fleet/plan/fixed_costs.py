"""What a fleet costs a month without any machine of a pool: endpoints, NAT, database, services on Fargate.

The numbers are the defaults of the Terraform modules (a test compares them), the prices those of us-east-1,
On-Demand, from AWS' price pages as published in mid-2026. All can be overridden.
"""

from __future__ import annotations

from dataclasses import dataclass

HOURS = 730
"""Hours of a month, as AWS counts."""
PRICES_OF = "us-east-1, mid-2026"
FARGATE_VCPU_HOUR = 0.04048
FARGATE_GIB_HOUR = 0.004445


@dataclass(frozen=True, kw_only=True)
class FixedCostOptions:
    """Numbers of resources and their prices in dollars; `services` are pairs of vCPU and GiB on Fargate."""

    endpoints: int = 10
    endpoint_zones: int = 2
    endpoint_hour: float = 0.01  # in one zone
    nat_gateways: int = 0
    nat_hour: float = 0.045
    multi_az: bool = False
    database_hour: float = 0.065  # db.t4g.medium
    database_gib: int = 50
    database_gib_month: float = 0.115  # gp3
    services: tuple[tuple[float, float], ...] = (
        (0.5, 1.0),
        (0.5, 1.0),
        (0.25, 1.0),
    )  # 2 coordinators, 1 ingest


@dataclass(frozen=True, kw_only=True)
class FixedCost:
    """One item: what it consists of, and dollars a month."""

    item: str
    basis: str
    dollars: float


def fixed_costs(options: FixedCostOptions, *, zones: int) -> tuple[FixedCost, ...]:
    """The items of a month in `zones` Availability Zones; without requests, transfer, S3 and CloudWatch."""
    endpoint_zones = min(options.endpoint_zones, zones)
    copies = 2 if options.multi_az else 1
    vcpu = sum(vcpu for vcpu, _ in options.services)
    gib = sum(gib for _, gib in options.services)
    return (
        FixedCost(
            item="interface endpoints",
            basis=f"{options.endpoints} x {endpoint_zones} zones x ${options.endpoint_hour:g}/h",
            dollars=options.endpoints * endpoint_zones * options.endpoint_hour * HOURS,
        ),
        FixedCost(
            item="NAT gateways",
            basis=f"{options.nat_gateways} x ${options.nat_hour:g}/h",
            dollars=options.nat_gateways * options.nat_hour * HOURS,
        ),
        FixedCost(
            item="database (RDS)",
            basis=f"{copies} x (${options.database_hour:g}/h + {options.database_gib} GiB)",
            dollars=copies
            * (options.database_hour * HOURS + options.database_gib * options.database_gib_month),
        ),
        FixedCost(
            item="services (Fargate)",
            basis=f"{len(options.services)} tasks, {vcpu:g} vCPU, {gib:g} GiB",
            dollars=(vcpu * FARGATE_VCPU_HOUR + gib * FARGATE_GIB_HOUR) * HOURS,
        ),
    )
