"""Tasks that run every few minutes, in one of several coordinators at a time.

The coordinator that moves the due time of a task runs it. If it is killed while it does, any other one runs
the task at the next due time, so a task must be harmless when it is cut off and repeated.
"""

from __future__ import annotations

from sqlalchemy import Connection, update

from eddyline.graph.db.insert_if_absent import insert_if_absent
from eddyline.graph.db.schema import periodic_tasks


def take(connection: Connection, name: str, *, every_s: float, now: float) -> bool:
    """Whether the caller runs this task now; if so, it is due again in `every_s`."""
    insert_if_absent(connection, periodic_tasks, [{"name": name, "due": 0.0}])
    # Another transaction that changes the row is waited for; then this condition is evaluated again.
    is_due = (periodic_tasks.c.name == name) & (periodic_tasks.c.due <= now)
    changed = connection.execute(update(periodic_tasks).where(is_due).values(due=now + every_s))
    return bool(changed.rowcount)
