"""Reads the input of the general drain function: lifecycle events, and its own messages."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from eddyline.aws.lambdas.drain_check import DrainCheck, check_of_notice, parse_check
from eddyline.aws.lambdas.records import Record
from eddyline.aws.lambdas.settings import PoolSettings, Settings
from eddyline.core.formatting import short_repr
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.names import cluster_name, hook_name, parse_group
from eddyline.fleet.notices import Malformed, NoticeKind, Parsed

_LOG = logging.getLogger("eddyline.lambdas")


@dataclass(frozen=True, kw_only=True)
class DrainItem:
    """A check to make in `cluster`; `is_new`: it is the lifecycle event itself."""

    record: Record
    check: DrainCheck
    cluster: str
    pool: PoolSettings
    is_new: bool


def read_item(record: Record, settings: Settings) -> DrainItem | None:
    """The check that a record asks for; None: it is malformed, foreign or another event."""
    try:
        check = parse_check(record.body)
    except (ValueError, RecursionError) as error:
        _LOG.warning("message malformed", extra={"error": short_repr(str(error))})
        return None
    if check is not None:
        return _item(record, check, settings, is_new=False)
    result = parse_event(record.body)
    if isinstance(result, Malformed):
        _LOG.warning("message malformed", extra={"error": result.reason})
    if isinstance(result, Parsed):
        for notice in result.notices:
            if notice.kind is NoticeKind.SCALE_IN:
                return _item(record, check_of_notice(notice), settings, is_new=True)
    return None


def _item(record: Record, check: DrainCheck, settings: Settings, *, is_new: bool) -> DrainItem | None:
    """The check of an instance of this fleet; None for a foreign group, or for the hook of another tool."""
    found = parse_group(check.action.group, settings.prefix)
    pool = settings.pools.get(found[0]) if found else None
    if found is None or pool is None or check.action.hook != hook_name(settings.prefix):
        return None
    cluster = cluster_name(settings.prefix, found[0])
    return DrainItem(record=record, check=check, cluster=cluster, pool=pool, is_new=is_new)
