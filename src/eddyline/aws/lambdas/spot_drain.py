"""The Spot drain function: acts on interruption warnings and rebalance recommendations of Spot groups.

An interruption sets the container instance to DRAINING at once, and the event goes to the coordinators,
which order the workers to drain until the end of the notice. The group launches the replacement by itself.
The ECS agent may set DRAINING too (ECS_ENABLE_SPOT_INSTANCE_DRAINING): either may be first. Instances of
On-Demand groups, of other fleets and those that are gone are ignored with success.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eddyline.aws.lambdas.calls import CallError, Calls, calls_of
from eddyline.aws.lambdas.clients import Clients, shared_clients
from eddyline.aws.lambdas.ecs import Ecs
from eddyline.aws.lambdas.groups import Groups
from eddyline.aws.lambdas.instances import describe_instances
from eddyline.aws.lambdas.json_logs import set_up_logs
from eddyline.aws.lambdas.queues import Outgoing, send_all
from eddyline.aws.lambdas.records import Record, batch_response, records_of
from eddyline.aws.lambdas.settings import PoolSettings, Settings, load_settings
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.names import cluster_name, parse_group
from eddyline.fleet.notices import Malformed, Notice, NoticeKind, Parsed
from eddyline.fleet.rebalance_policy import (
    RebalanceAction,
    RebalancePolicy,
    RebalanceRules,
    Recommended,
    decide_rebalance,
)

_LOG = logging.getLogger("eddyline.lambdas")
_KINDS = frozenset({NoticeKind.INTERRUPTION, NoticeKind.REBALANCE})
_IN_SERVICE = "InService"


def handler(event: Any, context: object) -> dict[str, Any]:  # noqa: ANN401 - Lambda passes any JSON
    """The entry point of the Lambda function."""
    set_up_logs()
    return SpotDrain(settings=_settings(), clients=shared_clients()).run(event, calls_of(context))


@cache
def _settings() -> Settings:
    return load_settings(os.environ)


@dataclass(frozen=True, kw_only=True)
class _Item:
    """A notice about an instance of a Spot group of this fleet."""

    record: Record
    notice: Notice
    group: str
    pool: str
    lifecycle_state: str


@dataclass(frozen=True, kw_only=True)
class SpotDrain:
    """One function. `now` is the time in seconds since 1970."""

    settings: Settings
    clients: Clients
    now: Callable[[], float] = time.time

    def run(self, event: object, calls: Calls) -> dict[str, Any]:
        """Act on the notices of an invocation. Raises if it was invoked directly and failed."""
        records = records_of(event)
        failed: list[Record] = []
        error: CallError | None = None
        try:
            items = self._own(records, calls)
        except CallError as failure:
            items, failed, error = [], list(records), failure
        failed += self._forward(items, calls)
        failed += self._drain([each for each in items if each.notice.kind is NoticeKind.INTERRUPTION], calls)
        failed += self._replace([each for each in items if each.notice.kind is NoticeKind.REBALANCE], calls)
        if any(not record.message_id for record in failed):
            raise error or CallError("Spot drain", "", "failed for now: see the logs", transient=True)
        return batch_response(failed)

    def _own(self, records: Sequence[Record], calls: Calls) -> list[_Item]:
        """The notices about instances of this fleet's Spot groups."""
        notices = [(record, notice) for record in records for notice in _notices(record)]
        if not notices:
            return []
        members = Groups(self.clients.autoscaling, calls).members(notice.instance for _, notice in notices)
        items = []
        for record, notice in notices:
            member = members.get(notice.instance)
            found = parse_group(member.group, self.settings.prefix) if member else None
            if member is None or found is None or not found[1] or found[0] not in self.settings.pools:
                _LOG.info("notice ignored", extra={"instance": notice.instance, "kind": str(notice.kind)})
                continue
            items.append(
                _Item(
                    record=record,
                    notice=notice,
                    group=member.group,
                    pool=found[0],
                    lifecycle_state=member.lifecycle_state,
                )
            )
        return items

    def _forward(self, items: Sequence[_Item], calls: Calls) -> list[Record]:
        """Send the events to the coordinators; returns those that SQS did not accept.

        First: this call is not throttled, and DRAINING may have to wait.
        """
        records = list(dict.fromkeys(item.record for item in items))
        messages = [Outgoing(body=record.body) for record in records]
        accepted = (
            send_all(self.clients.sqs, calls, self.settings.fleet_queue_url, messages) if messages else []
        )
        return [record for record, ok in zip(records, accepted, strict=True) if not ok]

    def _drain(self, items: Sequence[_Item], calls: Calls) -> list[Record]:
        """Set the container instances to DRAINING; returns the notices for which that failed for now."""
        failed: list[Record] = []
        for pool, members in _by(items, lambda item: item.pool).items():
            ecs = Ecs(self.clients.ecs, calls)
            cluster = cluster_name(self.settings.prefix, pool)
            instances = sorted({item.notice.instance for item in members})
            try:
                # Only ACTIVE ones: those that are DRAINING already cost no further call.
                arns = ecs.find(cluster, instances, status="ACTIVE")
                left = ecs.drain(cluster, arns)
            except CallError as error:
                _LOG.warning("Spot drain failed", extra={"cluster": cluster, "error": str(error)})
                failed += [item.record for item in members]
                continue
            if left:  # which of the instances is unknown; a repetition finds only those that are left
                failed += [item.record for item in members]
            _LOG.info(
                "Spot drain",
                extra={"cluster": cluster, "warnings": len(instances), "drained": len(arns) - len(left)},
            )
        return failed

    def _replace(self, items: Sequence[_Item], calls: Calls) -> list[Record]:
        """Replace instances after rebalance recommendations, in the pools that want it."""
        failed: list[Record] = []
        for group, members in _by(items, lambda item: item.group).items():
            pool = self.settings.pools[members[0].pool]
            if pool.rebalance is not RebalancePolicy.REPLACE:
                continue
            try:
                self._replace_in(group, members, pool, calls)
            except CallError as error:
                _LOG.warning("replacement failed", extra={"group": group, "error": str(error)})
                failed += [item.record for item in members]
        return failed

    def _replace_in(self, group: str, items: Sequence[_Item], pool: PoolSettings, calls: Calls) -> None:
        groups = Groups(self.clients.autoscaling, calls)
        described = describe_instances(self.clients.ec2, calls, (item.notice.instance for item in items))
        recommended = [
            Recommended(
                instance=item.notice.instance,
                launched=found.launched if (found := described.get(item.notice.instance)) else None,
                in_service=item.lifecycle_state == _IN_SERVICE,
            )
            for item in items
        ]
        rules = RebalanceRules(policy=pool.rebalance, max_per_hour=pool.max_replacements_per_hour)
        decisions = decide_rebalance(recommended, groups.replacements(group), self.now(), rules)
        for instance, action in decisions.items():
            if action is RebalanceAction.REPLACE:
                groups.replace(instance)
            _LOG.info(
                "rebalance recommendation",
                extra={"instance": instance, "group": group, "decision": str(action)},
            )


def _notices(record: Record) -> list[Notice]:
    result = parse_event(record.body)
    if isinstance(result, Malformed):
        _LOG.warning("message malformed", extra={"error": result.reason})
    if not isinstance(result, Parsed):
        return []
    return [notice for notice in result.notices if notice.kind in _KINDS]


def _by(items: Sequence[_Item], key: Callable[[_Item], str]) -> Mapping[str, list[_Item]]:
    found: dict[str, list[_Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found
