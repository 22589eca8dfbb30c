"""What planning must know around the debt: the folders above, who holds a name, what lies below."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from sqlalchemy import (
    Connection,
    String,
    and_,
    column,
    func,
    select,
    values,
)

from spfc.ledger.debts import owed_ids
from spfc.ledger.observations import load_source, load_synced
from spfc.ledger.rows import SOURCE_COLUMNS, SYNCED_COLUMNS, chunks, source_item, synced_item
from spfc.ledger.schema import source_items, synced_items
from spfc.planning.debt import NameKey, Occupant
from spfc.planning.difference import same_place
from spfc.planning.model import Kind, SourceItem, SyncedItem

WHOLE_TREE_FROM = 2000
"""From this many owed items on, all folders are read at once instead of climbing from each item."""

Item = TypeVar("Item", SourceItem, SyncedItem)

_SYNCED_WIDTH = len(SYNCED_COLUMNS)


def source_folders(connection: Connection, route: str, parents: Collection[str] | None) -> dict[str, SourceItem]:
    """Return all source folders at and above ``parents``, by id; None stands for all that there are."""
    if parents is not None and len(parents) < WHOLE_TREE_FROM:
        return _climb(parents, lambda level: load_source(connection, route, level))
    query = select(*SOURCE_COLUMNS).where(source_items.c.route == route, source_items.c.kind != Kind.FILE.value)
    return {row[0]: source_item(row) for row in connection.execute(query)}


def synced_folders(connection: Connection, route: str, parents: Collection[str] | None) -> dict[str, SyncedItem]:
    """Return all synced folders at and above ``parents``, by id; None stands for all that there are."""
    if parents is not None and len(parents) < WHOLE_TREE_FROM:
        return _climb(parents, lambda level: load_synced(connection, route, level))
    query = select(*SYNCED_COLUMNS).where(synced_items.c.route == route, synced_items.c.kind != Kind.FILE.value)
    return {row[0]: synced_item(row) for row in connection.execute(query)}


def _climb(parents: Collection[str], load: Callable[[list[str]], dict[str, Item]]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    wanted = set(parents)
    while wanted:
        level = load(sorted(wanted))
        found |= level
        above = {item.parent_id for item in level.values() if item.parent_id is not None}
        wanted = above - found.keys()
    return found


def owed_parents(connection: Connection, route: str) -> tuple[set[str], set[str]]:
    """Return the parents of all owed items: those in the source tree, and those in the synced tree."""
    found: list[set[str]] = []
    for table in (source_items, synced_items):
        query = select(table.c.parent_id).where(table.c.route == route, table.c.id.in_(owed_ids(route)))
        found.append({parent for parent in connection.execute(query).scalars() if parent is not None})
    return found[0], found[1]


def occupants(connection: Connection, route: str, keys: Collection[NameKey]) -> dict[NameKey, Occupant]:
    """Return who stands at each of the wanted names, where somebody does."""
    found: dict[NameKey, Occupant] = {}
    for piece in chunks([key for key in keys if key[0] is not None]):
        # Not `(parent_id, fold) IN (...)`: for that, SQLite reads the whole library. Outer joins keep the order.
        wanted = values(column("parent_id", String), column("fold", String)).data(piece).cte("wanted")
        at_name = and_(
            synced_items.c.route == route,
            synced_items.c.parent_id == wanted.c.parent_id,
            synced_items.c.fold == wanted.c.fold,
        )
        of_synced = and_(source_items.c.route == synced_items.c.route, source_items.c.id == synced_items.c.id)
        query = (
            select(synced_items.c.fold, *SYNCED_COLUMNS, *SOURCE_COLUMNS)
            .select_from(wanted.outerjoin(synced_items, at_name).outerjoin(source_items, of_synced))
            .where(func.coalesce(synced_items.c.id, "") != "")
        )
        for name, *row in connection.execute(query):
            synced = synced_item(row[:_SYNCED_WIDTH])
            source = None if row[_SYNCED_WIDTH] is None else source_item(row[_SYNCED_WIDTH:])
            stays = source is not None and not source.deleted and same_place(source, synced)
            found[synced.parent_id, name] = Occupant(synced, stays)
    return found


def synced_below(connection: Connection, route: str, item_id: str) -> int:
    """Return how many synced items a removal of ``item_id`` would take along, itself included."""
    tree = subtree(route, item_id)
    return int(connection.execute(select(func.count()).select_from(tree)).scalar_one())


def subtree(route: str, item_id: str):  # type: ignore[no-untyped-def]  # SQLAlchemy's CTE type does not nest
    """Return a recursive table expression of the synced ids at and below ``item_id``."""
    top = (
        select(synced_items.c.id)
        .where(synced_items.c.route == route, synced_items.c.id == item_id)
        .cte("subtree", recursive=True)
    )
    below = select(synced_items.c.id).where(synced_items.c.route == route, synced_items.c.parent_id == top.c.id)
    return top.union_all(below)


def count_synced(connection: Connection, route: str) -> int:
    """Return how many items of the route lie at the target."""
    query = select(func.count()).select_from(synced_items).where(synced_items.c.route == route)
    return int(connection.execute(query).scalar_one())
