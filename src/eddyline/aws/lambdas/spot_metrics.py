"""The Spot metrics function: sends fleet events to the coordinators, and prints CloudWatch metrics.

An event belongs to this fleet if its Auto Scaling group does, or else if the tags of its instance say so. The
coordinators' record is exact; the metrics may count a duplicate that reaches another execution environment.
"""

from __future__ import annotations

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from eddyline.aws.lambdas.calls import CallError, Calls, calls_of
from eddyline.aws.lambdas.clients import Clients, shared_clients
from eddyline.aws.lambdas.emf import metric_line
from eddyline.aws.lambdas.instances import Ec2Instance, describe_instances
from eddyline.aws.lambdas.json_logs import set_up_logs
from eddyline.aws.lambdas.metric_names import INSTANCE_TYPE, LIFECYCLE, POOL, PREFIX, ZONE, Metric
from eddyline.aws.lambdas.queues import Outgoing, send_all
from eddyline.aws.lambdas.records import Record, batch_response, records_of
from eddyline.aws.lambdas.settings import Settings, load_settings
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.names import parse_group
from eddyline.fleet.notices import Launch, Malformed, Notice, NoticeKind, Parsed

_LOG = logging.getLogger("eddyline.lambdas")
_REMEMBERED = 4096


def handler(event: Any, context: object) -> dict[str, Any]:  # noqa: ANN401 - Lambda passes any JSON
    """The entry point of the Lambda function."""
    set_up_logs()
    return _function().run(event, calls_of(context))


@cache
def _function() -> SpotMetrics:
    return SpotMetrics(settings=load_settings(os.environ), clients=shared_clients())


@dataclass(frozen=True, kw_only=True)
class _Item:
    """A notice, with what is known of its instance. `pool` "": the instance is unknown to EC2."""

    record: Record
    notice: Notice
    pool: str
    spot: bool | None
    described: Ec2Instance | None


@dataclass(kw_only=True)
class SpotMetrics:
    """One function; it remembers which notices it has counted. `emit` prints a line."""

    settings: Settings
    clients: Clients
    now: Callable[[], float] = time.time
    emit: Callable[[str], object] = print
    _counted: OrderedDict[tuple[str, ...], None] = field(default_factory=OrderedDict)

    def run(self, event: object, calls: Calls) -> dict[str, Any]:
        """Forward and count the events of an invocation. Raises if it was invoked directly and failed."""
        records = records_of(event)
        try:
            items = self._own(records, calls)
        except CallError as error:
            _LOG.warning("fleet events failed", extra={"events": len(records), "error": str(error)})
            if any(not record.message_id for record in records):
                raise
            return batch_response(records)
        failed = self._forward(items, calls)
        for item in items:
            if item.record not in failed:
                self._count(item)
        if any(not record.message_id for record in failed):
            raise CallError("SendMessage", "", "not accepted by SQS", transient=True)
        return batch_response(failed)

    def _own(self, records: Sequence[Record], calls: Calls) -> list[_Item]:
        """The notices of this fleet, and those about instances that EC2 no longer knows."""
        notices = [(record, notice) for record in records for notice in _notices(record)]
        wanted = [notice.instance for _, notice in notices if notice.instance and self._may_be_own(notice)]
        described = describe_instances(self.clients.ec2, calls, wanted) if wanted else {}
        items = []
        for record, notice in notices:
            item = self._item(record, notice, described.get(notice.instance))
            if item is not None:
                items.append(item)
        return items

    def _may_be_own(self, notice: Notice) -> bool:
        return not notice.group or self._pool_of_group(notice.group) is not None

    def _item(self, record: Record, notice: Notice, described: Ec2Instance | None) -> _Item | None:
        launch = notice.launch or Launch()
        group = notice.group or (described.group if described else "")
        own = self._pool_of_group(group) if group else None
        if own is not None:
            pool, spot = own
        elif group:
            return None  # a group of another fleet
        elif described or launch.prefix:
            prefix = launch.prefix or (described.prefix if described else "")
            pool = launch.pool or (described.pool if described else "")
            if prefix != self.settings.prefix or pool not in self.settings.pools:
                return None
            spot = described.spot if described else bool(launch.spot)
        else:
            if notice.kind is NoticeKind.LAUNCHED:
                return None  # a launch without a group or tags is not one of a fleet
            return _Item(record=record, notice=notice, pool="", spot=None, described=None)
        return _Item(record=record, notice=notice, pool=pool, spot=spot, described=described)

    def _pool_of_group(self, group: str) -> tuple[str, bool] | None:
        found = parse_group(group, self.settings.prefix)
        return found if found and found[0] in self.settings.pools else None

    def _forward(self, items: Sequence[_Item], calls: Calls) -> set[Record]:
        """Send the events to the coordinators; returns those that SQS did not accept."""
        records = list(dict.fromkeys(item.record for item in items))
        messages = [Outgoing(body=record.body) for record in records]
        accepted = (
            send_all(self.clients.sqs, calls, self.settings.fleet_queue_url, messages) if messages else []
        )
        return {record for record, ok in zip(records, accepted, strict=True) if not ok}

    def _count(self, item: _Item) -> None:
        metric = _metric(item.notice, item.described)
        if metric is None or not item.pool or self._was_counted((metric, *item.notice.identity)):
            return
        launch, described = item.notice.launch or Launch(), item.described
        lifecycle = {None: "", True: "spot", False: "on-demand"}[item.spot]
        dimensions = {
            PREFIX: self.settings.prefix,
            POOL: item.pool,
            INSTANCE_TYPE: launch.type or (described.type if described else ""),
            ZONE: launch.zone or (described.zone if described else ""),
            LIFECYCLE: lifecycle,
        }
        self.emit(metric_line(metric, item.notice.at, self.now(), dimensions))

    def _was_counted(self, identity: tuple[str, ...]) -> bool:
        if identity in self._counted:
            return True
        self._counted[identity] = None
        while len(self._counted) > _REMEMBERED:
            self._counted.popitem(last=False)
        return False


def _notices(record: Record) -> Sequence[Notice]:
    result = parse_event(record.body)
    if isinstance(result, Malformed):
        _LOG.warning("message malformed", extra={"error": result.reason})
    return result.notices if isinstance(result, Parsed) else ()


_METRICS: Mapping[NoticeKind, Metric] = {
    NoticeKind.INTERRUPTION: Metric.INTERRUPTION_WARNINGS,
    NoticeKind.REBALANCE: Metric.REBALANCE_RECOMMENDATIONS,
    NoticeKind.LAUNCH_FAILED: Metric.LAUNCH_FAILURES,
    NoticeKind.TERMINATED_BY_GROUP: Metric.TERMINATIONS,
}


def _metric(notice: Notice, described: Ec2Instance | None) -> Metric | None:
    """The metric that counts a notice; None: it is counted by another notice, or not at all."""
    if notice.kind is NoticeKind.LAUNCHED:
        # Of the events about one launch, only the group's own counts: it is the one that has an activity.
        return Metric.LAUNCHES if notice.activity else None
    if notice.kind is NoticeKind.TERMINATED:
        return Metric.INTERRUPTIONS if described and described.interrupted else None
    if notice.kind is NoticeKind.SCALE_IN:
        # After an interruption the group runs its hook too, for an instance that has ended.
        return None if described and described.ended else Metric.SCALE_INS
    return _METRICS.get(notice.kind)
