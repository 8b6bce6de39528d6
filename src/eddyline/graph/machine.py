"""The machine on which a worker runs, as the worker reports it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

SPOT, ON_DEMAND = "spot", "on-demand"
LIFECYCLES = frozenset({"", SPOT, ON_DEMAND})
MAX_VCPU = 4096
"""Twice the vCPU of the largest instance type."""

MAX_SLOTS = 4096
_INSTANCE = re.compile(r"(i-[0-9a-f]{8,17})?")
_INSTANCE_TYPE = re.compile(r"([a-z0-9][a-z0-9.-]{0,39})?")
_ZONE = re.compile(r"([a-z][a-z0-9-]{0,39})?")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Pool and machine of a worker; empty or None where it is unknown, such as outside EC2.

    `lifecycle` is "spot" or "on-demand", `instance` the EC2 instance id, `zone` the Availability Zone.
    `vcpu` is the number of vCPU that the worker uses, `slots` the number of jobs that it runs at a time.
    """

    pool: str = ""
    instance: str = ""
    instance_type: str = ""
    zone: str = ""
    lifecycle: str = ""
    vcpu: int | None = None
    slots: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether the worker reported anything about it."""
        return self != UNKNOWN_MACHINE


UNKNOWN_MACHINE = Machine()
"""Nothing was reported."""

MACHINE_FIELDS = tuple(field.name for field in fields(Machine))
"""The names of its fields, which are also columns of the table `workers`."""


def is_instance(text: str) -> bool:
    """Whether this is the id of an EC2 instance (`i-` and 8 to 17 hexadecimal digits), or empty."""
    return _INSTANCE.fullmatch(text) is not None


def is_instance_type(text: str) -> bool:
    """Whether this may be the name of an instance type (`u7i-12tb.224xlarge`), or is empty."""
    return _INSTANCE_TYPE.fullmatch(text) is not None


def is_zone(text: str) -> bool:
    """Whether this may be the name of an Availability Zone (`us-west-2-lax-1a`), or is empty."""
    return _ZONE.fullmatch(text) is not None
