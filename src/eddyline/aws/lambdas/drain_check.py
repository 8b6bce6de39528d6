"""The message with which the general drain function continues the drain of an instance, as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from eddyline.fleet.drain.instances import DrainDecision, DrainProgress
from eddyline.fleet.notices import INSTANCE_ID, LifecycleAction, Notice

_KIND = "drain-check"
_MAX_LENGTH = 8192
_MAX_TEXT = 1600  # of a group's name
_MAX_COUNT = 10_000
_MAX_TIME = 4_102_444_800.0
_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class DrainCheck:
    """The drain of one instance: its lifecycle action and what was done so far.

    `chain` identifies the chain of messages; "" before the first one.
    """

    instance: str
    action: LifecycleAction
    progress: DrainProgress
    chain: str = ""

    @property
    def owner(self) -> str:
        """The value by which a container instance names the chain that drains it: action and chain."""
        return f"{self.action_digest}.{self.chain}"

    @property
    def action_digest(self) -> str:
        """A short name of the lifecycle action, with the characters that ECS allows in an attribute."""
        return hashlib.sha256(self.action.token.encode(errors="replace")).hexdigest()[:_DIGITS]

    def next(self, decision: DrainDecision, chain: str, now: float) -> DrainCheck:
        """The check that follows after `decision`."""
        progress = replace(
            self.progress,
            checks=self.progress.checks + 1,
            heartbeats=self.progress.heartbeats + decision.heartbeat,
            last_heartbeat=now if decision.heartbeat else self.progress.last_heartbeat,
        )
        return replace(self, progress=progress, chain=self.chain or chain)

    def to_json(self) -> str:
        """The text of the message."""
        return json.dumps({"kind": _KIND, **asdict(self)})


def check_of_notice(notice: Notice) -> DrainCheck:
    """The first check for a scale-in notice, which has a lifecycle action."""
    if notice.lifecycle is None:
        raise ValueError("a notice without a lifecycle action")
    return DrainCheck(
        instance=notice.instance, action=notice.lifecycle, progress=DrainProgress(started=notice.at)
    )


def parse_check(text: str) -> DrainCheck | None:
    """The check of a message; None: it is another message. Raises ValueError if the message is malformed."""
    if len(text) > _MAX_LENGTH or f'"{_KIND}"' not in text:
        return None
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("kind") != _KIND:
        return None
    action, progress = _object(found, "action"), _object(found, "progress")
    instance = _text(found, "instance")
    if not INSTANCE_ID.fullmatch(instance):
        raise ValueError("instance is not an instance id")
    last = progress.get("last_heartbeat")
    return DrainCheck(
        instance=instance,
        action=LifecycleAction(
            group=_text(action, "group"), hook=_text(action, "hook"), token=_text(action, "token")
        ),
        progress=DrainProgress(
            started=_number(progress, "started", _MAX_TIME),
            checks=int(_number(progress, "checks", _MAX_COUNT)),
            heartbeats=int(_number(progress, "heartbeats", _MAX_COUNT)),
            last_heartbeat=None if last is None else _number(progress, "last_heartbeat", _MAX_TIME),
        ),
        chain=_text(found, "chain"),
    )


def _object(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key)
    if not isinstance(value, dict):
        raise ValueError(f"{key} is not an object")  # noqa: TRY004 - one error for all malformed messages
    return value


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise ValueError(f"{key} is not a text")
    return value


def _number(found: Mapping[str, Any], key: str, most: float) -> float:
    value = found.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{key} is not a number between 0 and {most:g}")
    return float(value)
