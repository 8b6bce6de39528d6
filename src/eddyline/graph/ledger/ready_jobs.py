"""Which jobs became ready in a transaction, told inside it: what an outbox must publish, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from sqlalchemy import Connection

from eddyline.graph.states import State

OnReady: TypeAlias = Callable[[Connection, Sequence[str]], None]
"""Called with the ids of the jobs that this transaction leaves ready, ascending, just before it commits.

It may read and write in the same transaction, and is called again if the transaction is run again.
"""

_KEY = "eddyline_ready"


def begin(connection: Connection) -> None:
    """Start to note, for one transaction."""
    connection.info[_KEY] = set()


def note(connection: Connection, states: Iterable[tuple[str, str]]) -> None:
    """Take the states of jobs into account as they are written: (id, state)."""
    ready: set[str] | None = connection.info.get(_KEY)
    if ready is not None:
        for name, state in states:
            (ready.add if state == State.READY else ready.discard)(name)


def end(connection: Connection) -> list[str]:
    """The jobs that the transaction leaves ready."""
    return sorted(connection.info.pop(_KEY, ()))
