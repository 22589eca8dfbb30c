"""From owed folders, moves and removals to ordered lines: parents first, swaps through a temporary name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from spfc.planning.context import PlanContext
from spfc.planning.debt import DebtRow, NameKey, Occupant
from spfc.planning.difference import same_content, same_place
from spfc.planning.files import copy_line, hold_or_skip, reason_to_bring
from spfc.planning.leftovers import is_leftover, stands_for
from spfc.planning.model import Action, Kind, PlanLine, Reason, SourceItem, SyncedItem
from spfc.planning.names import aside, fold
from spfc.planning.tree import Standing

Occupants = Mapping[NameKey, Occupant]


@dataclass(frozen=True, slots=True)
class Structure:
    """What a plan wants besides plain copies.

    ``ordered`` may be executed from first to last. ``removals`` name only the topmost item of each removed tree.
    ``settled`` are ids that are owed nothing (they never were at the target, or something above them is removed).
    """

    ordered: tuple[PlanLine, ...]
    copies: tuple[PlanLine, ...]
    removals: tuple[PlanLine, ...]
    others: tuple[PlanLine, ...]
    settled: tuple[str, ...]


def plan_structure(rows: Sequence[DebtRow], context: PlanContext, occupants: Occupants) -> Structure:
    """Turn all rows that are not plain copies into lines. Row order does not matter."""
    gone, alive, settled = _split(rows, context)
    placed, others = _place(alive, context, occupants)
    removals, covered = _removals(gone, context)
    ordered = _order(placed, occupants, context)
    copies = tuple(
        copy_line(row, row.source, context)
        for row in alive
        if row.id in placed and row.source and row.synced
        if row.source.kind is Kind.FILE and not same_content(row.source, row.synced)
    )
    return Structure(tuple(ordered), copies, tuple(removals), tuple(others), (*settled, *covered))


def _split(
    rows: Iterable[DebtRow], context: PlanContext
) -> tuple[list[tuple[DebtRow, Reason]], list[DebtRow], list[str]]:
    """Tell what is gone from the route, what lives in it, and what was never of interest."""
    gone: list[tuple[DebtRow, Reason]] = []
    alive: list[DebtRow] = []
    settled: list[str] = []
    for row in rows:
        reason = _reason_gone(row, context)
        if reason is None:
            alive.append(row)
        elif row.synced is None:
            settled.append(row.id)
        else:
            gone.append((row, reason))
    return gone, alive, settled


def _reason_gone(row: DebtRow, context: PlanContext) -> Reason | None:
    """Say why the item has no place at the target any more; None when it has one, or when nobody can tell."""
    if is_leftover(row.id):
        return Reason.LEFT_BEHIND
    if row.source is None or row.source.deleted:
        return Reason.DELETED_AT_SOURCE
    standing = context.tree.place(row.source).standing
    if standing is Standing.DELETED:
        return Reason.DELETED_AT_SOURCE
    if standing is Standing.OUTSIDE:
        return Reason.OUT_OF_SCOPE
    if standing in (Standing.EXCLUDED, Standing.OPAQUE) and _left_scope(row.source, row.synced, context):
        return Reason.OUT_OF_SCOPE
    return None


def _left_scope(source: SourceItem, synced: SyncedItem | None, context: PlanContext) -> bool:
    """Say whether the source itself moved or renamed the item from a wanted place to an unwanted one.

    A changed filter removes nothing: what it shut out where it lay has not left when it moves on.
    """
    home = _at_home(synced) if synced else None
    if home is None or same_place(source, home):
        return False
    before = replace(source, parent_id=home.parent_id, name=home.source_name)
    return context.tree.place(before).standing not in (Standing.EXCLUDED, Standing.OPAQUE)


def _when_removed(line: PlanLine) -> tuple[bool, int]:
    """Order removals: leftovers last and the deepest first, because each of them must be empty when its turn comes."""
    return (True, -line.target_path.count("/")) if is_leftover(line.item_id) else (False, 0)


def _at_home(synced: SyncedItem) -> SyncedItem:
    """Return an item that waits in a leftover as if it lay in the folder that left it: it has not gone anywhere."""
    return replace(synced, parent_id=stands_for(synced.parent_id))


def _removals(gone: list[tuple[DebtRow, Reason]], context: PlanContext) -> tuple[list[PlanLine], list[str]]:
    """Return one line per topmost gone item, and the ids that lie below another gone item.

    A leftover is removed only when it is empty, so what is gone below it is removed by lines of its own.
    """
    ids = {row.id for row, _ in gone if not is_leftover(row.id)}
    lines: list[PlanLine] = []
    covered: list[str] = []
    for row, reason in gone:
        synced = row.synced
        if synced is None:
            continue
        if _below_any(synced, ids, context):
            covered.append(row.id)
            continue
        path = context.synced_path(synced)
        evidence = {
            "source_version": row.source.version if row.source else None,
            "synced_version": synced.version,
        }
        lines.append(
            PlanLine(
                Action.REMOVE, reason, row.id, synced.kind, _source_path(row.source, context, path), path,
                parent_id=synced.parent_id, size=synced.size, evidence=evidence,
            )
        )  # fmt: skip
    lines.sort(key=_when_removed)
    return lines, covered


def _below_any(item: SyncedItem, ids: set[str], context: PlanContext) -> bool:
    parent = item.parent_id
    while parent is not None:
        if parent in ids:
            return True
        folder, source = context.folders.get(parent), context.source_folders.get(parent)
        if folder and source and not source.deleted and not same_place(source, folder):
            return False  # it moves out before anything is removed, and takes the item along
        parent = folder.parent_id if folder else None
    return False


def _source_path(source: SourceItem | None, context: PlanContext, otherwise: str) -> str:
    if source is None or not source.name:
        return otherwise
    place = context.tree.place(source)
    return otherwise if place.standing is Standing.UNKNOWN else place.path


def _place(
    alive: list[DebtRow], context: PlanContext, occupants: Occupants
) -> tuple[dict[str, PlanLine], list[PlanLine]]:
    """Name every new folder and every moved item, and write its line; also the lines of what cannot be placed."""
    placed: dict[str, PlanLine] = {}
    others: list[PlanLine] = []
    nameable: list[tuple[DebtRow, SourceItem]] = []
    for row in alive:
        source = row.source
        if source is None:
            continue
        other = hold_or_skip(row, context)
        if other is not None:
            others.append(other)
        if other is not None and other.reason is not Reason.UNLISTED:
            continue  # a folder that could not be listed has its place all the same: for what is known to be in it
        if row.synced is None or not same_place(source, row.synced):
            nameable.append((row, source))
    nameable.sort(key=lambda pair: (context.tree.place(pair[1]).path.count("/"), pair[1].parent_id or "", pair[0].id))
    for _, source in nameable:
        if source.id != context.base_id:
            context.give_name(source, occupants)
    for row, source in nameable:
        line = _move_line(source, row.synced, context) if row.synced else _folder_line(row, source, context)
        if line is not None:
            placed[source.id] = line
    return placed, others


def _folder_line(row: DebtRow, source: SourceItem, context: PlanContext) -> PlanLine:
    root = source.id == context.base_id
    target_path = "/" if root else f"{context.target_folder(source.parent_id)}/{context.names[source.id]}"
    present = context.find_present(target_path)
    there = present is not None and present.kind is Kind.FOLDER
    return PlanLine(
        Action.ADOPT if there else Action.CREATE_FOLDER,
        Reason.PRESENT_AT_TARGET if there else reason_to_bring(row),
        source.id,
        Kind.FOLDER,
        context.tree.place(source).path or "/",
        target_path,
        parent_id=None if root else source.parent_id,
    )


def _move_line(source: SourceItem, synced: SyncedItem, context: PlanContext) -> PlanLine | None:
    if source.id == context.base_id:
        return None
    moved = source.parent_id != synced.parent_id
    return PlanLine(
        Action.MOVE,
        Reason.MOVED if moved else Reason.RENAMED,
        source.id,
        synced.kind,
        context.tree.place(source).path,
        f"{context.target_folder(source.parent_id)}/{context.names[source.id]}",
        parent_id=source.parent_id,
        from_path=context.synced_path(synced),
        evidence={"old_name": synced.source_name, "new_name": source.name, "parent_changed": moved},
    )


def room_line(occupant: SyncedItem, context: PlanContext) -> PlanLine:
    """Return the line that renames ``occupant`` out of the way, within its folder."""
    path = context.synced_path(occupant)
    new_name = aside(occupant.target_name, occupant.id)
    return PlanLine(
        Action.MOVE, Reason.MAKE_ROOM, occupant.id, occupant.kind, path,
        path.rpartition("/")[0] + "/" + new_name, parent_id=occupant.parent_id, from_path=path,
    )  # fmt: skip


def _order(placed: Mapping[str, PlanLine], occupants: Occupants, context: PlanContext) -> list[PlanLine]:
    """Order lines so that each finds its parent in place and its name free.

    Taking them by depth in the wanted tree excludes parent cycles: once a folder is in its final place, no later line
    can move anything above it. What remains are names held by others, and those go first or step aside.
    """
    pending = dict(sorted(placed.items(), key=lambda entry: entry[1].target_path.count("/")))
    left: set[str] = set()
    ordered: list[PlanLine] = []

    def holder(line: PlanLine) -> SyncedItem | None:
        occupant = occupants.get((line.parent_id, fold(line.target_path.rpartition("/")[2])))
        if occupant is None or occupant.item.id == line.item_id or occupant.item.id in left:
            return None
        # Whoever does not stay steps aside, also one whose own line is held: its old name is not its own any more.
        return None if occupant.stays else occupant.item

    while pending:
        ready = [line for line in pending.values() if not _waits_above(line, pending, context)]
        free = [line for line in ready if (found := holder(line)) is None or found.id not in pending]
        if not free:
            stuck = holder(ready[0])
            if stuck is not None:
                left.add(stuck.id)
                ordered.append(room_line(stuck, context))
            continue
        for line in free:
            leaving = holder(line)
            if leaving is not None:
                left.add(leaving.id)
                ordered.append(room_line(leaving, context))
            ordered.append(line)
            left.add(line.item_id)
            del pending[line.item_id]
    return ordered


def _waits_above(line: PlanLine, pending: Mapping[str, PlanLine], context: PlanContext) -> bool:
    """Say whether a folder above the wanted place of a line has yet to come to its own place."""
    at = line.parent_id
    while at is not None and at not in pending:
        folder = context.source_folders.get(at)
        at = folder.parent_id if folder else None
    return at is not None


def without_unlisted(structure: Structure, used: set[str]) -> list[PlanLine]:
    """Return the ordered lines without folders that could not be listed, as far as nothing is put into them.

    Such a folder may or may not be empty: it is made as soon as something is known to be in it. ``used`` are the ids
    of folders that something is put into, with all folders above them.
    """
    unknown = {line.item_id for line in structure.others if line.reason is Reason.UNLISTED} - used
    return [
        line for line in structure.ordered if line.action is not Action.CREATE_FOLDER or line.item_id not in unknown
    ]


def mark_empty(lines: Iterable[PlanLine], used: set[str], wanted: bool) -> list[PlanLine]:
    """Mark new folders that will hold no file; with ``wanted`` false they are skipped.

    ``used`` are the ids of folders that something is put into, with all folders above them.
    """
    return [
        line if line.action is not Action.CREATE_FOLDER or line.item_id in used else _as_empty(line, wanted)
        for line in lines
    ]


def _as_empty(line: PlanLine, wanted: bool) -> PlanLine:
    if wanted:
        return replace(line, reason=Reason.EMPTY_FOLDER)
    return replace(line, action=Action.SKIP, reason=Reason.EMPTY_FOLDER_UNWANTED)
