"""What becomes owed without the feed naming it: contents of restored folders, wider filters, a first look."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    exists,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.sql.elements import ColumnElement

from spfc.ledger.debts import owed_ids, owes_much
from spfc.ledger.schema import debt, source_items, synced_items
from spfc.planning.model import Kind


def expand_new_folders(connection: Connection, route: str, now: float) -> int:
    """Owe everything live below folders that are owed as new: a restored or newly included folder brings its content.

    The feed names only the folder in such cases. Returns how many items were added.
    """
    parents = select(source_items.c.id).where(
        source_items.c.route == route,
        source_items.c.id.in_(owed_ids(route)),
        source_items.c.deleted.is_(False),
        source_items.c.kind != Kind.FILE.value,
        ~exists().where(synced_items.c.route == route, synced_items.c.id == source_items.c.id),
    )
    below: ColumnElement[bool] = source_items.c.parent_id.in_(parents)
    if owes_much(connection, route):
        below = and_(below, source_items.c.id.in_(_ids_owed_by_nobody(route)))
    added = 0
    # Not ordered: to get an order from an index, SQLite would read the whole library.
    while found := _owe(connection, _unsynced(route, now).where(below)):
        added += found
    return added


def owe_everything_missing(connection: Connection, route: str, now: float) -> int:
    """Owe every live item that was never copied: after the first enumeration, and when the filters have changed."""
    # In the order of the primary key: appended to its index, not scattered over it.
    return _owe(connection, _unsynced(route, now).order_by(source_items.c.id))


def owe_everything_changed(connection: Connection, route: str, now: float) -> int:
    """Owe every live copy that is not what the source shows: an edit or move that a filter kept out is not lost."""
    moved = and_(
        synced_items.c.parent_id.is_not(None),
        or_(
            source_items.c.parent_id.is_distinct_from(synced_items.c.parent_id),
            source_items.c.name != synced_items.c.source_name,
        ),
    )
    edited = and_(source_items.c.kind == Kind.FILE.value, source_items.c.version != synced_items.c.version)
    stale = (
        select(literal(route), source_items.c.id, literal(now), literal(0), literal(""), literal(0.0))
        .join(
            synced_items,
            and_(synced_items.c.route == source_items.c.route, synced_items.c.id == source_items.c.id),
        )
        .where(
            source_items.c.route == route,
            source_items.c.deleted.is_(False),
            or_(moved, edited),
            ~exists().where(debt.c.route == route, debt.c.id == source_items.c.id),
        )
    )
    return connection.execute(
        insert(debt).from_select([column.name for column in debt.c], stale),
        execution_options={"preserve_rowcount": True},
    ).rowcount


def _unsynced(route: str, now: float) -> Select[Any]:
    """Return a fresh ``debt`` row for each live item that is neither copied nor owed."""
    return select(literal(route), source_items.c.id, literal(now), literal(0), literal(""), literal(0.0)).where(
        source_items.c.route == route,
        source_items.c.deleted.is_(False),
        ~exists().where(synced_items.c.route == route, synced_items.c.id == source_items.c.id),
        ~exists().where(debt.c.route == route, debt.c.id == source_items.c.id),
    )


def _owe(connection: Connection, rows: Select[Any]) -> int:
    """Write down the debt rows that a query finds; return how many."""
    # Without this option the count of an INSERT is unknown (-1) on PostgreSQL, and no loop over it would end.
    return connection.execute(
        insert(debt).from_select([column.name for column in debt.c], rows),
        execution_options={"preserve_rowcount": True},
    ).rowcount


def _ids_owed_by_nobody(route: str) -> Select[tuple[str]]:
    """Return the ids that are neither owed nor copied, from the three primary keys alone, side by side."""
    item = source_items.alias("any_item")
    return (
        select(item.c.id)
        .where(
            item.c.route == route,
            ~exists().where(debt.c.route == route, debt.c.id == item.c.id),
            ~exists().where(synced_items.c.route == route, synced_items.c.id == item.c.id),
        )
        .order_by(item.c.id)
    )
