"""An Auto Scaling group as it was described, and what the ledger knows of its instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_CAPACITY_STATES = ("Pending", "InService")
"""Lifecycle states that count towards the desired capacity: these, and those that begin with `Pending:`."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """An instance of a group in a lifecycle state; `weight` is in the units of the group (None: unknown)."""

    instance: str
    instance_type: str
    zone: str
    state: str
    weight: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it is capacity of the group: it boots or is in service, and is not being terminated."""
        return self.state.partition(":")[0] in _CAPACITY_STATES


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group; capacities are in vCPU. `zones` are those of its subnets.

    `types` are the instance types in their order of priority (empty: chosen by attributes), and `policy` is
    the mixed instances policy as Auto Scaling describes it.
    """

    name: str
    spot: bool
    least: int
    most: int
    desired: int
    members: tuple[Member, ...] = ()
    zones: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class InstanceFacts:
    """What the ledger knows of an instance: `slots` of live workers (0: it boots), and how many are `busy`.

    `warned_at`: when its interruption was announced. `ends`: its end is announced for any reason.
    """

    slots: int = 0
    busy: int = 0
    vcpu: int | None = None
    warned_at: float | None = None
    ends: bool = False
