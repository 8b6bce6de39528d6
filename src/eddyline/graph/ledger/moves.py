"""Moves open jobs to another pool: after the failure of a device, its jobs must not wait for its pool."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from eddyline.graph.job import Move
from eddyline.graph.ledger.rows import lock, write
from eddyline.graph.states import OPEN, State


def apply_moves(connection: Connection, moves: Sequence[Move]) -> int:
    """Move those of the jobs that are open and in another pool; returns their number.

    A ready job gets a place at the end of its owner's queue in the new pool, and, with queues, is published
    again: its earlier message does not count any more. A running one stays with its worker.
    """
    pools = {move.job_id: move.pool for move in moves}
    moved = []
    for record in lock(connection, pools).values() if pools else ():
        if record.state in OPEN and record.pool != pools[record.job_id]:
            record.pool = pools[record.job_id]
            if record.state == State.READY:
                record.start_tag = None
            moved.append(record)
    if moved:
        write(connection, moved, ("pool", "start_tag"))
    return len(moved)
