"""Indexes that keep a small change in a large library small: its root, its folders, the lines of one batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ITEMS = sa.table("source_items", sa.column("kind", sa.String), sa.column("is_root", sa.Boolean))
_LINES = sa.table("plan_lines", sa.column("batch", sa.Integer))


def upgrade() -> None:
    """Add partial indexes; the one of batches leaves out the lines that belong to none."""
    _partial("source_items_folders", "source_items", ["route", "id"], _ITEMS.c.kind != sa.literal("file"))
    _partial("source_items_root", "source_items", ["route"], _ITEMS.c.is_root.is_(True))
    op.drop_index("plan_lines_batch", "plan_lines")
    _partial("plan_lines_batch", "plan_lines", ["plan_id", "batch"], _LINES.c.batch.is_not(None))


def _partial(name: str, table: str, columns: list[str], where: sa.ColumnElement[bool]) -> None:
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Return to the indexes of version 0.1."""
    op.drop_index("plan_lines_batch", "plan_lines")
    op.create_index("plan_lines_batch", "plan_lines", ["plan_id", "batch"])
    op.drop_index("source_items_root", "source_items")
    op.drop_index("source_items_folders", "source_items")
