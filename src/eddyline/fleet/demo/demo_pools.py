"""The pools and instance types of the demonstration."""

from __future__ import annotations

from dataclasses import dataclass

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


@dataclass(frozen=True, kw_only=True)
class DemoType:
    """An instance type: its vCPU, On-Demand price, mean Spot discount, and how often it is interrupted."""

    name: str
    vcpu: int
    usd_per_hour: float
    discount: float
    interruptions_per_hour: float
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class DemoPool:
    """A pool: the vCPU that it needs at a usual peak, the vCPU of one slot, and its types."""

    name: str
    peak_vcpu: float
    slot_vcpu: int
    on_demand_after_s: float
    types: tuple[DemoType, ...]


# The prices are public On-Demand prices of us-east-1, rounded; discounts and rates are made up.
POOLS = (
    DemoPool(
        name="cpu",
        peak_vcpu=2600,
        slot_vcpu=2,
        on_demand_after_s=600,
        types=(
            DemoType(
                name="c7a.8xlarge", vcpu=32, usd_per_hour=1.64, discount=0.62, interruptions_per_hour=0.012
            ),
            DemoType(
                name="c7i.8xlarge",
                vcpu=32,
                usd_per_hour=1.43,
                discount=0.58,
                interruptions_per_hour=0.03,
                weight=2.0,
            ),
            DemoType(
                name="c6i.12xlarge", vcpu=48, usd_per_hour=2.04, discount=0.66, interruptions_per_hour=0.05
            ),
            DemoType(
                name="m6a.8xlarge", vcpu=32, usd_per_hour=1.38, discount=0.55, interruptions_per_hour=0.02
            ),
        ),
    ),
    DemoPool(
        name="light",
        peak_vcpu=64,
        slot_vcpu=1,
        on_demand_after_s=300,
        types=(
            DemoType(
                name="c7a.large", vcpu=2, usd_per_hour=0.103, discount=0.57, interruptions_per_hour=0.01
            ),
            DemoType(
                name="c6i.large", vcpu=2, usd_per_hour=0.085, discount=0.6, interruptions_per_hour=0.025
            ),
        ),
    ),
    DemoPool(
        name="gpu",
        peak_vcpu=120,
        slot_vcpu=4,
        on_demand_after_s=900,
        types=(
            DemoType(
                name="g4dn.xlarge", vcpu=4, usd_per_hour=0.526, discount=0.5, interruptions_per_hour=0.14
            ),
            DemoType(
                name="g4dn.2xlarge", vcpu=8, usd_per_hour=0.752, discount=0.52, interruptions_per_hour=0.09
            ),
        ),
    ),
)
