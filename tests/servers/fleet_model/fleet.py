"""A model of EC2, Auto Scaling and ECS for one fleet, with Spot interruptions. Pure: methods take the time.

`advance(now)` does what is due: the termination after a Spot notice, the end of a lifecycle hook, SIGKILL
after the stop timeout, replacements of a group. `Effects` receives events, signals and metadata values.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.fleet_model.containers import Containers
from tests.servers.fleet_model.effects import Effects
from tests.servers.fleet_model.events import Events, iso
from tests.servers.fleet_model.resources import Activity, Group, Instance, LifecycleAction

NOTICE_S = 120.0
_VISIBLE_S = 3600.0  # EC2 describes a terminated instance for about an hour


class NoActionError(Exception):
    """The lifecycle action does not exist or is complete."""


class CapacityError(Exception):
    """A desired capacity outside the bounds of the group."""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A call of CompleteLifecycleAction; `accepted` False: there was no active action."""

    instance: str
    result: str
    at: float
    accepted: bool


def _new_ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: str(uuid.UUID(int=next(numbers)))


@dataclass(kw_only=True)
class FleetModel:
    """The state of a fleet; `launch_s`: from the need of an instance to its launch (None: no replacements).

    `on_launch` chooses type, zone of a replacement; it gets the group. `terminated_visible_s` as in EC2.
    """

    effects: Effects
    launch_s: float | None = None
    choose: Callable[[Group], tuple[str, str]] = lambda _group: ("c5.9xlarge", "us-east-1a")
    on_launch: Callable[[Instance, float], None] = lambda _instance, _now: None
    instances: dict[str, Instance] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    actions: dict[str, LifecycleAction] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    completions: list[Completion] = field(default_factory=list)
    events: Events = field(default_factory=lambda: Events(_new_ids()))
    containers: Containers = field(init=False)
    spot_prices: dict[tuple[str, str], float] = field(default_factory=dict)
    instance_types: list[dict[str, Any]] = field(default_factory=list)  # records of DescribeInstanceTypes
    offerings: dict[str, tuple[str, ...]] = field(default_factory=dict)  # zones by type
    quotas: dict[str, float] = field(default_factory=dict)  # values of the account by code
    default_quotas: dict[str, float] = field(default_factory=dict)
    placement_scores: dict[str, int] = field(default_factory=dict)  # by region
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _launch_at: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.containers = Containers(events=self.events, effects=self.effects)

    # Groups and launches

    def add_group(self, group: Group) -> Group:
        """Create a group; EC2 Auto Scaling announces its hooks with test notifications."""
        self.groups[group.name] = group
        if group.hooks:
            self.effects.emit(self.events.test_notification(group, 0.0))
        return group

    def launch(
        self,
        now: float,
        *,
        type: str = "c5.9xlarge",  # noqa: A002 - EC2's word
        zone: str = "us-east-1a",
        spot: bool = True,
        group: str = "",
        instance: str = "",
        tags: dict[str, str] | None = None,
    ) -> Instance:
        """Launch an instance, by default of no group."""
        number = next(self._numbers)
        found = Instance(
            id=instance or f"i-{number:017x}",
            type=type,
            zone=zone,
            spot=spot,
            launched_at=now,
            group=group,
            tags=dict(tags or {}),
        )
        if group:
            found.tags = {**self.groups[group].tags, "aws:autoscaling:groupName": group, **found.tags}
        self.instances[found.id] = found
        self.effects.emit(self.events.run_instances([found], now))
        if spot:
            self.effects.emit(self.events.spot_fulfillment(found, now))
        self.effects.emit(self.events.state_change(found, "pending", now))
        if group:
            self._log(group, f"Launching a new EC2 instance: {found.id}", "a difference in capacity", now)
            self.effects.emit(self.events.launch_successful(found, self.groups[group], now))
        self.effects.emit(self.events.state_change(found, "running", now))
        self.on_launch(found, now)
        return found

    def members(self, group: str) -> list[Instance]:
        """The instances of a group that are in service or pending."""
        return [
            found
            for found in self.instances.values()
            if found.group == group and found.state == "running" and found.lifecycle_state == "InService"
        ]

    def capacity(self, group: str) -> int:
        """The capacity in service, in the group's units."""
        weights = self.groups[group].weights
        return sum(weights.get(found.type, 1) for found in self.members(group))

    def set_desired(self, group: str, desired: int) -> None:
        """Set the desired capacity. Raises `CapacityError`."""
        found = self.groups[group]
        if desired > found.most:
            raise CapacityError(
                f"New SetDesiredCapacity value {desired} is above max value {found.most} "
                "for the AutoScalingGroup."
            )
        if desired < found.least:
            raise CapacityError(
                f"New SetDesiredCapacity value {desired} is below min value {found.least} "
                "for the AutoScalingGroup."
            )
        found.desired = desired

    # The end of instances

    def warn(
        self, instance: str, now: float, *, notice_s: float = NOTICE_S, action: str = "terminate"
    ) -> float:
        """A Spot interruption notice, and the end after `notice_s`; returns the time of the end."""
        found = self.instances[instance]
        ends_at = now if action == "hibernate" else now + notice_s
        if found.terminate_at is None or ends_at < found.terminate_at:
            found.terminate_at, found.end_reason = ends_at, "spot"
        value = json.dumps({"action": action, "time": iso(ends_at)})
        self.effects.set_metadata(instance, "spot/instance-action", value)
        self.effects.emit(self.events.interruption(found, now, action))
        return ends_at

    def reclaim(self, instance: str, now: float) -> None:
        """Spot takes the instance without a notice."""
        self.instances[instance].end_reason = "spot"
        self._terminate(self.instances[instance], now)

    def rebalance(self, instance: str, now: float) -> None:
        """A rebalance recommendation: the metadata and the event."""
        value = json.dumps({"noticeTime": iso(now)})
        self.effects.set_metadata(instance, "events/recommendations/rebalance", value)
        self.effects.emit(self.events.rebalance(self.instances[instance], now))

    def scale_in(
        self, instance: str, now: float, *, decrement: bool = True, by_request: bool = False
    ) -> None:
        """End an instance of a group through the group's hooks, as a scaling policy does, or an API call."""
        found = self.instances[instance]
        group = self.groups[found.group]
        if found.lifecycle_state != "InService":
            return
        found.end_reason = found.end_reason or "scale-in"
        before = group.desired
        if decrement:
            group.desired = max(group.least, group.desired - group.weights.get(found.type, 1))
        shrunk = f", shrinking the capacity from {before} to {group.desired}" if decrement else ""
        found.cause = f"At {iso(now)} an instance was taken out of service in response to a difference "
        found.cause += f"between desired and actual capacity{shrunk}."
        if by_request:
            found.cause = f"At {iso(now)} instance {found.id} was taken out of service in response to "
            found.cause += f"a user request{shrunk}."
        self._enter_termination(found, group, now)

    def terminate(self, instance: str, now: float) -> None:
        """An operator terminates an instance directly in EC2."""
        found = self.instances[instance]
        found.end_reason = found.end_reason or "user"
        self._terminate(found, now)

    def complete(self, instance: str, token: str, hook: str, result: str, now: float) -> None:
        """CompleteLifecycleAction. Raises `NoActionError`, as for a second completion."""
        action = self._action(instance, token, hook)
        accepted = action is not None
        of = action.instance if action is not None else instance
        self.completions.append(Completion(instance=of, result=result, at=now, accepted=accepted))
        if action is None:
            raise NoActionError(instance or token)
        del self.actions[action.token]
        self._proceed(self.instances[action.instance], now)

    def heartbeat(self, instance: str, token: str, hook: str, now: float) -> LifecycleAction:
        """RecordLifecycleActionHeartbeat. Raises `NoActionError`."""
        action = self._action(instance, token, hook)
        if action is None:
            raise NoActionError(instance or token)
        action.heartbeats += 1
        latest = action.started_at + action.hook.longest_wait_s
        action.deadline = min(now + action.hook.heartbeat_s, latest)
        return action

    def accepted_completions(self, instance: str) -> int:
        """How often the hook of an instance was completed: at most once."""
        return sum(done.accepted for done in self.completions if done.instance == instance)

    # Time

    def advance(self, now: float) -> None:
        """Do everything that is due at `now`."""
        for found in list(self.instances.values()):
            if found.terminate_at is not None and now >= found.terminate_at and found.state == "running":
                self._terminate(found, now)
        for action in list(self.actions.values()):
            if now >= action.deadline:
                del self.actions[action.token]
                self._proceed(self.instances[action.instance], now)
        self.containers.advance(now)
        self._replace(now)

    def described(self, now: float) -> list[Instance]:
        """The instances that EC2 still describes."""
        return [
            found
            for found in self.instances.values()
            if found.terminated_at is None or now - found.terminated_at < _VISIBLE_S
        ]

    def _replace(self, now: float) -> None:
        if self.launch_s is None:
            return
        for group in self.groups.values():
            if self.capacity(group.name) >= group.desired:
                self._launch_at.pop(group.name, None)
            elif now >= self._launch_at.setdefault(group.name, now + self.launch_s):
                del self._launch_at[group.name]
                kind, zone = self.choose(group)
                if group.launch_failure:
                    failed = self.events.launch_unsuccessful(group, group.launch_failure, now, zone=zone)
                    self.effects.emit(failed)
                    self._log(
                        group.name, "Launching a new EC2 instance", "", now, failed=group.launch_failure
                    )
                    continue
                spot = group.tags.get("eddyline:purchase") != "od"
                self.launch(now, type=kind, zone=zone, spot=spot, group=group.name)

    def _log(self, group: str, description: str, cause: str, now: float, failed: str = "") -> None:
        activity = Activity(group=group, description=description, cause=cause, at=now, failed=failed)
        self.activities.append(activity)

    def _action(self, instance: str, token: str, hook: str) -> LifecycleAction | None:
        for action in self.actions.values():
            matches = action.token == token if token else action.instance == instance
            if matches and action.hook.name == hook:
                return action
        return None

    def _enter_termination(self, found: Instance, group: Group, now: float) -> None:
        self._log(group.name, f"Terminating EC2 instance: {found.id}", found.cause, now)
        if not group.hooks:
            self._proceed(found, now)
            return
        found.lifecycle_state = "Terminating:Wait"
        self.effects.set_metadata(found.id, "autoscaling/target-lifecycle-state", "Terminated")
        for hook in group.hooks.values():
            token = str(uuid.UUID(int=2**64 + next(self._numbers)))
            action = LifecycleAction(
                token=token,
                group=group.name,
                hook=hook,
                instance=found.id,
                started_at=now,
                deadline=now + hook.heartbeat_s,
            )
            self.actions[token] = action
            self.effects.emit(self.events.terminate_action(action, group, now))

    def _proceed(self, found: Instance, now: float) -> None:
        if any(action.instance == found.id for action in self.actions.values()):
            return  # another hook
        found.lifecycle_state = "Terminating:Proceed"
        self._terminate(found, now)
        found.lifecycle_state = "Terminated"
        group = self.groups[found.group]
        self.effects.emit(self.events.terminate_successful(found, group, now))

    def _terminate(self, found: Instance, now: float) -> None:
        if found.state == "terminated":
            return
        found.state, found.terminated_at, found.terminate_at = "terminated", now, None
        self.effects.emit(self.events.state_change(found, "shutting-down", now))
        self.effects.terminate(found)
        self.containers.terminated(found.id, now)
        self.effects.emit(self.events.state_change(found, "terminated", now))
        # The group finds the instance unhealthy: it ends through the hooks, although the machine is gone.
        if found.group and found.lifecycle_state == "InService":
            found.cause = f"At {iso(now)} an instance was taken out of service in response to an EC2 health "
            found.cause += "check indicating it has been terminated or stopped."
            self._enter_termination(found, self.groups[found.group], now)
