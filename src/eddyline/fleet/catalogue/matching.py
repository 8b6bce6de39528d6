"""The instance types that match requirements, as EC2's attribute-based selection documents them.

Source: InstanceRequirements in the EC2 API reference. Without a word about it in the request, bare metal and
burstable types are excluded, types with instance storage are included, and so are all generations and types
with accelerators.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from eddyline.fleet.capacity import Requirements
from eddyline.fleet.catalogue.instance_types import InstanceType
from eddyline.fleet.instance_types import Architecture


def matching_types(
    requirements: Requirements, arch: Architecture, types: Iterable[InstanceType]
) -> tuple[InstanceType, ...]:
    """The types that match, by name. The architecture is that of the image, not of the requirements."""
    return tuple(
        sorted((each for each in types if _matches(each, requirements, arch)), key=lambda each: each.name)
    )


def _matches(each: InstanceType, requirements: Requirements, arch: Architecture) -> bool:
    makers = requirements.cpu_manufacturers
    return (
        arch in each.architectures
        and not each.bare_metal
        and not each.burstable
        and requirements.vcpu.min <= each.vcpu <= requirements.vcpu.max
        and requirements.memory_mib.min <= each.memory_mib <= requirements.memory_mib.max
        and (not makers or each.manufacturer in makers)
        and not any(fnmatchcase(each.name, pattern) for pattern in requirements.excluded_types)
    )
