"""Progress of big uploads, so that another process can go on where one died; and when old copies were read back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables; they begin empty."""
    op.create_table(
        "uploads",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("item_id", sa.String, primary_key=True),
        sa.Column("target_path", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("stream_version", sa.Text),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("chunk_size", sa.BigInteger, nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("suspect", sa.Boolean, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
    op.create_table(
        "scrubs",
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("verified_at", sa.Double, nullable=False),
    )
    op.create_index("scrubs_newest", "scrubs", ["route", "verified_at"])


def downgrade() -> None:
    """Ledgers are never migrated backwards."""
    raise NotImplementedError("the ledger is never migrated backwards: restore a backup instead")
