"""Answer for any path, present or gone: what the source says, what was synced, what is owed, what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from spfc.errors import PlaceNotFound
from spfc.ledger.observations import find_base, load_source, load_synced
from spfc.ledger.plans import StoredLine, item_history
from spfc.ledger.rows import Row
from spfc.ledger.schema import debt, plan_lines, source_items, synced_items
from spfc.ledger.surroundings import occupants, source_folders, synced_folders
from spfc.planning.context import PlanContext
from spfc.planning.debt import DebtRow, wanted_key
from spfc.planning.files import plan_files
from spfc.planning.model import Kind, PlanLine, SourceItem, SyncedItem
from spfc.planning.names import fold, target_name
from spfc.planning.scope import PathGlobs
from spfc.planning.structure import plan_structure
from spfc.planning.tree import Place, SourceTree
from spfc.steps.context import RunContext


@dataclass(frozen=True, slots=True)
class Owed:
    """What the ledger says of an item that is owed. Times are seconds since 1970 UTC."""

    first_seen: float
    attempts: int
    last_code: str
    next_try: float


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything the ledger knows of one item. ``upcoming`` is what the next run would do, as things stand."""

    item_id: str
    path: str
    place: Place | None
    source: SourceItem | None
    synced: SyncedItem | None
    synced_at: float | None
    synced_by: str
    target_path: str
    owed: Owed | None
    upcoming: tuple[PlanLine, ...]
    history: tuple[tuple[str, float, StoredLine], ...]


def explain_path(run: RunContext, path: str) -> Explained:
    """Explain the item at a path below the route's source root, or the last one that was there. Nobody is asked.

    The path may be given as the source or as the target shows it. Raises PlaceNotFound when the ledger has never
    heard of it.
    """
    with run.reading() as connection:
        base = find_base(connection, run.route.name, run.route.source.below)
        item_id = _find(connection, run.route.name, base, path)
        if item_id is None:
            raise PlaceNotFound(
                f"The ledger of route {run.route.name!r} has never heard of {path!r}.",
                hint="Paths begin at the root of the route's source; a run first has to see the item.",
            )
        source = load_source(connection, run.route.name, [item_id]).get(item_id)
        synced = load_synced(connection, run.route.name, [item_id]).get(item_id)
        context = _context(connection, run, base, source, synced)
        owed = _owed(connection, run.route.name, item_id)
        copied = _synced_row(connection, run.route.name, item_id)
        return Explained(
            item_id=item_id,
            path=path,
            place=context.tree.place(source) if source else None,
            source=source,
            synced=synced,
            synced_at=copied.get("synced_at"),
            synced_by=copied.get("run_id", ""),
            target_path=context.synced_path(synced) if synced else "",
            owed=owed,
            upcoming=_upcoming(connection, run, context, DebtRow(source, synced), owed),
            history=tuple(item_history(connection, run.route.name, item_id)),
        )


def _find(connection: Connection, route: str, base: SourceItem, path: str) -> str | None:
    segments = [segment for segment in path.split("/") if segment]
    live = _walk(connection, route, base.id, segments)
    if live is not None:
        return live
    clean = "/" + "/".join(segments)
    last = (
        select(plan_lines.c.item_id)
        .where(
            plan_lines.c.route == route,
            plan_lines.c.item_id != "",  # what an audit found at the target belongs to no item
            (plan_lines.c.path == clean) | (plan_lines.c.target_path == clean) | (plan_lines.c.from_path == clean),
        )
        .order_by(plan_lines.c.ended_at.desc(), plan_lines.c.plan_id.desc())
        .limit(1)
    )
    return connection.execute(last).scalar_one_or_none()


def _walk(connection: Connection, route: str, base_id: str, segments: list[str]) -> str | None:
    """Follow a path down the live source tree, name by name; names are compared as the target would."""
    at = base_id
    for segment in segments:
        children = select(source_items.c.id, source_items.c.name).where(
            source_items.c.route == route,
            source_items.c.parent_id == at,
            source_items.c.deleted.is_(False),
            source_items.c.fold == fold(target_name(segment, "")),
        )
        found = sorted(connection.execute(children).all(), key=lambda row: row.name != segment)
        if not found:
            return None
        at = found[0].id
    return at


def _context(
    connection: Connection, run: RunContext, base: SourceItem, source: SourceItem | None, synced: SyncedItem | None
) -> PlanContext:
    """Return the trees around one item, without a look at the target."""
    parents = {item.parent_id for item in (source, synced) if item is not None and item.parent_id is not None}
    folders = source_folders(connection, run.route.name, {*parents, base.id})
    if source is not None and source.kind is not Kind.FILE:
        folders[source.id] = source
    known = synced_folders(connection, run.route.name, parents) | load_synced(connection, run.route.name, folders)
    exclude = PathGlobs(run.route.filters.exclude)
    tree = SourceTree(folders, base.id, exclude.matches)
    return PlanContext(base_id=base.id, tree=tree, folders=known, source_folders=folders, now=run.now())


def _upcoming(
    connection: Connection, run: RunContext, context: PlanContext, row: DebtRow, owed: Owed | None
) -> tuple[PlanLine, ...]:
    """Return the lines that the planner would write for this item alone, if it is owed."""
    if owed is None:
        return ()
    row = DebtRow(row.source, row.synced, owed.attempts, owed.next_try, owed.last_code)
    keys = {wanted_key(row.source)} if row.source else set()
    taken = occupants(connection, run.route.name, keys)
    if row.is_copy_only:
        return plan_files([row], context, taken).lines
    planned = plan_structure([row], context, taken)
    return (*planned.ordered, *planned.copies, *planned.removals, *planned.others)


def _owed(connection: Connection, route: str, item_id: str) -> Owed | None:
    query = select(debt).where(debt.c.route == route, debt.c.id == item_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return Owed(row["first_seen"], row["attempts"], row["last_code"], row["next_try"])


def _synced_row(connection: Connection, route: str, item_id: str) -> Mapping[str, Any]:
    query = select(synced_items.c.synced_at, synced_items.c.run_id).where(
        synced_items.c.route == route, synced_items.c.id == item_id
    )
    row: Row | None = connection.execute(query).mappings().one_or_none()
    return {} if row is None else dict(row)
