"""Values from outside, shortened for messages and logs."""

from __future__ import annotations

_LONGEST = 80
_LARGE = 10**30


def shown(value: object, longest: int = _LONGEST) -> str:
    """`value` as printable ASCII of at most `longest` characters; never raises.

    Containers are named by their type only: the text of a deeply nested one would exhaust the stack, and
    the text of a very large integer is refused by Python itself.
    """
    if isinstance(value, str):
        return ascii(value[:longest])[:longest]
    if isinstance(value, int) and not -_LARGE < value < _LARGE:
        return "a very large integer"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return f"a value of type {type(value).__name__[:longest]}"
