"""One event about one EC2 instance, as the ledger stores it, and its JSON form."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

_MAX_TEXT = 256
_MAX_VCPU = 10_000


class FleetEventKind(StrEnum):
    """What an event says; the last three are found by coordinators, the others come from EventBridge.

    `seen`: EC2 describes the instance. `missed-end`: EC2 describes it as ended, or no longer knows it.
    `worker`: a worker reported it as its machine.
    """

    LAUNCHED = "launched"
    RUNNING = "running"
    REBALANCE = "rebalance"
    INTERRUPTION = "interruption"
    SCALE_IN = "scale-in"
    TERMINATED = "terminated"
    TERMINATED_BY_GROUP = "terminated-by-group"
    SEEN = "seen"
    MISSED_END = "missed-end"
    WORKER = "worker"


@dataclass(frozen=True, kw_only=True)
class FleetEvent:
    """One event about one instance; empty or None where it does not say. Times are seconds since 1970.

    `id` is equal for duplicates. `at` is the time of the event; `launched` is the launch time that it names.
    `group` is the Auto Scaling group, `pool` the pool of that group; `lifecycle` is "spot" or "on-demand".
    `cause` is the reason for the end where the event states it: "interruption", "scale-in" or "other".
    """

    id: str
    instance: str
    kind: FleetEventKind
    at: float
    account: str = ""
    region: str = ""
    group: str = ""
    pool: str = ""
    instance_type: str = ""
    zone: str = ""
    lifecycle: str = ""
    vcpu: int | None = None
    launched: float | None = None
    cause: str = ""

    def __post_init__(self) -> None:
        for name in _TEXTS:
            text = getattr(self, name)
            # No database stores unpaired surrogates, which JSON allows, and PostgreSQL no NUL.
            storable = text[:_MAX_TEXT].replace("\0", "").encode(errors="replace").decode()
            object.__setattr__(self, name, storable)
        if self.vcpu is not None and not 0 < self.vcpu <= _MAX_VCPU:
            object.__setattr__(self, "vcpu", None)

    def to_json(self) -> str:
        """The event as JSON, without empty fields."""
        return json.dumps({name: value for name, value in asdict(self).items() if value not in {None, ""}})

    @classmethod
    def from_json(cls, text: str) -> FleetEvent | None:
        """The event of `to_json`; None for a kind of a later version, whose unknown fields are left out."""
        known = {field.name for field in fields(cls)}
        found: dict[str, Any] = {name: value for name, value in json.loads(text).items() if name in known}
        try:
            kind = FleetEventKind(found["kind"])
        except ValueError:
            return None
        return cls(**{**found, "kind": kind})


_TEXTS = (
    "id",
    "instance",
    "account",
    "region",
    "group",
    "pool",
    "instance_type",
    "zone",
    "lifecycle",
    "cause",
)
