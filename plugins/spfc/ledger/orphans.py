"""Find the folders that source items name as their parent but that the feed has not shown."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, exists, select

from spfc.ledger.rows import chunks
from spfc.ledger.schema import debt, source_items


def unshown_parents(connection: Connection, route: str, generation: int) -> set[str]:
    """Return the parents that a full enumeration gave to live items without showing them itself.

    Distinct parents come from the index alone, so this reads far fewer rows than the library has.
    """
    named = (
        select(source_items.c.parent_id.label("id"))
        .where(source_items.c.route == route, source_items.c.parent_id.is_not(None))
        .distinct()
        .cte("named")
    )
    row, child = source_items.alias(), source_items.alias()
    shown = exists().where(row.c.route == route, row.c.id == named.c.id, row.c.generation >= generation)
    used = exists().where(
        child.c.route == route, child.c.parent_id == named.c.id, child.c.generation >= generation,
        child.c.deleted.is_(False),
    )  # fmt: skip
    return set(connection.execute(select(named.c.id).where(~shown, used)).scalars())


def owed_orphans(connection: Connection, route: str) -> set[str]:
    """Return the parents of live owed items that the ledger has never heard of. Reads the debt only."""
    parent = source_items.alias()
    # Neither a join nor DISTINCT: with either of them SQLite walks the whole library instead of the debt.
    ids = select(debt.c.id).where(debt.c.route == route)
    query = select(source_items.c.parent_id).where(
        source_items.c.route == route,
        source_items.c.id.in_(ids),
        source_items.c.deleted.is_(False),
        ~exists().where(parent.c.route == route, parent.c.id == source_items.c.parent_id),
    )
    return {parent_id for parent_id in connection.execute(query).scalars() if parent_id is not None}


def observed(connection: Connection, route: str, ids: Collection[str], generation: int = 0) -> set[str]:
    """Return those of ``ids`` that the source has shown in this or a later generation, alive or deleted."""
    found: set[str] = set()
    for piece in chunks(sorted(ids)):
        query = select(source_items.c.id).where(
            source_items.c.route == route, source_items.c.id.in_(piece), source_items.c.generation >= generation
        )
        found |= set(connection.execute(query).scalars())
    return found
