"""Alembic runs this file: it applies the migrations on the connection that the ledger hands over."""

from __future__ import annotations

from alembic import context

from spfc.ledger.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, version_table="spfc_version")
context.run_migrations()
