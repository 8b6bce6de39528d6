"""Renames tables and columns to the field's standard terms: pools, start tags, dependencies and commands.

The cost of renaming does not depend on the number of rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_COLUMNS = (
    ("jobs", "cls", "pool"),
    ("jobs", "turn", "start_tag"),
    ("outbox", "cls", "pool"),
    ("outbox", "turn", "start_tag"),
    ("needs", "need_id", "dependency_id"),
)


def upgrade() -> None:
    """Rename in place: indexes follow their columns on both databases."""
    # Not Alembic's `alter_column`, which copies the table on SQLite.
    for table, old, new in _COLUMNS:
        op.execute(sa.text(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}"))
    op.drop_index("needs_need", "needs")
    op.rename_table("needs", "dependencies")
    op.create_index("dependencies_dependency", "dependencies", ["dependency_id"])
    op.rename_table("orders", "commands")
