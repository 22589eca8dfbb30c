"""Store what the source says: pages into the source tree, differences into debt, the link behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, delete, exists, func, insert, literal, select, update

from spfc.errors import PlaceNotFound, SourceSuspicious
from spfc.ledger.bulk import among, ids
from spfc.ledger.rows import SOURCE_COLUMNS, SYNCED_COLUMNS, chunks, source_item, source_row, synced_item, upsert
from spfc.ledger.schema import debt, source_items, synced_items
from spfc.planning.difference import owed
from spfc.planning.model import Flag, Kind, SourceItem, SyncedItem
from spfc.planning.names import fold

LOADED_AT_ONCE = 2000
"""Rows that are asked for in one statement."""


@dataclass(frozen=True, slots=True)
class PageResult:
    """What one page brought: items in it, and those that are not what we knew."""

    seen: int
    changed: int


def store_items(
    connection: Connection,
    route: str,
    items: Iterable[SourceItem],
    generation: int,
    now: float,
    *,
    owe_new: bool = True,
) -> PageResult:
    """Merge observed items into the source tree and bring debt up to date. Repeating it changes nothing.

    With ``owe_new`` false, items that were never copied are left to :func:`~spfc.ledger.owing.owe_everything_missing`
    at the end of the enumeration: a million of them in one go cost a tenth of what they cost page by page.
    The same item may occur several times: the last occurrence wins. Deleted items keep the name and parent that we
    knew, because the feed gives neither.
    """
    latest: dict[str, SourceItem] = {}
    for item in items:
        latest.pop(item.id, None)
        latest[item.id] = item
    seen = changed = 0
    for piece in chunks(latest.values(), LOADED_AT_ONCE):
        news = _store_chunk(connection, route, piece, generation)
        _owe(connection, route, news, now, owe_new)
        changed += len(news)
        seen += len(piece)
    return PageResult(seen, changed)


def _store_chunk(connection: Connection, route: str, items: list[SourceItem], generation: int) -> list[SourceItem]:
    """Write items down and return those that are news."""
    known = load_source(connection, route, [item.id for item in items])
    merged = [_merge(item, known.get(item.id)) for item in items] if known else items
    changed = [item for item in merged if _is_news(item, known.get(item.id))] if known else items
    upsert(connection, source_items, [source_row(route, item, generation) for item in merged])
    return changed


def _merge(item: SourceItem, known: SourceItem | None) -> SourceItem:
    if not item.deleted or known is None:
        return item
    return replace(known, deleted=True, version=item.version or known.version)


def _is_news(item: SourceItem, known: SourceItem | None) -> bool:
    """Say whether planning could care: the feed repeats unchanged ancestors, their sizes moving with their content."""
    if known is None or Flag.UNLISTED in item.flags:  # what could not be listed is owed again each time
        return True
    if item.kind is Kind.FILE or item.deleted != known.deleted:
        return item != known
    return (item.parent_id, item.name, item.kind, item.flags) != (known.parent_id, known.name, known.kind, known.flags)


def _owe(connection: Connection, route: str, items: list[SourceItem], now: float, owe_new: bool) -> None:
    """Write down or strike off debt for changed items; news about an item also end its back-off."""
    synced = load_synced(connection, route, [item.id for item in items])
    due: list[str] = []
    paid: list[str] = []
    for item in items:
        copied = synced.get(item.id)
        if not owed(item, copied):
            paid.append(item.id)
        elif owe_new or copied is not None:
            due.append(item.id)
    rows = [debt_row(route, item_id, now) for item_id in due]
    upsert(connection, debt, rows, update=("attempts", "last_code", "next_try"))
    if paid:
        connection.execute(
            delete(debt).where(debt.c.route == route, among(connection, debt.c.id)), ids(connection, paid)
        )
    back = [item.id for item in items if item.id in synced and item.kind is not Kind.FILE and not item.deleted]
    _owe_missing_below(connection, route, sorted(set(back) & set(paid)), now)


def _owe_missing_below(connection: Connection, route: str, folders: list[str], now: float) -> None:
    """Owe what was never copied below folders that came back to where we still have them.

    While such a folder was deleted or out of scope, its new items were owed to nobody, and the feed names only the
    folder when it returns.
    """
    if not folders:
        return
    below = _below(route, folders).subquery()
    missing = select(below.c.id).where(
        ~exists().where(synced_items.c.route == route, synced_items.c.id == below.c.id),
        ~exists().where(debt.c.route == route, debt.c.id == below.c.id),
    )
    found = connection.execute(missing).scalars().all()
    upsert(connection, debt, [debt_row(route, item_id, now) for item_id in found], update=())


def debt_row(route: str, item_id: str, now: float, last_code: str = "") -> tuple[Any, ...]:
    """Return a fresh ``debt`` row."""
    return route, item_id, now, 0, last_code, 0.0


def load_source(connection: Connection, route: str, wanted: Iterable[str]) -> dict[str, SourceItem]:
    """Return the source rows of the ``wanted`` ids that exist."""
    rows = _load(connection, select(*SOURCE_COLUMNS), source_items, route, wanted)
    return {row[0]: source_item(row) for row in rows}


def load_synced(connection: Connection, route: str, wanted: Iterable[str]) -> dict[str, SyncedItem]:
    """Return the synced rows of the ``wanted`` ids that exist."""
    rows = _load(connection, select(*SYNCED_COLUMNS), synced_items, route, wanted)
    return {row[0]: synced_item(row) for row in rows}


def _load(
    connection: Connection, query: Select[Any], table: Table, route: str, wanted: Iterable[str]
) -> Iterator[Row[Any]]:
    query = query.where(table.c.route == route, among(connection, table.c.id))
    for piece in chunks(iter(wanted), LOADED_AT_ONCE):
        yield from connection.execute(query, ids(connection, piece))


def mark_base(connection: Connection, route: str, old: str, new: str) -> None:
    """Replace the verification of the synced base folder where it is ``old``."""
    base = and_(synced_items.c.route == route, synced_items.c.parent_id.is_(None))
    connection.execute(update(synced_items).where(base, synced_items.c.verification == old).values(verification=new))


def sweep(connection: Connection, route: str, generation: int, now: float) -> int:
    """Mark everything that a completed full enumeration did not show as deleted; return how many items.

    What lies below a folder that could not be listed (:attr:`Flag.UNLISTED`) stays as it is, at any depth.
    Raises :class:`~spfc.errors.SourceSuspicious` and changes nothing when the enumeration showed no library at all,
    or an empty one although we hold copies: that looks like lost permission, not like a clean-up.
    """
    _refuse_empty(connection, route, generation)
    unseen = and_(
        source_items.c.route == route, source_items.c.generation < generation, source_items.c.deleted.is_(False)
    )
    if hidden := _unlisted(connection, route, generation):
        unseen = and_(unseen, source_items.c.id.not_in(_below(route, hidden)))
    copied = exists().where(synced_items.c.route == route, synced_items.c.id == source_items.c.id)
    already = exists().where(debt.c.route == route, debt.c.id == source_items.c.id)
    fresh = select(source_items.c.route, source_items.c.id, literal(now), literal(0), literal(""), literal(0.0)).where(
        unseen, copied, ~already
    )
    connection.execute(insert(debt).from_select([column.name for column in debt.c], fresh))
    never_copied = select(source_items.c.id).where(unseen, ~copied)
    connection.execute(delete(debt).where(debt.c.route == route, debt.c.id.in_(never_copied)))
    return connection.execute(update(source_items).where(unseen).values(deleted=True)).rowcount


def _unlisted(connection: Connection, route: str, generation: int) -> list[str]:
    """Return the live folders that this enumeration has shown without being able to list them."""
    flagged = and_(source_items.c.kind != Kind.FILE.value, source_items.c.flags.contains(Flag.UNLISTED.value))
    shown = and_(source_items.c.generation >= generation, source_items.c.deleted.is_(False))
    query = select(source_items.c.id).where(source_items.c.route == route, shown, flagged)
    return list(connection.execute(query).scalars())


def _below(route: str, folders: list[str]) -> Select[tuple[str]]:
    """Return the ids of everything live below ``folders``, themselves left out unless one lies below another."""
    mine = and_(source_items.c.route == route, source_items.c.deleted.is_(False))
    of_folders = select(source_items.c.id).where(mine, source_items.c.parent_id.in_(folders))
    # Nested, because SQLite does not count what an UPDATE changes that begins with WITH.
    top = of_folders.cte("below", recursive=True, nesting=True)
    below = top.union(select(source_items.c.id).where(mine, source_items.c.parent_id == top.c.id))
    return select(below.c.id)


def _refuse_empty(connection: Connection, route: str, generation: int) -> None:
    shown = and_(
        source_items.c.route == route, source_items.c.generation == generation, source_items.c.deleted.is_(False)
    )
    items = connection.execute(select(func.count()).where(shown, source_items.c.is_root.is_(False))).scalar_one()
    roots = connection.execute(select(func.count()).where(shown, source_items.c.is_root.is_(True))).scalar_one()
    copies = connection.execute(
        select(func.count()).where(synced_items.c.route == route, synced_items.c.parent_id.is_not(None))
    ).scalar_one()
    if roots == 0:
        raise SourceSuspicious(
            "The source listed no root folder, so the enumeration proves nothing.",
            hint="Check that the library still exists and that the app may read it; nothing was removed.",
        )
    if items == 0 and copies > 0:
        raise SourceSuspicious(
            f"The source suddenly shows an empty library although {copies} items were copied from it.",
            hint="Check permissions and the library itself. If it was emptied on purpose, delete the items at the "
            "target by hand or start a new route; nothing was removed.",
        )


def find_base(connection: Connection, route: str, folder: str) -> SourceItem:
    """Return the source folder that the route mirrors: the library's root, or the folder at a path below it.

    Raises :class:`~spfc.errors.PlaceNotFound` naming the first missing segment.
    """
    live = and_(source_items.c.route == route, source_items.c.deleted.is_(False))
    known = select(*SOURCE_COLUMNS).where(live)
    root = connection.execute(known.where(source_items.c.is_root.is_(True))).first()
    if root is None:
        raise SourceSuspicious("The source has not shown its root folder yet.", hint="Run the route once in mode full.")
    base = source_item(root)
    for segment in folder.strip("/").split("/") if folder != "/" else []:
        children = known.where(source_items.c.parent_id == base.id, source_items.c.kind == Kind.FOLDER.value)
        folders = map(source_item, connection.execute(children))
        match = next((child for child in folders if fold(child.name) == fold(segment)), None)
        if match is None:
            raise PlaceNotFound(
                f"The library has no folder {segment!r} in {base.name!r} (the route mirrors {folder}).",
                hint="Correct source.folder of the route, or restore the folder; nothing was removed.",
            )
        base = match
    return base
