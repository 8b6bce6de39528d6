"""An Auto Scaling group of weighted instances: launches, warm-up, scale-in through the drain, interruptions.

What AWS documents and this models: capacity is the sum of the weights, and launches go on until it reaches
the desired capacity, with an overage of less than one weight; instances that warm up do not count when the
group scales out, terminating ones count when it scales in; no scale-in starts during a scale-out; a
terminated instance is replaced. A launch that fails is tried again in the next minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from eddyline.fleet.scaling.policies import Group

IN_SERVICE_S = 60.0
"""From the launch of an instance until the group counts it as InService, and its warm-up begins."""
INTERRUPTION_S = 120.0


@dataclass(kw_only=True, eq=False)
class ModelInstance:
    """One instance. Times are in seconds; `ends_at` is set once its end is certain.

    `ready_at`: its worker takes jobs from then on. `scaled_in`: it ends by a scale-in, otherwise by an
    interruption.
    """

    vcpu: int
    launched: float
    ready_at: float
    ends_at: float | None = None
    scaled_in: bool = False

    def serves(self, now: float) -> bool:
        """Whether its worker takes jobs."""
        return self.ready_at <= now and self.ends_at is None


@dataclass(kw_only=True)
class GroupModel:
    """One group. `launch(vcpu)` returns whether there is capacity; `weigh()` chooses an instance's weight.

    `drain_s`: how long the running jobs of an instance take at most; `hook_s`: how long the lifecycle hook
    lets them.
    """

    group: Group
    weigh: Callable[[], int]
    launch: Callable[[int], bool]
    boot_s: float
    drain_s: float
    hook_s: float
    desired: int = 0
    instances: list[ModelInstance] = field(default_factory=list)
    launches: int = 0
    launch_failures: int = 0
    scale_ins: int = 0
    interruptions: int = 0
    cut_short: int = 0
    """Scale-ins that ended jobs, because the hook was shorter than the drain."""
    _shrinks: bool = False

    def __post_init__(self) -> None:
        self.desired = max(self.desired, self.group.min_size)

    def remaining(self) -> list[ModelInstance]:
        """Instances whose end is not certain, those that boot included."""
        return [each for each in self.instances if each.ends_at is None]

    def provided_vcpu(self) -> int:
        """The vCPU of all instances whose end is not certain."""
        return sum(each.vcpu for each in self.remaining())

    def _warm_at(self, instance: ModelInstance) -> float:
        return instance.launched + IN_SERVICE_S + self.group.default_instance_warmup

    def warm_vcpu(self, now: float) -> int:
        """The capacity from which a policy scales out: without instances that warm up."""
        return sum(each.vcpu for each in self.remaining() if self._warm_at(each) <= now)

    def total_vcpu(self) -> int:
        """The capacity from which a policy scales in: terminating instances included."""
        return sum(each.vcpu for each in self.instances)

    def is_scaling_out(self, now: float) -> bool:
        """Whether an instance boots or warms up."""
        return any(self._warm_at(each) > now for each in self.remaining())

    def scale_to(self, capacity: int, now: float) -> None:
        """Set the desired capacity as a policy asks for it, within the bounds of the group."""
        wanted = min(max(capacity, self.group.min_size), self.group.max_size)
        if wanted > self.desired or not self.is_scaling_out(now):
            self._shrinks = wanted < self.desired
            self.desired = wanted

    def interrupt(self, instance: ModelInstance, now: float) -> None:
        """The Spot interruption warning of an instance."""
        if instance.ends_at is None or instance.ends_at > now + INTERRUPTION_S:
            instance.ends_at = now + INTERRUPTION_S
            instance.scaled_in = False
            self.interruptions += 1

    def reconcile(self, now: float) -> None:
        """Remove instances that ended, and launch or terminate up to the desired capacity."""
        self.instances = [each for each in self.instances if each.ends_at is None or each.ends_at > now]
        # An interrupted instance is replaced once it is gone, not at its warning.
        capacity = sum(each.vcpu for each in self.instances if not each.scaled_in)
        while capacity < self.desired:
            vcpu = self.weigh()
            if not self.launch(vcpu):
                self.launch_failures += 1
                break
            self.instances.append(ModelInstance(vcpu=vcpu, launched=now, ready_at=now + self.boot_s))
            self.launches += 1
            capacity += vcpu
        if not self._shrinks:
            return  # capacity above the desired one stays until that is lowered
        self._shrinks = False
        for instance in sorted(self.remaining(), key=lambda each: each.launched):
            if capacity - instance.vcpu >= self.desired:
                self._scale_in(instance, now)
                capacity -= instance.vcpu

    def _scale_in(self, instance: ModelInstance, now: float) -> None:
        instance.scaled_in = True
        instance.ends_at = now + min(self.drain_s, self.hook_s)
        self.scale_ins += 1
        self.cut_short += self.drain_s > self.hook_s and instance.ready_at <= now
