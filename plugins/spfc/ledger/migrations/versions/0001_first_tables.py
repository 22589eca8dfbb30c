"""The first tables: both trees, debt, plans, cursors, leases, runs and their costs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table of version 0.1."""
    op.create_table(
        "source_items",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("parent_id", sa.String),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("fold", sa.Text, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("content_version", sa.Text),
        sa.Column("hash", sa.String),
        sa.Column("flags", sa.String, nullable=False),
        sa.Column("is_root", sa.Boolean, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
    )
    op.create_index("source_items_parent", "source_items", ["route", "parent_id"])
    op.create_table(
        "synced_items",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("parent_id", sa.String),
        sa.Column("source_name", sa.Text, nullable=False),
        sa.Column("target_name", sa.Text, nullable=False),
        sa.Column("fold", sa.Text, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("content_version", sa.Text),
        sa.Column("hash", sa.String),
        sa.Column("target_etag", sa.Text),
        sa.Column("verification", sa.String, nullable=False),
        sa.Column("synced_at", sa.Double, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.UniqueConstraint("route", "parent_id", "fold", name="synced_items_name"),
    )
    op.create_table(
        "debt",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("first_seen", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_code", sa.String, nullable=False),
        sa.Column("next_try", sa.Double, nullable=False),
    )
    _create_plan_tables()
    _create_run_tables()


def _create_plan_tables() -> None:
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.String, primary_key=True),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
    )
    op.create_index("plans_route", "plans", ["route", "created_at"])
    op.create_table(
        "plan_lines",
        sa.Column("plan_id", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("item_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("target_path", sa.Text, nullable=False),
        sa.Column("parent_id", sa.String),
        sa.Column("from_path", sa.Text),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("batch", sa.Integer),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("ended_at", sa.Double),
    )
    op.create_index("plan_lines_batch", "plan_lines", ["plan_id", "batch"])
    op.create_index("plan_lines_item", "plan_lines", ["route", "item_id"])


def _create_run_tables() -> None:
    op.create_table(
        "cursors",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("binding", sa.Text, nullable=False),
        sa.Column("link", sa.Text),
        sa.Column("round_complete", sa.Boolean, nullable=False),
        sa.Column("full_round", sa.Boolean, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("full_at", sa.Double),
        sa.Column("scope", sa.String, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("plan_id", sa.String),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("items_seen", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("totals", sa.Text, nullable=False),
    )
    op.create_index("runs_started", "runs", ["route", "started_at"])
    op.create_table(
        "costs",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("task", sa.String, primary_key=True),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("units", sa.Integer, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """The first version has nothing to go back to."""
    raise NotImplementedError("the ledger is never migrated backwards: restore a backup instead")
