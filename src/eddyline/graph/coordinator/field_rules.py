"""The type and the bounds of each field of a message, by the field's name.

Many may send messages to a queue. A value outside these bounds is rejected when the message is parsed, so
that no other code meets an infinite lease, a receipt of 2**60 or a path as an id.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from eddyline.core.name_rules import is_identifier, is_key, is_worker_name
from eddyline.graph.command import CommandKind
from eddyline.graph.job import MAX_CPU_S
from eddyline.graph.machine import LIFECYCLES, MAX_SLOTS, MAX_VCPU, is_instance, is_instance_type, is_zone
from eddyline.graph.messages import STRIDE
from eddyline.graph.states import State

MAX_LEASE_S = 6 * 3600.0
"""The longest lease that a heartbeat may request: twice the maximum of `--lease`."""

MAX_HELD = 10_000
"""The maximum number of jobs that a heartbeat may list."""

MAX_FENCE = STRIDE << 40
"""Fences in messages are less."""

_MAX_TIME = 1e11  # seconds since 1970, some three thousand years
_MAX_INT = (1 << 31) - 1
_MAX_PRIORITY = 1_000_000
_MAX_WEIGHT = 1e12
_MAX_DEPENDENCIES = 100_000
_MAX_TEXT = 2000  # characters of a name, a key or a reason
_MAX_OWNER = 300
_MAX_HOST = 255
_MAX_DEPTH = 64
_TOKEN = re.compile(r"([0-9a-f]{32,128})?")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def is_json_object(value: object) -> bool:
    """Whether this is a JSON object, nested at most 64 deep, with finite numbers; does not recurse."""
    if not isinstance(value, dict):
        return False
    left: list[tuple[object, int]] = [(value, 1)]
    while left:
        each, depth = left.pop()
        if isinstance(each, float) and not math.isfinite(each):
            return False
        if isinstance(each, dict | list | tuple):
            if depth > _MAX_DEPTH:
                return False
            inner = each.values() if isinstance(each, dict) else each
            left.extend((one, depth + 1) for one in inner)
    return True


def is_token(text: str) -> bool:
    """Whether this is a token of 128 to 512 bits in hexadecimal digits, or empty."""
    return _TOKEN.fullmatch(text) is not None


def _is_storable(text: str) -> bool:
    """Whether the database accepts this as text."""
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def _check(is_valid: Callable[[Any], bool]) -> AfterValidator:
    def check(value: Any) -> Any:  # noqa: ANN401 - any type of field
        if not is_valid(value):
            raise ValueError("not allowed here")
        return value

    return AfterValidator(check)


_Text = Annotated[str, Field(max_length=_MAX_TEXT), _check(_is_storable)]
_Identifier = Annotated[_Text, _check(is_identifier)]
_Worker = Annotated[_Text, _check(is_worker_name)]
_Token = Annotated[_Text, _check(is_token)]
# JSON has no tuples, so a list is accepted; `strict` still applies to its items.
_Identifiers = Annotated[
    tuple[_Identifier, ...], Field(max_length=_MAX_DEPENDENCIES, strict=False, fail_fast=True)
]
_HeldJobs = Annotated[tuple[_Identifier, ...], Field(max_length=MAX_HELD, strict=False, fail_fast=True)]
_Object = Annotated[Any, _check(is_json_object)]
_Count = Annotated[int, Field(ge=0, le=_MAX_INT)]
_Fence = Annotated[int, Field(ge=0, lt=MAX_FENCE)]
_Time = Annotated[float, Field(ge=0, le=_MAX_TIME, allow_inf_nan=False)]

FIELD_TYPES: Mapping[str, Any] = {
    "id": _Identifier,
    "asset": _Identifier,
    "kind": _Identifier,
    "pool": _Identifier,
    "dependencies": _Identifiers,
    "optional": _Identifiers,
    "spec": _Object,
    "result": _Object | None,
    "error": _Object | None,
    "output": Annotated[_Text, _check(is_key)] | None,
    "spawn": Any,  # parsed before
    "outcome": Any,  # parsed before
    "retry": bool,
    "priority": Annotated[int, Field(ge=-_MAX_PRIORITY, le=_MAX_PRIORITY)],
    "weight": Annotated[float, Field(ge=0, le=_MAX_WEIGHT, allow_inf_nan=False)],
    "owner": Annotated[_Text, Field(max_length=_MAX_OWNER)],
    "state": Annotated[State, Field(strict=False)],
    "max_attempts": _Count | None,
    "unmet": _Count,
    "attempt": _Count,
    "starts": _Count,
    "interruptions": _Count,
    "losses": _Count,
    "fence": _Fence,
    "base": _Fence,
    "lease_owner": _Worker | None,
    "lease_deadline": _Time | None,
    "ready_at": _Time | None,
    "started": _Time | None,
    "finished": _Time | None,
    "deadline": _Time | None,
    "worker": _Worker,
    "job_id": _Identifier,
    "host": Annotated[_Text, Field(max_length=_MAX_HOST)],
    "pid": _Count,
    "lease_s": Annotated[float, Field(ge=0, le=MAX_LEASE_S, allow_inf_nan=False)],
    "at": _Time,
    "holds": _HeldJobs | None,
    "token": _Token,
    "key": _Token,
    "machine": Any,  # parsed before
    "progress": Any,  # parsed before
    "cpu_s": Annotated[float, Field(ge=0, le=MAX_CPU_S, allow_inf_nan=False)] | None,
    "entry": None,  # only submissions enter assets into the catalogue, never workers
    "fraction": Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None,
    "over": bool,
    "reason": _Text,
}
"""The pydantic type of each field; a name means the same in all messages, except in commands."""

COMMAND_FIELD_TYPES: Mapping[str, Any] = {
    **FIELD_TYPES,
    "kind": Annotated[CommandKind, Field(strict=False)],
    "job_id": Annotated[_Text, _check(lambda name: name == "" or is_identifier(name))],
}
"""The types of a command's fields: its kind is an enumeration, and a drain command has no job."""

MACHINE_FIELD_TYPES: Mapping[str, Any] = {
    "pool": Annotated[_Text, _check(lambda name: name == "" or is_identifier(name))],
    "instance": Annotated[_Text, _check(is_instance)],
    "instance_type": Annotated[_Text, _check(is_instance_type)],
    "zone": Annotated[_Text, _check(is_zone)],
    "lifecycle": Annotated[_Text, _check(LIFECYCLES.__contains__)],
    "vcpu": Annotated[int, Field(ge=1, le=MAX_VCPU)] | None,
    "slots": Annotated[int, Field(ge=1, le=MAX_SLOTS)] | None,
}
"""The types of the fields of a machine: what is unknown is empty or None."""
