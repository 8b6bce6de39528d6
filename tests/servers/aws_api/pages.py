"""Pages of list operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tests.servers.aws_api.protocols import ApiError

_T = TypeVar("_T")


def page(found: Sequence[_T], most: int, token: str | None) -> tuple[list[_T], str | None]:
    """A page of at most `most` items, and the token of the next page (None: the last page)."""
    if token and not token.startswith("page-"):
        raise ApiError("InvalidNextToken", f"not a token: {token}")
    start = int(token.removeprefix("page-")) if token else 0
    end = start + most
    return list(found[start:end]), f"page-{end}" if end < len(found) else None
