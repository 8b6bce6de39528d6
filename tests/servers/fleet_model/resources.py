"""The resources of a modelled fleet. Times are seconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ACCOUNT = "111122223333"
REGION = "us-east-1"


@dataclass(kw_only=True)
class Hook:
    """A lifecycle hook of a group for terminating instances."""

    name: str
    heartbeat_s: float = 3600.0
    default_result: str = "CONTINUE"

    @property
    def longest_wait_s(self) -> float:
        """The longest time in the wait state, with any number of heartbeats: 48 h or 100 timeouts."""
        return min(48 * 3600.0, 100 * self.heartbeat_s)


@dataclass(kw_only=True)
class Group:
    """An Auto Scaling group; capacities in units of `weights` (1 for a type that it lacks).

    `suspended` lists suspended processes, such as AZRebalance. `launch_failure` is the status message with
    which every launch fails; "" lets launches succeed. `types` are those of its mixed instances policy, in
    order (empty: it has no such policy), and `strategy` is the allocation strategy of that.
    """

    name: str
    desired: int = 0
    least: int = 0
    most: int = 1000
    hooks: dict[str, Hook] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    launch_failure: str = ""
    types: tuple[str, ...] = ()
    strategy: str = "capacity-optimized"

    @property
    def arn(self) -> str:
        """The group's ARN."""
        return (
            f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0f0f:autoScalingGroupName/{self.name}"
        )


@dataclass(kw_only=True)
class Instance:
    """An EC2 instance. `state`: EC2's; `lifecycle_state`: Auto Scaling's; `group` "": of no group.

    `end_reason`: spot, scale-in or user. `cause`: why the group ended it, as an activity says.
    """

    id: str
    type: str
    zone: str
    spot: bool
    launched_at: float
    group: str = ""
    state: str = "running"
    lifecycle_state: str = "InService"
    tags: dict[str, str] = field(default_factory=dict)
    scale_in_protected: bool = False
    terminate_at: float | None = None
    terminated_at: float | None = None
    end_reason: str = ""
    cause: str = ""
    vcpu: int = 36

    @property
    def arn(self) -> str:
        """The instance's ARN."""
        return f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{self.id}"


@dataclass(frozen=True, kw_only=True)
class Activity:
    """An activity of a group: what it did, and why."""

    group: str
    description: str
    cause: str
    at: float
    failed: str = ""


@dataclass(kw_only=True)
class LifecycleAction:
    """An instance that waits in Terminating:Wait; `heartbeats` counts those recorded."""

    token: str
    group: str
    hook: Hook
    instance: str
    started_at: float
    deadline: float
    heartbeats: int = 0


@dataclass(kw_only=True)
class ContainerInstance:
    """An instance registered with a cluster; `status`: ACTIVE, DRAINING, INACTIVE."""

    arn: str
    cluster: str
    instance: str
    registered_at: float
    status: str = "ACTIVE"
    agent_connected: bool = True
    version: int = 1
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class DaemonService:
    """A DAEMON service: one task of `family` on each ACTIVE container instance of `cluster`.

    `stop_timeout_s`: from SIGTERM to SIGKILL. `restart_s`: from the end of a task to the next start.
    """

    name: str
    cluster: str
    family: str
    revision: int = 1
    stop_timeout_s: float = 30.0
    restart_s: float = 5.0


@dataclass(kw_only=True)
class Task:
    """A task. `last_status` follows `desired_status` step by step, as in the ECS task lifecycle.

    `kill_at`: when SIGKILL follows SIGTERM; `exit_code`: None while its container runs.
    """

    arn: str
    cluster: str
    service: str
    definition: str
    container_instance: str
    instance: str
    created_at: float
    stop_timeout_s: float
    last_status: str = "PENDING"
    desired_status: str = "RUNNING"
    stop_code: str = ""
    stopped_reason: str = ""
    stopping_at: float | None = None
    kill_at: float | None = None
    gone_at: float | None = None
    stopped_at: float | None = None
    exit_code: int | None = None
    protected_until: float | None = None
    version: int = 1

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left on the machine."""
        return self.last_status == "STOPPED"
