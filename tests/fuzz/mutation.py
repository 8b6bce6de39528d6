"""Hypothesis strategies for hostile JSON: arbitrary values, and valid messages with replaced values."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

DEEP = "[" * 900 + "]" * 900
"""JSON that `json.loads` still accepts, nested too deeply for `repr` inside a call."""

_HOSTILE: list[Any] = [
    *([], {}, [[]], {"": {}}, [None], "", "\0", "\ud800", "..", "../..", "/", "~", "a/../b", "x" * 5000),
    *(0, -1, 1 << 31, 1 << 63, 1 << 200, -(1 << 200), 0.5, -0.0, 1e299, 1e308, float("inf"), float("nan")),
    *(None, True, False, json.loads(DEEP)),
]


def hostile() -> st.SearchStrategy[Any]:
    """A value of any type; unusual values are frequent."""
    return st.sampled_from(_HOSTILE).map(_copied) | values()


def _copied(value: Any) -> Any:
    """A copy: values put into a message may be mutated themselves."""
    return json.loads(json.dumps(value))


def values() -> st.SearchStrategy[Any]:
    """Any small JSON value, with the infinities and NaN that Python's parser accepts too."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )


@st.composite
def mutated(draw: st.DrawFn, messages: list[Any]) -> Any:
    """One of `messages` with one to three of its values, at any depth, replaced or removed."""
    message = _copied(draw(st.sampled_from(messages)))
    for _ in range(draw(st.integers(1, 3))):
        positions = list(_positions(message))
        if not positions:
            break
        holder, key = draw(st.sampled_from(positions))
        if isinstance(holder, dict) and draw(st.integers(0, 4)) == 0:
            del holder[key]
        else:
            holder[key] = draw(hostile())
    return message


def _positions(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value, without recursion: inserted values may be deep."""
    found: list[tuple[Any, Any]] = []
    left = [value]
    while left:
        each = left.pop()
        inner = list(each.items()) if isinstance(each, dict) else list(enumerate(each))
        for key, one in inner:
            found.append((each, key))
            if isinstance(one, dict | list) and len(found) < 500:
                left.append(one)
    return found
