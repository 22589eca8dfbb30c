"""Between table rows and the values that planning speaks of; and the one upsert for both dialects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Table

from spfc.ledger.bulk import Values, upsert_statement
from spfc.ledger.schema import source_items, synced_items
from spfc.planning.model import Flag, Kind, SourceItem, SyncedItem
from spfc.planning.names import fold, target_name

CHUNK = 500
"""Most ids in one ``IN`` list: far below SQLite's limit of 32,766 variables, and plans stay cacheable."""

Row = Mapping[str, Any] | RowMapping
T = TypeVar("T")

SOURCE_COLUMNS = tuple(source_items.c[part.name] for part in fields(SourceItem))
"""The columns that :func:`source_item` reads, in its order."""
SYNCED_COLUMNS = tuple(synced_items.c[part.name] for part in fields(SyncedItem))
"""The columns that :func:`synced_item` reads, in its order."""

_KINDS: dict[str, Kind] = {kind.value: kind for kind in Kind}
_NO_FLAGS: frozenset[Flag] = frozenset()


def chunks(values: Collection[T] | Iterator[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield lists of at most ``size`` values."""
    iterator = iter(values)
    while piece := list(islice(iterator, size)):
        yield piece


def source_row(route: str, item: SourceItem, generation: int) -> tuple[Any, ...]:
    """Return the ``source_items`` row of an observed item."""
    return (
        route, item.id, item.parent_id, item.name, fold(target_name(item.name, item.id)), item.kind._value_,
        item.size, item.modified, item.version, item.content_version, item.hash,
        ",".join(sorted(item.flags)) if item.flags else "", item.is_root, item.deleted, generation,
    )  # fmt: skip


def source_item(values: Values) -> SourceItem:
    """Return the item of :data:`SOURCE_COLUMNS`."""
    item_id, parent_id, name, kind, size, modified, version, content_version, digest, flags, is_root, deleted = values
    return SourceItem(
        item_id, parent_id, name, _KINDS[kind], size, modified, version, content_version, digest,
        frozenset(Flag(flag) for flag in flags.split(",")) if flags else _NO_FLAGS, is_root, deleted,
    )  # fmt: skip


def synced_row(route: str, item: SyncedItem, run_id: str, now: float) -> tuple[Any, ...]:
    """Return the ``synced_items`` row of a copied item."""
    return (
        route, item.id, item.parent_id, item.source_name, item.target_name, fold(item.target_name),
        item.kind._value_, item.size, item.modified, item.version, item.content_version, item.hash,
        item.target_etag, item.verification, now, run_id,
    )  # fmt: skip


def synced_item(values: Values) -> SyncedItem:
    """Return the item of :data:`SYNCED_COLUMNS`."""
    item_id, parent_id, source_name, name, kind, *rest = values
    return SyncedItem(item_id, parent_id, source_name, name, _KINDS[kind], *rest)


def upsert(
    connection: Connection, table: Table, rows: Sequence[Row | Values], *, update: Collection[str] | None = None
) -> None:
    """Insert whole rows; where the primary key is taken, overwrite ``update`` columns (default: all; empty: keep)."""
    if not rows:
        return
    names = [column.name for column in table.c]
    plain = [tuple(row[name] for name in names) if isinstance(row, Mapping) else row for row in rows]
    chosen = None if update is None else tuple(update)
    connection.exec_driver_sql(upsert_statement(connection.dialect.name, table, chosen), plain)
