"""Matches events with EventBridge patterns, as far as the rules of the fleet use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether the event has, for each key of the pattern, a value that one of the alternatives accepts."""
    return all(key in event and _accepts(wanted, event[key]) for key, wanted in pattern.items())


def _accepts(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and matches(wanted, value)
    for each in wanted:
        if isinstance(each, Mapping):
            if set(each) != {"prefix"}:
                raise AssertionError(f"an operator that this matcher does not have: {each}")
            if isinstance(value, str) and value.startswith(each["prefix"]):
                return True
        elif each == value:
            return True
    return False
