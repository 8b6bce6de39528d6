"""Parses the events of Amazon EC2: interruptions, rebalance recommendations, states, Spot requests.

Instance ids are read from `detail` only: the format of ARNs differs between events.
"""

from __future__ import annotations

from eddyline.fleet.events.envelope import Envelope, instance_id, text
from eddyline.fleet.notices import Ignored, Launch, NoticeKind, ParseResult

INTERRUPTION_WARNING_S = 120.0
"""Seconds from notice to interruption (EC2 User Guide, "Spot Instance interruption notices")."""

_STATES = {"running": NoticeKind.RUNNING, "terminated": NoticeKind.TERMINATED}


def parse_interruption(event: Envelope) -> ParseResult:
    """EC2 Spot Instance Interruption Warning."""
    action = text(event.detail, "instance-action")
    # Hibernation starts with the notice, without a delay of two minutes.
    deadline = event.at if action == "hibernate" else event.at + INTERRUPTION_WARNING_S
    return event.parsed(
        NoticeKind.INTERRUPTION,
        instance=instance_id(event.detail, "instance-id"),
        deadline=deadline,
        reason=f"Spot interruption ({action[:40]})",
    )


def parse_rebalance(event: Envelope) -> ParseResult:
    """EC2 Instance Rebalance Recommendation."""
    return event.parsed(
        NoticeKind.REBALANCE,
        instance=instance_id(event.detail, "instance-id"),
        reason="rebalance recommendation",
    )


def parse_state_change(event: Envelope) -> ParseResult:
    """EC2 Instance State-change Notification: `running` and `terminated`; other states are ignored."""
    state = text(event.detail, "state")
    if state not in _STATES:
        return Ignored(reason=f"the state {state[:80]}")
    return event.parsed(_STATES[state], instance=instance_id(event.detail, "instance-id"), reason=state)


def parse_fulfillment(event: Envelope) -> ParseResult:
    """EC2 Spot Instance Request Fulfillment: a launch through EC2 Fleet."""
    return event.parsed(
        NoticeKind.LAUNCHED,
        instance=instance_id(event.detail, "instance-id"),
        reason="launched",
        launch=Launch(spot=True),
    )
