"""Parts of Eddyline that need more than its base installation, and what to install for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eddyline.core.errors import UsageError


@contextmanager
def require_extra(name: str, what: str) -> Iterator[None]:
    """Import within this what the extra `name` brings; raises `UsageError` where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("eddyline"):
            raise
        raise UsageError(
            f"{what} needs {error.name}, which is not installed", remedy=f"pip install 'eddyline[{name}]'"
        ) from error
