"""Optional dependencies: features that need an extra of the installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eddyline.core.errors import UsageError


@contextmanager
def require_extra(name: str, what: str) -> Iterator[None]:
    """Import the packages of the extra `name` within this context; raises `UsageError` if one is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("eddyline"):
            raise
        raise UsageError(
            f"{what} requires {error.name}, which is not installed",
            remedy=f"run pip install 'eddyline[{name}]'",
        ) from error
