"""Parses the EC2 instance metadata (IMDSv2) that announces a termination. Pure; never raises.

Paths and formats are those of the EC2 User Guide ("Spot Instance interruption notices", "Rebalance
recommendations") and the Auto Scaling User Guide ("Retrieve the target lifecycle state").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from eddyline.core.formatting import short_repr
from eddyline.fleet.notices import Ignored, Malformed, Notice, NoticeKind, Parsed, ParseResult, parse_time

_MAX_LENGTH = 4096


def _parse_instance_action(text: str, now: float) -> ParseResult:
    body = _object(text)
    action = body.get("action")
    if not isinstance(action, str) or action not in {"terminate", "stop", "hibernate"}:
        raise ValueError(f"action is {short_repr(action)}")
    # Hibernation starts at once; the time in the notice does not matter.
    deadline = now if action == "hibernate" else parse_time(body.get("time"))
    return _parsed(NoticeKind.INTERRUPTION, now, f"Spot interruption ({action})", deadline)


def _parse_recommendation(text: str, _now: float) -> ParseResult:
    at = parse_time(_object(text).get("noticeTime"))
    return _parsed(NoticeKind.REBALANCE, at, "rebalance recommendation", None)


def _parse_target_state(text: str, now: float) -> ParseResult:
    state = text.strip()
    # "Terminated" from the group's decision on, before a lifecycle hook completes.
    if state == "Terminated":
        return _parsed(NoticeKind.SCALE_IN, now, "scale-in", None)
    return Ignored(reason=f"target lifecycle state {state[:40]!r}")


def _parsed(kind: NoticeKind, at: float, reason: str, deadline: float | None) -> ParseResult:
    return Parsed(notices=(Notice(kind=kind, at=at, deadline=deadline, reason=reason),))


def _object(text: str) -> Mapping[str, Any]:
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all undocumented content
    return body


PARSERS: Mapping[str, Callable[[str, float], ParseResult]] = {
    "spot/instance-action": _parse_instance_action,
    "events/recommendations/rebalance": _parse_recommendation,
    "autoscaling/target-lifecycle-state": _parse_target_state,
}
"""The paths to poll, below /latest/meta-data/, with the parser of each response."""


def parse_metadata(path: str, response: str | None, now: float) -> ParseResult:
    """Parse the response for `path` (one of `PARSERS`) received at `now`; None: not found (404)."""
    if response is None:
        return Ignored(reason="not found")
    if len(response) > _MAX_LENGTH:
        return Malformed(reason=f"{path}: {len(response)} characters")
    try:
        return PARSERS[path](response, now)
    except (ValueError, RecursionError) as error:
        return Malformed(reason=f"{path}: {str(error)[:200]}")
