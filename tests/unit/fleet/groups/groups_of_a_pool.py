"""Groups of the pool `cpu` for tests: slots of 2 vCPU, machines of 16 vCPU."""

from __future__ import annotations

from typing import Any

from eddyline.fleet.groups.group import Group, InstanceFacts, Member
from eddyline.fleet.pools import Pool, Pools

ZONE = "us-east-1a"


def pool(**capacity: Any) -> Pool:
    """The pool, scaled by Eddyline."""
    chosen = {
        "max_vcpu": 640,
        "types": {"c6a.4xlarge": 16, "c7a.4xlarge": 16},
        "zones": [ZONE],
        "on_demand": {"max_vcpu": 160},
        "scaling": "eddyline",
        **capacity,
    }
    found = {
        "kinds": ["chunk"],
        "codecs": {"h264": "libx264"},
        "cost": 1,
        "slot": {"vcpu": 2, "memory_mib": 1024},
        "capacity": chosen,
    }
    return Pools.model_validate({"pools": {"cpu": found}})["cpu"]


def member(name: str, instance_type: str = "c6a.4xlarge", **more: Any) -> Member:
    """An instance in service that weighs 16."""
    chosen = {"zone": ZONE, "state": "InService", "weight": 16, **more}
    return Member(instance=name, instance_type=instance_type, **chosen)


def group(*members: Member, spot: bool = True, **more: Any) -> Group:
    """A group whose desired capacity is that of its members."""
    desired = sum(each.weight or 0 for each in members if each.counts)
    chosen = {
        "least": 0,
        "most": 640 if spot else 160,
        "desired": desired,
        "types": ("c6a.4xlarge", "c7a.4xlarge"),
        "policy": {"InstancesDistribution": {"SpotAllocationStrategy": "capacity-optimized"}},
        **more,
    }
    return Group(name="spot" if spot else "od", spot=spot, members=members, **chosen)


def busy(jobs: int) -> InstanceFacts:
    """An instance whose worker has 8 slots."""
    return InstanceFacts(slots=8, busy=jobs, vcpu=16)
