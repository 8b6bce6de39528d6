"""Records of DescribeInstanceTypes for tests, with only what matters."""

from __future__ import annotations

from typing import Any

from eddyline.fleet.catalogue.instance_types import InstanceType


def record(name: str, *, vcpu: int = 32, mib: int = 65_536, **changes: Any) -> dict[str, Any]:
    return {
        "InstanceType": name,
        "VCpuInfo": {"DefaultVCpus": vcpu, "ValidCores": [vcpu // 2]},
        "MemoryInfo": {"SizeInMiB": mib},
        "ProcessorInfo": {"Manufacturer": "AMD", "SupportedArchitectures": ["x86_64"]},
        "BareMetal": False,
        "BurstablePerformanceSupported": False,
        "CurrentGeneration": True,
        "SupportedUsageClasses": ["on-demand", "spot"],
        **changes,
    }


def instance_type(name: str, **changes: Any) -> InstanceType:
    fields: dict[str, Any] = {
        "vcpu": 32,
        "memory_mib": 65_536,
        "architectures": frozenset({"x86_64"}),
        "manufacturer": "amd",
        "bare_metal": False,
        "burstable": False,
        "current_generation": True,
        "spot": True,
        "on_demand": True,
    }
    return InstanceType(name=name, **{**fields, **changes})
