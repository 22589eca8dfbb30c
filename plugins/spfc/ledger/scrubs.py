"""Which old copies are due to be read back, and when each was."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Select, delete, exists, func, select, update

from spfc.ledger.rows import SYNCED_COLUMNS, chunks, synced_item, upsert
from spfc.ledger.schema import debt, scrubs, synced_items
from spfc.planning.model import Kind, SyncedItem, Verification

_NOT_COMPARABLE = (Verification.FOREIGN.value, Verification.MISMATCH.value)
"""Their bytes are not those of the listed hash, and no other hash of them is known."""


def last_scrub(connection: Connection, route: str) -> float | None:
    """Return when a copy was last read back; before the first time, when the oldest copy was made."""
    newest = select(func.max(scrubs.c.verified_at)).where(scrubs.c.route == route)
    oldest = select(func.min(synced_items.c.synced_at)).where(synced_items.c.route == route)
    found: float | None = connection.execute(newest).scalar()
    return connection.execute(oldest).scalar() if found is None else found


def count_scrubbable(connection: Connection, route: str) -> int:
    """Return how many copies can be compared with a hash."""
    count: int = connection.execute(_scrubbable(route).with_only_columns(func.count())).scalar_one()
    return count


def oldest_verified(connection: Connection, route: str, most: int) -> list[SyncedItem]:
    """Return the copies that were read back longest ago, never ones first. Copies that are owed anyhow are left out."""
    owed = exists().where(debt.c.route == route, debt.c.id == synced_items.c.id)
    query = (
        _scrubbable(route)
        .outerjoin(scrubs, (scrubs.c.route == synced_items.c.route) & (scrubs.c.id == synced_items.c.id))
        .where(~owed)
        .order_by(func.coalesce(scrubs.c.verified_at, 0.0), synced_items.c.synced_at, synced_items.c.id)
        .limit(most)
    )
    return [synced_item(row) for row in connection.execute(query.with_only_columns(*SYNCED_COLUMNS))]


def store_verified(connection: Connection, route: str, now: float, good: Collection[str], bad: Collection[str]) -> None:
    """Note which copies were read back; those that were as they should be count as verified from now on."""
    rows = [{"route": route, "id": item_id, "verified_at": now} for item_id in (*good, *bad)]
    upsert(connection, scrubs, rows)
    for piece in chunks(good):
        mine = (synced_items.c.route == route) & synced_items.c.id.in_(piece)
        connection.execute(update(synced_items).where(mine).values(verification=Verification.READ_BACK.value))


def forget_scrubs_of_gone(connection: Connection, route: str) -> None:
    """Drop the notes of copies that are not there any more."""
    kept = exists().where(synced_items.c.route == route, synced_items.c.id == scrubs.c.id)
    connection.execute(delete(scrubs).where(scrubs.c.route == route, ~kept))


def _scrubbable(route: str) -> Select[tuple[object, ...]]:
    return select(synced_items).where(
        synced_items.c.route == route,
        synced_items.c.kind == Kind.FILE.value,
        synced_items.c.hash.is_not(None),
        synced_items.c.verification.not_in(_NOT_COMPARABLE),
    )
