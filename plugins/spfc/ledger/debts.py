"""What is owed: how much, of what, and that it is no longer."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.sql.elements import ColumnElement

from spfc.ledger.bulk import among, ids
from spfc.ledger.observations import LOADED_AT_ONCE
from spfc.ledger.rows import SOURCE_COLUMNS, SYNCED_COLUMNS, chunks, source_item, synced_item
from spfc.ledger.schema import debt, source_items, synced_items
from spfc.planning.debt import DebtRow
from spfc.planning.model import Kind

MUCH = 20_000
"""From this many owed items on, trees are read in their own order instead of by each owed id."""

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


def owes_much(connection: Connection, route: str) -> bool:
    """Say whether so much is owed that reading a whole tree in its own order is cheaper than looking up each item."""
    some = select(literal(1)).where(debt.c.route == route).limit(MUCH).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one() >= MUCH


def owed_ids(route: str) -> Select[tuple[str]]:
    """Return the owed ids as a list: SQLite then begins with it, where a join might begin with the whole library."""
    return select(debt.c.id).where(debt.c.route == route)


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
