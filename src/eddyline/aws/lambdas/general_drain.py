"""The general drain function: drains instances that their group terminates, then completes the hook.

It is invoked by the lifecycle event, and then by its own delayed messages, one for each check: it never
sleeps.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from eddyline.aws.lambdas.calls import CallError, Calls, calls_of
from eddyline.aws.lambdas.clients import Clients, shared_clients
from eddyline.aws.lambdas.drain_check import DrainCheck
from eddyline.aws.lambdas.drain_items import DrainItem, read_item
from eddyline.aws.lambdas.ecs import ContainerInstance, Ecs
from eddyline.aws.lambdas.groups import GroupMember, Groups
from eddyline.aws.lambdas.json_logs import set_up_logs
from eddyline.aws.lambdas.queues import Outgoing, send_all
from eddyline.aws.lambdas.records import Record, batch_response, records_of
from eddyline.aws.lambdas.settings import Settings, load_settings
from eddyline.fleet.drain.instances import (
    DrainDecision,
    InstanceDrainRules,
    Membership,
    Observation,
    decide_instance_drain,
    membership_of,
)

_LOG = logging.getLogger("eddyline.lambdas")
_POSTPONED_S = 15.0


def handler(event: Any, context: object) -> dict[str, Any]:  # noqa: ANN401 - Lambda passes any JSON
    """The entry point of the Lambda function."""
    set_up_logs()
    return GeneralDrain(settings=_settings(), clients=shared_clients()).run(event, calls_of(context))


@cache
def _settings() -> Settings:
    return load_settings(os.environ, needs_drain_queue=True)


@dataclass(frozen=True, kw_only=True)
class _Next:
    """The next check of an instance. `arn`: the container instance on which to write its chain, or ""."""

    item: DrainItem
    check: DrainCheck
    delay_s: float
    arn: str = ""


@dataclass(kw_only=True)
class _Results:
    """What is left to do after the checks: the next checks to send."""

    next: list[_Next] = field(default_factory=list)
    failed: list[Record] = field(default_factory=list)
    error: CallError | None = None


@dataclass(frozen=True, kw_only=True)
class GeneralDrain:
    """One function. `now` is the time in seconds since 1970; `new_chain` returns a new identifier."""

    settings: Settings
    clients: Clients
    now: Callable[[], float] = time.time
    new_chain: Callable[[], str] = lambda: os.urandom(4).hex()

    def run(self, event: object, calls: Calls) -> dict[str, Any]:
        """Make the checks of an invocation. Raises if it was invoked directly and failed."""
        items = [item for record in records_of(event) if (item := read_item(record, self.settings))]
        results = _Results()
        self._forward([item for item in items if item.is_new], calls, results)
        self._check_all(items, calls, results)
        self._mark(self._send_next(calls, results), calls)
        if any(not record.message_id for record in results.failed):
            raise results.error or CallError("SendMessage", "", "not accepted by SQS", transient=True)
        return batch_response(results.failed)

    def _forward(self, items: Sequence[DrainItem], calls: Calls, results: _Results) -> None:
        """Send new lifecycle events to the coordinators, which order the workers to drain."""
        messages = [Outgoing(body=item.record.body) for item in items]
        accepted = send_all(self.clients.sqs, calls, self.settings.fleet_queue_url, messages) if items else []
        results.failed += [item.record for item, ok in zip(items, accepted, strict=True) if not ok]

    # The checks

    def _check_all(self, items: Sequence[DrainItem], calls: Calls, results: _Results) -> None:
        ids = [item.check.instance for item in items]
        try:
            members = Groups(self.clients.autoscaling, calls).members(ids) if ids else {}
            containers = self._containers(items, members, calls)
        except CallError as error:
            self._postpone(items, error, results)
            return
        for item in items:
            instance = item.check.instance
            try:
                self._check(item, members.get(instance), containers.get(instance), calls, results)
            except CallError as error:
                self._postpone([item], error, results)

    def _containers(
        self, items: Sequence[DrainItem], members: Mapping[str, GroupMember], calls: Calls
    ) -> Mapping[str, ContainerInstance]:
        found: dict[str, ContainerInstance] = {}
        for cluster in dict.fromkeys(item.cluster for item in items):
            ids = {item.check.instance for item in items if item.cluster == cluster}
            present = sorted(ids & members.keys())
            if present:
                found |= Ecs(self.clients.ecs, calls).describe(cluster, present)
        return found

    def _check(
        self,
        item: DrainItem,
        member: GroupMember | None,
        container: ContainerInstance | None,
        calls: Calls,
        results: _Results,
    ) -> None:
        check, now = item.check, self.now()
        if container is not None and _is_drained_by_another(check, container, is_new=item.is_new):
            _LOG.info("duplicate drain ignored", extra={"instance": check.instance})
            return
        ecs = Ecs(self.clients.ecs, calls)
        found = self._observe(item, member, container, ecs)
        # The heartbeat timeout of the hook is the time that the pool grants.
        rules = InstanceDrainRules(hook_s=item.pool.hook_s, heartbeat_s=item.pool.hook_s)
        decision = decide_instance_drain(check.progress, found, now, rules)
        self._act(item, decision, container, calls)
        if decision.check_again_s is not None:
            following = check.next(decision, self.new_chain(), now)
            marked = container is None or container.drain_owner == following.owner
            arn = "" if container is None or marked else container.arn
            results.next.append(_Next(item=item, check=following, delay_s=decision.check_again_s, arn=arn))

    def _observe(
        self, item: DrainItem, member: GroupMember | None, container: ContainerInstance | None, ecs: Ecs
    ) -> Observation:
        membership = membership_of(member.lifecycle_state if member else None)
        if container is None or membership is not Membership.WAITING:
            return Observation(
                membership=membership, container_status=container.status if container else None
            )
        # A task that ECS counts is certainly not stopped: two lists need not be read.
        tasks = ["RUNNING"] if container.counted else ecs.task_statuses(item.cluster, container.arn)
        return Observation(
            membership=membership, container_status=container.status, task_statuses=tuple(tasks)
        )

    def _act(
        self, item: DrainItem, decision: DrainDecision, container: ContainerInstance | None, calls: Calls
    ) -> None:
        check = item.check
        groups = Groups(self.clients.autoscaling, calls)
        if decision.set_draining and container is not None:
            Ecs(self.clients.ecs, calls).drain(item.cluster, [container.arn])
        if decision.heartbeat:
            groups.heartbeat(check.action, check.instance)
        completed = groups.complete(check.action, check.instance) if decision.complete else False
        if decision.complete or item.is_new:
            _LOG.info(
                "instance drain",
                extra={
                    "instance": check.instance,
                    "group": check.action.group,
                    "reason": decision.reason,
                    "completed": completed,
                    "checks": check.progress.checks,
                },
            )

    def _postpone(self, items: Sequence[DrainItem], error: CallError, results: _Results) -> None:
        """Check again later what failed for now; Lambda and SQS repeat what failed for other reasons."""
        results.error = error
        for item in items:
            fields = {"instance": item.check.instance, "error": str(error)}
            if error.transient:
                _LOG.warning("instance drain postponed", extra=fields)
                decision = DrainDecision(reason="postponed", check_again_s=_POSTPONED_S)
                following = item.check.next(decision, self.new_chain(), self.now())
                results.next.append(_Next(item=item, check=following, delay_s=_POSTPONED_S))
            else:
                _LOG.error("instance drain failed", extra=fields)
                results.failed.append(item.record)

    # After the checks

    def _send_next(self, calls: Calls, results: _Results) -> list[_Next]:
        """Send the next checks; returns those that SQS accepted."""
        messages = [Outgoing(body=each.check.to_json(), delay_s=each.delay_s) for each in results.next]
        url = self.settings.drain_queue_url
        accepted = send_all(self.clients.sqs, calls, url, messages) if messages else []
        sent = []
        for each, ok in zip(results.next, accepted, strict=True):
            if ok:
                sent.append(each)
            else:
                results.failed.append(each.item.record)
        return sent

    def _mark(self, sent: Sequence[_Next], calls: Calls) -> None:
        """Write on container instances which chain of messages drains them, so that duplicates stop.

        Only for messages that were sent: a mark means that a chain exists.
        """
        owners: dict[str, dict[str, str]] = {}
        for each in sent:
            if each.arn:
                owners.setdefault(each.item.cluster, {})[each.arn] = each.check.owner
        for cluster, of_cluster in owners.items():
            try:
                Ecs(self.clients.ecs, calls).set_drain_owners(cluster, of_cluster)
            except CallError as error:  # then a duplicate event starts a second chain, which is harmless
                _LOG.warning("drain not marked", extra={"cluster": cluster, "error": str(error)})


def _is_drained_by_another(check: DrainCheck, container: ContainerInstance, *, is_new: bool) -> bool:
    """Whether another chain of messages drains the instance for the same lifecycle action."""
    same_action = container.drain_owner.startswith(f"{check.action_digest}.")
    return same_action and (is_new or container.drain_owner != check.owner)
