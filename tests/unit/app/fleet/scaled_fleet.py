"""A small fleet that the production scaler scales: a real ledger, a modelled AWS, workers that run jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert
from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import REGION, Group, Instance

from eddyline.app.fleet.scaler import FleetScaler
from eddyline.aws.autoscaling_groups import AutoScalingGroups
from eddyline.aws.clients import open_client
from eddyline.core.clock import ManualClock
from eddyline.fleet.pools import Pools
from eddyline.graph.db.schema import instances
from eddyline.graph.job import Claim, Done, NewJob, Settlement
from eddyline.graph.ledger.fleet import scaler_decisions
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.graph.states import State

AT = 1_800_000_000.0
SPOT, ON_DEMAND = "eddyline-cpu-spot", "eddyline-cpu-od"
TYPES = {"c6a.4xlarge": 16, "c7a.4xlarge": 16}
JOB_S, BOOT_S, STEP_S = 30.0, 180.0, 30.0
SLOT_VCPU = 2
_LEASE_S = 60.0


def scaled_pools(**capacity: Any) -> Pools:
    """The pool `cpu`, scaled by Eddyline, with slots of 2 vCPU."""
    chosen = {
        "max_vcpu": 640,
        "types": TYPES,
        "zones": ["us-east-1a"],
        "on_demand": {"max_vcpu": 160},
        "scaling": "eddyline",
        "deadline_s": 900,
        **capacity,
    }
    pool = {
        "kinds": ["chunk"],
        "codecs": {"h264": "libx264"},
        "cost": 1,
        "slot": {"vcpu": SLOT_VCPU, "memory_mib": 1024},
        "capacity": chosen,
    }
    return Pools.model_validate({"pools": {"cpu": pool}})


@dataclass(kw_only=True)
class ScaledFleet:
    """`scaler` is stepped every 30 s; jobs arrive at `per_minute`, and each runs 30 s in a slot."""

    ledger: Ledger
    plane: ControlPlane
    clock: ManualClock
    pools: Pools
    scalers: list[FleetScaler] = field(default_factory=list)
    per_minute: float = 0.0
    running: dict[str, tuple[str, Claim, float]] = field(default_factory=dict)
    _submitted: int = 0
    _due: float = 0.0
    _renewed: dict[str, float] = field(default_factory=dict)

    @property
    def model(self) -> FleetModel:
        """The modelled AWS."""
        return self.plane.fleet

    def group(self, name: str = SPOT) -> Group:
        """A group."""
        return self.model.groups[name]

    def members(self, name: str = SPOT) -> list[Instance]:
        """The instances in service."""
        return self.model.members(name)

    def decision(self) -> PoolDecision:
        """The recorded decision about the pool."""
        return self.ledger.read(scaler_decisions.find)["cpu"]

    def add_scaler(self, owner: str, **options: Any) -> FleetScaler:
        """Another coordinator's scaler."""
        client = open_client("autoscaling", endpoint=self.plane.url, region=REGION)
        options = {"prefix": "eddyline", "pools": self.pools, "owner": owner, **options}
        scaler = FleetScaler(self.ledger, lambda: AutoScalingGroups(client), **options)
        self.scalers.append(scaler)
        return scaler

    def submit(self, count: int) -> None:
        """Add due jobs."""
        first, self._submitted = self._submitted, self._submitted + count
        jobs = [
            NewJob(id=f"a-{number}", asset="a", kind="chunk", spec={}, weight=60.0)
            for number in range(first, first + count)
        ]
        self.ledger.submit(jobs)

    def measure(self) -> None:
        """Run one job to its end, on a worker outside AWS: rates are known from then on."""
        self.submit(1)
        self.ledger.register("desk", "desk", 1, _LEASE_S)
        (claim,) = self.ledger.claim("desk", pools=("cpu",), limit=1, lease_s=_LEASE_S)
        self.clock.advance(JOB_S)
        self._end(claim)

    def run(self, seconds: float, *, each_step: Callable[[], None] = lambda: None) -> None:
        """Let time pass: every 30 s AWS, workers and arrivals, then the scalers."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.tick()
            each_step()
            for scaler in self.scalers:
                scaler.step()
            self.clock.advance(STEP_S)

    def tick(self) -> None:
        """What happens in AWS and on workers at this time."""
        now = self.clock.now()
        with self.plane.lock:
            for _ in range(60):
                before = len(self.model.instances)
                self.model.advance(now)
                if len(self.model.instances) == before:
                    break
        self._due += self.per_minute * STEP_S / 60
        if self._due >= 1:
            self.submit(int(self._due))
            self._due -= int(self._due)
        self._record_instances()
        self._run_jobs(now)

    def busy_of(self, instance: str) -> int:
        """The jobs that run on an instance."""
        return sum(worker == instance for worker, _, _ in self.running.values())

    def _record_instances(self) -> None:
        rows = []
        for each in self.model.instances.values():
            if each.state == "terminated" and each.terminated_at != self.clock.now():
                continue
            row: dict[str, Any] = dict.fromkeys(column.name for column in instances.columns)
            row |= {"instance": each.id, "pool": "cpu", "auto_scaling_group": each.group, "region": REGION}
            row |= {"instance_type": each.type, "zone": each.zone, "account": "", "ended_by": ""}
            row |= {"lifecycle": "spot" if each.spot else "on-demand", "vcpu": TYPES[each.type]}
            row |= {"launched": each.launched_at, "terminated": each.terminated_at}
            if each.terminate_at is not None:
                row["warned_at"] = each.terminate_at - 120.0
            rows.append(row)
        if rows:
            self.ledger._database.write(
                lambda c: (c.execute(delete(instances)), c.execute(insert(instances), rows))
            )

    def _run_jobs(self, now: float) -> None:
        ended = []
        for job, (worker, claim, started) in list(self.running.items()):
            if self.model.instances[worker].state != "running":
                del self.running[job]
                self.ledger.release_worker(worker)
            elif now - started >= JOB_S:
                del self.running[job]
                ended.append(claim)
        self._end(*ended)
        due = self.ledger.counts()[State.READY]
        for each in self.model.instances.values():
            if each.state != "running" or now - each.launched_at < BOOT_S:
                continue
            slots = TYPES[each.type] // SLOT_VCPU
            if self._renewed.get(each.id, 0.0) <= now - _LEASE_S / 2:
                self._renewed[each.id] = now
                self.ledger.register(each.id, each.id, 1, _LEASE_S, machine=_machine(each, slots))
            free = slots - self.busy_of(each.id)
            for claim in self.ledger.claim(
                each.id, pools=("cpu",), limit=free if due else 0, lease_s=_LEASE_S
            ):
                self.running[claim.job.id] = (each.id, claim, now)
                due -= 1

    def _end(self, *claims: Claim) -> None:
        done = [
            Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={})) for claim in claims
        ]
        self.ledger.settle(done)


def _machine(instance: Instance, slots: int) -> Machine:
    return Machine(
        pool="cpu",
        instance=instance.id,
        instance_type=instance.type,
        zone=instance.zone,
        lifecycle="spot" if instance.spot else "on-demand",
        vcpu=TYPES[instance.type],
        slots=slots,
    )


@contextmanager
def scaled_fleet(
    folder: Path, pools: Pools, *, zones: Mapping[str, str] | None = None
) -> Iterator[ScaledFleet]:
    """A fleet with one scaler, whose groups have the bounds of `pools` and no instance."""
    clock = ManualClock(AT)
    capacity = pools["cpu"].capacity

    def choose(group: Group) -> tuple[str, str]:
        chosen = group.types[0] if group.types else next(iter(TYPES))
        return chosen, (zones or {}).get(chosen, "us-east-1a")

    model = FleetModel(effects=Recorded(), launch_s=0.0, choose=choose)
    for name, least, most in (
        (SPOT, capacity.min_vcpu, capacity.max_vcpu),
        (ON_DEMAND, capacity.on_demand.min_vcpu, capacity.on_demand.max_vcpu),
    ):
        purchase = "spot" if name == SPOT else "od"
        model.add_group(
            Group(
                name=name,
                desired=least,
                least=least,
                most=most,
                weights=TYPES,
                types=tuple(capacity.types),
                tags={"eddyline:purchase": purchase},
            )
        )
    with control_plane(model, clock=clock.now) as plane, Ledger.open(folder / "l.db", clock=clock) as ledger:
        fleet = ScaledFleet(ledger=ledger, plane=plane, clock=clock, pools=pools)
        fleet.add_scaler("first")
        yield fleet
