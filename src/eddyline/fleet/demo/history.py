"""What a demonstration consists of: the events, starts, samples and prices that it writes to a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.instance import ON_DEMAND, SPOT
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.fleet.prices import Price
from eddyline.graph.ledger.starts import Start
from eddyline.graph.pool_sample import PoolSample

ACCOUNT, REGION = "000000000000", "us-east-1"
NOTICE_S = 120.0
"""AWS warns this long before it interrupts."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """One machine: its description, its times (seconds since 1970), and why it ended.

    `warned` is the time of an interruption notice, which a lost notice does not have. `ended_by` is
    "interruption", "scale-in", "other" or "" (it runs).
    """

    instance: str
    pool: str
    instance_type: str
    zone: str
    vcpu: int | None
    spot: bool
    launched: float
    terminated: float | None = None
    ended_by: str = ""
    warned: float | None = None
    rebalance: float | None = None


@dataclass(kw_only=True)
class History:
    """All rows of a demonstration."""

    lives: list[Life] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    samples: list[PoolSample] = field(default_factory=list)
    prices: list[Price] = field(default_factory=list)

    def events(self) -> list[FleetEvent]:
        """The events about all machines."""
        return [event for life in self.lives for event in events_of(life)]


def events_of(life: Life) -> Sequence[FleetEvent]:
    """The events that AWS sends about a machine's life."""

    def event(kind: FleetEventKind, at: float, cause: str = "") -> FleetEvent:
        return FleetEvent(
            id=f"demo/{kind}/{life.instance}",
            instance=life.instance,
            kind=kind,
            at=at,
            account=ACCOUNT,
            region=REGION,
            group=f"eddyline-{life.pool}-{'spot' if life.spot else 'od'}",
            pool=life.pool,
            instance_type=life.instance_type,
            zone=life.zone,
            lifecycle=SPOT if life.spot else ON_DEMAND,
            vcpu=life.vcpu,
            cause=cause,
        )

    found = [event(FleetEventKind.LAUNCHED, life.launched)]
    if life.rebalance is not None:
        found.append(event(FleetEventKind.REBALANCE, life.rebalance))
    if life.warned is not None:
        found.append(event(FleetEventKind.INTERRUPTION, life.warned))
    if life.terminated is not None:
        if life.ended_by == "scale-in":
            found.append(event(FleetEventKind.SCALE_IN, max(life.terminated - 300.0, life.launched)))
        found.append(event(FleetEventKind.TERMINATED, life.terminated, life.ended_by))
    return found


def start_of(
    life: Life, number: int, started: float, ended: float, outcome: StartOutcome, cpu_s: float | None
) -> Start:
    """A start of a job on a machine."""
    return Start(
        job_id=f"demo-{life.instance[2:]}-{number}",
        fence=1,
        pool=life.pool,
        kind="chunk",
        worker=f"{life.pool}@{life.instance}:1",
        instance=life.instance,
        started=started,
        ended=ended,
        outcome=outcome,
        cpu_s=cpu_s,
        fraction=1.0 if outcome is StartOutcome.DONE else None,
    )
