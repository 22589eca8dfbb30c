"""Read the debt of a route with everything planning needs to know around it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Row,
    Select,
    String,
    and_,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    values,
)
from sqlalchemy.sql.elements import ColumnElement

from spfc.ledger.bulk import among, ids
from spfc.ledger.observations import LOADED_AT_ONCE, load_source, load_synced
from spfc.ledger.rows import SOURCE_COLUMNS, SYNCED_COLUMNS, chunks, source_item, synced_item
from spfc.ledger.schema import debt, source_items, synced_items
from spfc.planning.debt import DebtRow, NameKey, Occupant
from spfc.planning.difference import same_place
from spfc.planning.model import Kind, SourceItem, SyncedItem

MUCH = 20_000
"""From this many owed items on, trees are read in their own order instead of by each owed id."""

WHOLE_TREE_FROM = 2000
"""From this many owed items on, all folders are read at once instead of climbing from each item."""

Item = TypeVar("Item", SourceItem, SyncedItem)

_COPY_ONLY = and_(
    source_items.c.deleted.is_(False),
    source_items.c.kind == Kind.FILE.value,
    or_(
        synced_items.c.id.is_(None),
        and_(source_items.c.parent_id == synced_items.c.parent_id, source_items.c.name == synced_items.c.source_name),
    ),
)
"""The same as :attr:`~spfc.planning.debt.DebtRow.is_copy_only`, in SQL."""


def debt_summary(connection: Connection, route: str) -> tuple[int, float | None]:
    """Return how many items are owed, and since when the oldest one is."""
    row = connection.execute(select(func.count(), func.min(debt.c.first_seen)).where(debt.c.route == route)).one()
    return int(row[0]), row[1]


def expand_new_folders(connection: Connection, route: str, now: float) -> int:
    """Owe everything live below folders that are owed as new: a restored or newly included folder brings its content.

    The feed names only the folder in such cases. Returns how many items were added.
    """
    parents = select(source_items.c.id).where(
        source_items.c.route == route,
        source_items.c.id.in_(_owed_ids(route)),
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


def owes_much(connection: Connection, route: str) -> bool:
    """Say whether so much is owed that reading a whole tree in its own order is cheaper than looking up each item."""
    some = select(literal(1)).where(debt.c.route == route).limit(MUCH).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() >= MUCH


def _owed_ids(route: str) -> Select[tuple[str]]:
    """Return the owed ids as a list: SQLite then begins with it, where a join might begin with the whole library."""
    return select(debt.c.id).where(debt.c.route == route)


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


def structure_rows(connection: Connection, route: str) -> list[DebtRow]:
    """Return all owed folders, moves and removals: everything but plain copies."""
    if not owes_much(connection, route):
        return [debt_row_of(row) for row in connection.execute(_by_debt(route).where(~_copy_only()))]
    folders = _by_source(route).where(source_items.c.kind != Kind.FILE.value)
    was_copied = func.coalesce(synced_items.c.id, "") != ""
    is_file = func.coalesce(source_items.c.kind, Kind.FILE.value) == Kind.FILE.value
    others = _by_debt(route).where(was_copied, is_file, ~_copy_only())
    return [debt_row_of(row) for query in (folders, others) for row in connection.execute(query)]


def copy_rows(connection: Connection, route: str, size: int = 2000) -> Iterator[list[DebtRow]]:
    """Yield the owed plain copies in pieces, siblings together and in the order of their folded names."""
    query = _by_debt(route).where(_copy_only())
    if owes_much(connection, route):
        # What is neither a folder nor was copied is not in `structure_rows` then, even if it was deleted since.
        never_copied = and_(source_items.c.kind == Kind.FILE.value, synced_items.c.id.is_(None))
        query = _by_source(route).where(or_(_copy_only(), never_copied))
    query = query.order_by(source_items.c.parent_id, source_items.c.fold, source_items.c.id)
    result = connection.execute(query, execution_options={"yield_per": size})
    for piece in result.partitions(size):
        yield [debt_row_of(row) for row in piece]


def _copy_only() -> ColumnElement[bool]:
    return func.coalesce(_COPY_ONLY, False)


_ROW = select(debt.c.attempts, debt.c.next_try, debt.c.last_code, *SOURCE_COLUMNS, *SYNCED_COLUMNS)
_SOURCE_OF_DEBT = and_(source_items.c.route == debt.c.route, source_items.c.id == debt.c.id)
_DEBT_OF_SOURCE = and_(debt.c.route == source_items.c.route, debt.c.id == source_items.c.id)
_SYNCED_OF_SOURCE = and_(synced_items.c.route == source_items.c.route, synced_items.c.id == source_items.c.id)
_SYNCED_OF_DEBT = and_(synced_items.c.route == debt.c.route, synced_items.c.id == debt.c.id)


def _by_debt(route: str) -> Select[Any]:
    """Return what is owed, looked up item by item. Outer joins, so that SQLite keeps this order."""
    joined = debt.outerjoin(synced_items, _SYNCED_OF_DEBT).outerjoin(source_items, _SOURCE_OF_DEBT)
    return _ROW.select_from(joined).where(debt.c.route == route)


def owed_items(route: str, which: ColumnElement[bool]) -> Select[Any]:
    """Return a query for debt with its source and synced items, to be read with :func:`debt_row_of`.

    ``which`` is wrapped, so that SQLite cannot turn the outer joins into inner ones and begin with the whole library.
    """
    return _by_debt(route).where(func.coalesce(which, False))


def _by_source(route: str) -> Select[Any]:
    """Return what is owed of the source tree, read in the tree's own order: siblings lie beside each other."""
    joined = source_items.outerjoin(debt, _DEBT_OF_SOURCE).outerjoin(synced_items, _SYNCED_OF_SOURCE)
    return _ROW.select_from(joined).where(source_items.c.route == route, func.coalesce(debt.c.id, "") != "")


_SYNCED_WIDTH = len(SYNCED_COLUMNS)
_SOURCE_AT = 3
_SYNCED_AT = _SOURCE_AT + len(SOURCE_COLUMNS)


def debt_row_of(row: Row[Any]) -> DebtRow:
    """Return the row of planning for a result of :func:`owed_items`."""
    values = tuple(row)
    return DebtRow(
        None if values[_SOURCE_AT] is None else source_item(values[_SOURCE_AT:_SYNCED_AT]),
        None if values[_SYNCED_AT] is None else synced_item(values[_SYNCED_AT:]),
        *values[:_SOURCE_AT],
    )


def strike_off(connection: Connection, route: str, settled: Collection[str]) -> None:
    """Forget that the items with these ids are owed."""
    statement = delete(debt).where(debt.c.route == route, among(connection, debt.c.id))
    for piece in chunks(settled, LOADED_AT_ONCE):
        connection.execute(statement, ids(connection, piece))


def strike_off_unowed_ghosts(connection: Connection, route: str) -> int:
    """Forget debt about ids that neither the source nor the target knows any more."""
    source = exists().where(source_items.c.route == route, source_items.c.id == debt.c.id)
    synced = exists().where(synced_items.c.route == route, synced_items.c.id == debt.c.id)
    return connection.execute(delete(debt).where(debt.c.route == route, ~source, ~synced)).rowcount


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
        query = select(table.c.parent_id).where(table.c.route == route, table.c.id.in_(_owed_ids(route)))
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
