"""The vCPU quotas of EC2 that the groups of a fleet need: Service Quotas, service `ec2`, for each region.

Spot and On-Demand Instances have different quotas, and so have classes of families. Codes and names as
Service Quotas lists them. New accounts have 5 vCPU of the standard classes, and 0 of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_STANDARD = "A, C, D, H, I, M, R, T, Z"
_CLASSES = {
    **dict.fromkeys(("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"), "standard"),
    **dict.fromkeys(("g", "gr", "vt"), "g"),
    **dict.fromkeys(("p", "f", "x", "inf", "dl"), ""),
}
# Class of families -> (code, name) of the Spot quota and of the On-Demand quota.
_QUOTAS = {
    "standard": (
        ("L-34B43A08", f"All Standard ({_STANDARD}) Spot Instance Requests"),
        ("L-1216C47A", f"Running On-Demand Standard ({_STANDARD}) instances"),
    ),
    "g": (
        ("L-3819A6DF", "All G and VT Spot Instance Requests"),
        ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    ),
    "p": (
        ("L-7212CCBC", "All P Spot Instance Requests"),
        ("L-417A185B", "Running On-Demand P instances"),
    ),
    "f": (
        ("L-88CF9481", "All F Spot Instance Requests"),
        ("L-74FC7D96", "Running On-Demand F instances"),
    ),
    "x": (
        ("L-E3A00192", "All X Spot Instance Requests"),
        ("L-7295265B", "Running On-Demand X instances"),
    ),
    "inf": (
        ("L-B5D1601B", "All Inf Spot Instance Requests"),
        ("L-1945791B", "Running On-Demand Inf instances"),
    ),
    "dl": (
        ("L-85EED4F7", "All DL Spot Instance Requests"),
        ("L-6E869C2A", "Running On-Demand DL instances"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class GroupNeed:
    """One Auto Scaling group: its maximum, and the vCPU of the types that it may start."""

    pool: str
    spot: bool
    max_vcpu: int
    types: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class QuotaNeed:
    """A quota, the vCPU that the groups of `pools` need of it, and what the account has (`granted`)."""

    code: str
    name: str
    vcpu: int
    pools: tuple[str, ...]
    granted: int | None = None


def quota_of(instance_type: str, *, spot: bool) -> tuple[str, str] | None:
    """Code and name of the quota of a type; None for classes that this module does not know."""
    letters = re.match(r"[a-z]+", instance_type)
    found = _CLASSES.get(letters[0]) if letters else None
    if found is None or letters is None:
        return None
    return _QUOTAS[found or letters[0]][0 if spot else 1]


def quota_codes(types: Iterable[str]) -> set[str]:
    """The codes of the Spot and On-Demand quotas of these types."""
    found = (quota_of(name, spot=spot) for name in types for spot in (True, False))
    return {quota[0] for quota in found if quota is not None}


def needed_quotas(
    groups: Iterable[GroupNeed], granted: Mapping[str, int] | None = None
) -> tuple[QuotaNeed, ...]:
    """The quotas that all groups need when each is at its maximum.

    A group may exceed its maximum by one machine, its largest. A group with types of several classes may be
    entirely of one of them.
    """
    needs: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for group in groups:
        largest: dict[tuple[str, str], int] = {}
        for name, vcpu in group.types:
            quota = quota_of(name, spot=group.spot)
            if quota is not None:
                largest[quota] = max(largest.get(quota, 0), vcpu)
        for quota, vcpu in largest.items():
            if group.max_vcpu:
                needs.setdefault(quota, []).append((group.pool, group.max_vcpu + vcpu))
    return tuple(
        QuotaNeed(
            code=code,
            name=name,
            vcpu=sum(vcpu for _, vcpu in parts),
            pools=tuple(pool for pool, _ in parts),
            granted=(granted or {}).get(code),
        )
        for (code, name), parts in needs.items()
    )
