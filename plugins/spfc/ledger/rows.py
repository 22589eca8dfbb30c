"""Between table rows and the values that planning speaks of; and the one upsert for both dialects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite

from spfc.planning.model import Flag, Kind, SourceItem, SyncedItem
from spfc.planning.names import fold, target_name

CHUNK = 500
"""Most ids in one ``IN`` list: far below SQLite's limit of 32,766 variables, and plans stay cacheable."""

Row = Mapping[str, Any] | RowMapping
T = TypeVar("T")


def chunks(values: Collection[T] | Iterator[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield lists of at most ``size`` values."""
    iterator = iter(values)
    while piece := list(islice(iterator, size)):
        yield piece


def source_row(route: str, item: SourceItem, generation: int) -> dict[str, Any]:
    """Return the ``source_items`` row of an observed item."""
    return {
        "route": route,
        "id": item.id,
        "parent_id": item.parent_id,
        "name": item.name,
        "fold": fold(target_name(item.name, item.id)),
        "kind": item.kind.value,
        "size": item.size,
        "modified": item.modified,
        "version": item.version,
        "content_version": item.content_version,
        "hash": item.hash,
        "flags": ",".join(sorted(item.flags)),
        "is_root": item.is_root,
        "deleted": item.deleted,
        "generation": generation,
    }


def source_item(row: Row) -> SourceItem:
    """Return the item of a ``source_items`` row."""
    return SourceItem(
        id=row["id"],
        parent_id=row["parent_id"],
        name=row["name"],
        kind=Kind(row["kind"]),
        size=row["size"],
        modified=row["modified"],
        version=row["version"],
        content_version=row["content_version"],
        hash=row["hash"],
        flags=frozenset(Flag(flag) for flag in row["flags"].split(",") if flag),
        is_root=row["is_root"],
        deleted=row["deleted"],
    )


def synced_row(route: str, item: SyncedItem, run_id: str, now: float) -> dict[str, Any]:
    """Return the ``synced_items`` row of a copied item."""
    return {
        "route": route,
        "id": item.id,
        "parent_id": item.parent_id,
        "source_name": item.source_name,
        "target_name": item.target_name,
        "fold": fold(item.target_name),
        "kind": item.kind.value,
        "size": item.size,
        "modified": item.modified,
        "version": item.version,
        "content_version": item.content_version,
        "hash": item.hash,
        "target_etag": item.target_etag,
        "verification": item.verification,
        "synced_at": now,
        "run_id": run_id,
    }


def synced_item(row: Row) -> SyncedItem:
    """Return the item of a ``synced_items`` row."""
    return SyncedItem(
        id=row["id"],
        parent_id=row["parent_id"],
        source_name=row["source_name"],
        target_name=row["target_name"],
        kind=Kind(row["kind"]),
        size=row["size"],
        modified=row["modified"],
        version=row["version"],
        content_version=row["content_version"],
        hash=row["hash"],
        target_etag=row["target_etag"],
        verification=row["verification"],
    )


def upsert(connection: Connection, table: Table, rows: Sequence[Row], *, update: Collection[str] | None = None) -> None:
    """Insert rows; where the primary key is taken, overwrite the ``update`` columns (default: all; empty: keep)."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    names = [name for name in rows[0] if name not in keys] if update is None else list(update)
    if names:
        changes = {name: statement.excluded[name] for name in names}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), [dict(r) for r in rows])
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=keys), [dict(r) for r in rows])
