"""Progress of big uploads that have not ended: one row for each, struck off with the outcome of its line."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from spfc.ledger.rows import chunks, upsert
from spfc.ledger.schema import uploads

KEPT_SECONDS = 14 * 86400.0
"""How long the progress of an upload is kept that nobody goes on with (FileCloud cleans partial uploads up itself)."""


@dataclass(frozen=True, slots=True)
class UploadRow:
    """See :data:`spfc.ledger.schema.uploads`. Sizes are bytes; ``state`` holds hashes only."""

    item_id: str
    target_path: str
    version: str
    stream_version: str | None
    size: int
    chunk_size: int
    sent: int
    state: Mapping[str, object]
    suspect: bool


def load_upload(connection: Connection, route: str, item_id: str) -> UploadRow | None:
    """Return the progress of an item's upload, None when none is known."""
    query = select(uploads).where(uploads.c.route == route, uploads.c.item_id == item_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return UploadRow(
        row["item_id"], row["target_path"], row["version"], row["stream_version"], row["size"], row["chunk_size"],
        row["sent"], json.loads(row["state"]), row["suspect"],
    )  # fmt: skip


def store_upload(connection: Connection, route: str, now: float, row: UploadRow) -> None:
    """Write progress down in the place of what was known."""
    values = {
        "route": route, "item_id": row.item_id, "target_path": row.target_path, "version": row.version,
        "stream_version": row.stream_version, "size": row.size, "chunk_size": row.chunk_size, "sent": row.sent,
        "state": json.dumps(dict(row.state)), "suspect": row.suspect, "updated_at": now,
    }  # fmt: skip
    upsert(connection, uploads, [values])


def forget_uploads(connection: Connection, route: str, item_ids: Collection[str]) -> None:
    """Strike off the progress of items, if there is any."""
    for piece in chunks(item_ids):
        connection.execute(delete(uploads).where(uploads.c.route == route, uploads.c.item_id.in_(piece)))


def prune_uploads(connection: Connection, route: str, now: float) -> None:
    """Forget progress that is too old to be worth anything."""
    connection.execute(delete(uploads).where(uploads.c.route == route, uploads.c.updated_at < now - KEPT_SECONDS))
