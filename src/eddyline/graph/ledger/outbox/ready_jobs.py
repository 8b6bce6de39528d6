"""Tracks which jobs become ready in a transaction, so that the outbox gets them in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from sqlalchemy import Connection

from eddyline.graph.states import State

OnReady: TypeAlias = Callable[[Connection, Sequence[str]], None]
"""Called just before the commit with the ids, ascending, of the jobs that the transaction leaves ready.

It may read and write in the same transaction, and is called again if the transaction is run again.
"""

_KEY = "eddyline_ready"


def start_tracking(connection: Connection) -> None:
    """Start to track the jobs of one transaction."""
    connection.info[_KEY] = set()


def track(connection: Connection, states: Iterable[tuple[str, str]]) -> None:
    """Record states of jobs that are written: pairs of id and state. No effect unless tracking."""
    ready: set[str] | None = connection.info.get(_KEY)
    if ready is not None:
        for name, state in states:
            (ready.add if state == State.READY else ready.discard)(name)


def stop_tracking(connection: Connection) -> list[str]:
    """Stop to track; returns the ids of the jobs that are ready now."""
    return sorted(connection.info.pop(_KEY, ()))
