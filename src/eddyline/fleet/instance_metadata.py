"""What a machine's own metadata says of its end (IMDSv2), parsed. Pure, and never raises.

Paths and answers are those of the EC2 User Guide ("Spot Instance interruption notices", "Rebalance
recommendations") and the Auto Scaling User Guide ("Retrieve the target lifecycle state").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from eddyline.core.formatting import short_repr
from eddyline.fleet.notices import Ignored, Malformed, Notice, NoticeKind, Parsed, ParseResult, parse_time

_LONGEST = 4096


def _action(text: str, now: float) -> ParseResult:
    body = _object(text)
    action = body.get("action")
    if not isinstance(action, str) or action not in {"terminate", "stop", "hibernate"}:
        raise ValueError(f"action is {short_repr(action)}")
    # Hibernation begins at once, whatever time is given.
    deadline = now if action == "hibernate" else parse_time(body.get("time"))
    return _heard(NoticeKind.INTERRUPTION, now, f"Spot interruption ({action})", deadline)


def _recommendation(text: str, _now: float) -> ParseResult:
    return _heard(
        NoticeKind.REBALANCE, parse_time(_object(text).get("noticeTime")), "rebalance recommendation", None
    )


def _target(text: str, now: float) -> ParseResult:
    state = text.strip()
    # "Terminated" from the moment at which the group decides, however long its hook holds the machine.
    if state == "Terminated":
        return _heard(NoticeKind.SCALE_IN, now, "scale-in", None)
    return Ignored(reason=f"the group wants it {state[:40]!r}")


def _heard(kind: NoticeKind, at: float, reason: str, deadline: float | None) -> ParseResult:
    return Parsed(notices=(Notice(kind=kind, at=at, deadline=deadline, reason=reason),))


def _object(text: str) -> Mapping[str, Any]:
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all that is not as documented
    return body


PARSERS: Mapping[str, Callable[[str, float], ParseResult]] = {
    "spot/instance-action": _action,
    "events/recommendations/rebalance": _recommendation,
    "autoscaling/target-lifecycle-state": _target,
}
"""Below /latest/meta-data/: what to ask for, and who reads the answer."""


def parse_metadata(path: str, answer: str | None, now: float) -> ParseResult:
    """What the answer for `path` (one of `PARSERS`) says at `now`; None: there was none (404)."""
    if answer is None:
        return Ignored(reason="nothing is said")
    if len(answer) > _LONGEST:
        return Malformed(reason=f"{path}: {len(answer)} characters")
    try:
        return PARSERS[path](answer, now)
    except (ValueError, RecursionError) as error:
        return Malformed(reason=f"{path}: {str(error)[:200]}")
