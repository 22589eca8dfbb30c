"""Write down that items have left their places without a move: what is new, what is left, what has yet to follow."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, exists, select, update

from spfc.ledger.debts import strike_off
from spfc.ledger.observations import debt_row, load_source
from spfc.ledger.rows import SYNCED_COLUMNS, chunks, synced_item, synced_row, upsert
from spfc.ledger.schema import debt, synced_items
from spfc.ledger.surroundings import subtree
from spfc.planning.difference import owed
from spfc.planning.model import Kind, SyncedItem

PIECE = 500
"""Children looked at together: a folder may hold more than a worker's memory."""


def claim_places(connection: Connection, *, route: str, run_id: str, now: float, claims: Sequence[SyncedItem]) -> None:
    """Write down that copies are about to be made at new places: until they are, those are leftovers to be removed."""
    upsert(connection, synced_items, [synced_row(route, claim, run_id, now) for claim in claims])
    _owe(connection, route, [claim.id for claim in claims], now)


def leave_behind(
    connection: Connection, *, route: str, run_id: str, now: float, pairs: Sequence[tuple[SyncedItem, SyncedItem]]
) -> None:
    """Give items their new places and write down what is left at the old ones, which is owed its removal.

    ``pairs`` are ``(the item at its new place, the leftover at its old place)``; the claim of the new place, which has
    the id of the leftover, is fulfilled. The children of a folder stay where they are: below the leftover, from where
    each is owed its own way to the new folder.
    """
    for piece in chunks([left.id for _, left in pairs]):
        mine = (synced_items.c.route == route) & synced_items.c.id.in_(piece)
        connection.execute(delete(synced_items).where(mine))
    upsert(connection, synced_items, [synced_row(route, moved, run_id, now) for moved, _ in pairs])
    for moved, left in pairs:
        if moved.kind is not Kind.FILE:
            below = (synced_items.c.route == route) & (synced_items.c.parent_id == moved.id)
            _owe(connection, route, connection.execute(select(synced_items.c.id).where(below)).scalars().all(), now)
            connection.execute(update(synced_items).where(below).values(parent_id=left.id))
    upsert(connection, synced_items, [synced_row(route, left, run_id, now) for _, left in pairs])
    source = load_source(connection, route, [moved.id for moved, _ in pairs])
    paid = [moved.id for moved, _ in pairs if moved.id in source and not owed(source[moved.id], moved)]
    strike_off(connection, route, paid)


def _owe(connection: Connection, route: str, ids: Collection[str], now: float) -> None:
    upsert(connection, debt, [debt_row(route, item_id, now) for item_id in ids], update=())


def forget_copies(connection: Connection, route: str, ids: Collection[str], *, owed_still: bool, now: float) -> None:
    """Drop the synced rows of items that are not at the target any more (files, or folders that held nothing).

    With ``owed_still`` they are live at the source, so that the next run brings them again; else nothing is owed.
    """
    for piece in chunks(ids):
        mine = (synced_items.c.route == route) & synced_items.c.id.in_(piece)
        connection.execute(delete(synced_items).where(mine))
    if owed_still:
        _owe(connection, route, ids, now)
    else:
        strike_off(connection, route, ids)


def forget_below(connection: Connection, route: str, folder_id: str) -> None:
    """Drop the synced rows of everything below a folder that is about to leave the target piece by piece.

    Nothing is owed for it; what comes back to the source meanwhile is brought anew, as after any removal.
    """
    tree = subtree(route, folder_id)
    below = connection.execute(select(tree.c.id).where(tree.c.id != folder_id)).scalars().all()
    forget_copies(connection, route, below, owed_still=False, now=0.0)


def children_after(
    connection: Connection, route: str, folder_id: str, *, folders: bool, after: str = ""
) -> list[SyncedItem]:
    """Return the next :data:`PIECE` synced children of a folder in the order of their ids, files or folders."""
    is_file = synced_items.c.kind == Kind.FILE.value
    query = (
        select(*SYNCED_COLUMNS)
        .where(synced_items.c.route == route, synced_items.c.parent_id == folder_id, ~is_file if folders else is_file)
        .where(synced_items.c.id > after)
        .order_by(synced_items.c.id)
        .limit(PIECE)
    )
    return [synced_item(row) for row in connection.execute(query)]


def holds_copies(connection: Connection, route: str, folder_id: str, *, owed_ones: bool = False) -> bool:
    """Say whether the synced tree has anything directly in a folder, with ``owed_ones`` anything that is owed."""
    child = exists().where(synced_items.c.route == route, synced_items.c.parent_id == folder_id)
    if owed_ones:
        child = child.where(debt.c.route == route, debt.c.id == synced_items.c.id)
    return bool(connection.execute(select(child)).scalar_one())
