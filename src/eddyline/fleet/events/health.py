"""Parses AWS Health events: scheduled changes of EC2 instances, such as a retirement or a reboot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from eddyline.core.formatting import short_repr
from eddyline.fleet.events.envelope import Envelope, EventError, list_of, optional_text, text
from eddyline.fleet.notices import INSTANCE_ID, Ignored, NoticeKind, Parsed, ParseResult, parse_time

_MAX_ENTITIES = 1000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP_DATE = re.compile(
    rf"[A-Z][a-z]{{2}}, (\d{{1,2}}) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)


def parse_health_event(event: Envelope) -> ParseResult:
    """AWS Health Event: a notice for each affected instance, if it is a scheduled change of EC2."""
    detail = event.detail
    if detail.get("service") != "EC2" or detail.get("eventTypeCategory") != "scheduledChange":
        return Ignored(
            reason="not a scheduled change of EC2: "
            f"{short_repr(detail.get('service'))}, {short_repr(detail.get('eventTypeCategory'))}"
        )
    entities = list_of(detail, "affectedEntities", _MAX_ENTITIES)
    if entities is None:
        raise EventError("detail.affectedEntities is not a list of entities")
    found = [optional_text(each, "entityValue") for each in entities if isinstance(each, Mapping)]
    instances = [each for each in found if INSTANCE_ID.fullmatch(each)]
    if not instances:
        return Ignored(reason="a scheduled change without instances")
    code, arn = text(detail, "eventTypeCode"), text(detail, "eventArn")
    deadline = _start_time(optional_text(detail, "startTime"))
    return Parsed(
        notices=tuple(
            event.notice(
                NoticeKind.SCHEDULED_CHANGE,
                instance=instance,
                deadline=deadline,
                reason=code[:255],
                activity=arn,
            )
            for instance in dict.fromkeys(instances)
        )
    )


def _start_time(found: str) -> float | None:
    """The time of the change: as documented ("Sat, 05 Jun 2016 15:10:09 GMT") or in ISO 8601.

    Returns None for other forms: the change is known even if its time is not.
    """
    try:
        if match := _HTTP_DATE.fullmatch(found):
            day, month, year, hour, minute, second = match.groups()
            when = datetime(  # `strptime` depends on the locale, and takes longer to import
                int(year),
                _MONTHS.index(month) + 1,
                int(day),
                int(hour),
                int(minute),
                int(second),
                tzinfo=UTC,
            )
            found = when.isoformat()
        return parse_time(found)
    except ValueError:
        return None
