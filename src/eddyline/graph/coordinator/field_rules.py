"""Which values the fields of messages may have: a form for every name, a range for every number.

A message comes from a queue to which many may send. What is outside these bounds is refused where the message
is parsed, so that nothing behind the parser meets an infinite lease, a receipt of 2**60 or a path for an id.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from eddyline.core.name_rules import is_identifier, is_key, is_worker_name

Rule = Callable[[Any], bool]

MOST_LEASE_S = 6 * 3600.0
"""The longest lease that a worker may ask for in a heartbeat: twice what `--lease` allows."""

_LATEST = 1e11  # seconds since 1970, some three thousand years
_MOST_INT = (1 << 31) - 1
_MOST_PRIORITY = 1_000_000
_MOST_WEIGHT = 1e12
_MOST_HELD = 10_000
_MOST_NEEDS = 100_000
_LONGEST_OWNER = 300
_LONGEST_HOST = 255
_DEEPEST = 64
_TOKEN = re.compile(r"([0-9a-f]{32,128})?")


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
            if depth > _DEEPEST:
                return False
            inner = each.values() if isinstance(each, dict) else each
            left.extend((one, depth + 1) for one in inner)
    return True


def _optional(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)


def _between(least: float, most: float) -> Rule:
    return lambda value: least <= value <= most  # false for NaN


def _short(longest: int) -> Rule:
    return lambda text: len(text) <= longest


def _names(most: int) -> Rule:
    return lambda names: len(names) <= most and all(map(is_identifier, names))


def is_token(text: object) -> bool:
    """Whether this is a token, or none: 128 to 512 bits in hexadecimal digits, or empty."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


_TIME = _optional(_between(0, _LATEST))
_COUNT = _between(0, _MOST_INT)

RULES: Mapping[str, Rule] = {
    "id": is_identifier,
    "asset": is_identifier,
    "kind": is_identifier,
    "pool": is_identifier,
    "dependencies": _names(_MOST_NEEDS),
    "optional": _names(_MOST_NEEDS),
    "spec": is_json_object,
    "result": _optional(is_json_object),
    "error": _optional(is_json_object),
    "output": _optional(is_key),
    "priority": _between(-_MOST_PRIORITY, _MOST_PRIORITY),
    "weight": _between(0, _MOST_WEIGHT),
    "owner": _short(_LONGEST_OWNER),
    "max_attempts": _optional(_COUNT),
    "unmet": _COUNT,
    "attempt": _COUNT,
    "starts": _COUNT,
    "interruptions": _COUNT,
    "losses": _COUNT,
    "lease_owner": _optional(is_worker_name),
    "lease_deadline": _TIME,
    "ready_at": _TIME,
    "started": _TIME,
    "finished": _TIME,
    "deadline": _TIME,
    "worker": is_worker_name,
    "job_id": is_identifier,
    "host": _short(_LONGEST_HOST),
    "pid": _COUNT,
    "lease_s": _between(0, MOST_LEASE_S),
    "at": _between(0, _LATEST),
    "holds": _optional(_names(_MOST_HELD)),
    "token": is_token,
    "key": is_token,
}
"""By the name of a field, what its value must be beyond its type; one name means the same everywhere.

The kind of a command is an enumeration of its own, and its job may be empty: see `wire`.
"""
