"""Budgets that all workers share: units per tenant and app, bandwidth per route."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables; they begin empty."""
    op.create_table(
        "budgets",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("rate", sa.Double, nullable=False),
        sa.Column("base", sa.Double, nullable=False),
        sa.Column("level", sa.Double, nullable=False),
        sa.Column("level_at", sa.Double, nullable=False),
        sa.Column("signal_at", sa.Double, nullable=False),
        sa.Column("limit", sa.Integer, nullable=False),
        sa.Column("pause_until", sa.Double, nullable=False),
        sa.Column("paused_by", sa.String, nullable=False),
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("minute_units", sa.BigInteger, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("day_units", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "budget_shares",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("holder", sa.String, primary_key=True),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Ledgers are never migrated backwards."""
    raise NotImplementedError("the ledger is never migrated backwards: restore a backup instead")
