"""The machine on which a worker runs, as the worker reports it."""

from __future__ import annotations

from dataclasses import dataclass, fields


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
