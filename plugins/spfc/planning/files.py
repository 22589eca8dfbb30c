"""From owed files to lines: copy, update, adopt, record, skip or hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spfc.planning.context import PlanContext
from spfc.planning.debt import DebtRow, NameKey, Occupant, wanted_key
from spfc.planning.difference import TIME_TOLERANCE, same_content
from spfc.planning.model import (
    Action,
    Evidence,
    Flag,
    Kind,
    PlanLine,
    Reason,
    SourceItem,
    SyncedItem,
    TargetEntry,
    Verification,
)
from spfc.planning.tree import Standing

_STANDING_LINES = {
    Standing.UNKNOWN: (Action.HOLD, Reason.PARENT_UNKNOWN),
    Standing.EXCLUDED: (Action.SKIP, Reason.EXCLUDED),
    Standing.OPAQUE: (Action.SKIP, Reason.NOT_A_FILE),
}


@dataclass(frozen=True, slots=True)
class FilePlan:
    """Lines of plain copies; ``evicted`` are items that must step aside first; ``settled`` are owed nothing."""

    lines: tuple[PlanLine, ...]
    evicted: tuple[SyncedItem, ...]
    settled: tuple[str, ...]


def hold_or_skip(row: DebtRow, context: PlanContext) -> PlanLine | None:
    """Return the line of an item that is not to be brought over now, None for one that is."""
    source = row.source
    if source is None:
        return None
    place = context.tree.place(source)
    verdict = _STANDING_LINES.get(place.standing)
    evidence: dict[str, str | int | bool | None] = {}
    if verdict is None and source.flags:
        verdict = (Action.HOLD, _reason_of(source.flags))
        evidence = {"flags": ",".join(sorted(source.flags)), "pending": Flag.PENDING in source.flags}
    if verdict is None and row.next_try > context.now and not context.ignore_backoff:
        verdict = (Action.HOLD, Reason.BACKING_OFF)
        seconds = int(row.next_try - context.now) + 1
        evidence = {"attempts": row.attempts, "last_error": row.last_code, "seconds_left": seconds}
    if verdict is None:
        return None
    action, reason = verdict
    return PlanLine(
        action, reason, row.id, source.kind, place.path or "/", place.path or "/",
        parent_id=source.parent_id, size=source.size, evidence=evidence,
    )  # fmt: skip


def _reason_of(flags: frozenset[Flag]) -> Reason:
    """Say why an item with these marks waits for somebody to change something at the source."""
    if Flag.PATH_TOO_LONG in flags:
        return Reason.PATH_TOO_LONG
    return Reason.UNLISTED if Flag.UNLISTED in flags else Reason.BLOCKED_BY_SOURCE


def plan_files(rows: Iterable[DebtRow], context: PlanContext, occupants: Mapping[NameKey, Occupant]) -> FilePlan:
    """Turn rows that are :attr:`~spfc.planning.debt.DebtRow.is_copy_only` into lines.

    All files of one folder that collide must come in one call or in the order of their folded names.
    """
    lines: list[PlanLine] = []
    evicted: list[SyncedItem] = []
    settled: list[str] = []
    for row in rows:
        source = row.source
        if source is None:
            continue
        if context.tree.place(source).standing in (Standing.DELETED, Standing.OUTSIDE):
            settled.append(row.id)
            continue
        held = hold_or_skip(row, context)
        if held is None and row.synced is None:
            context.give_name(source, occupants)
            evicted.extend(_standing_in_the_way(source, occupants))
        lines.append(held or copy_line(row, source, context))
    return FilePlan(tuple(lines), tuple(evicted), tuple(settled))


def _standing_in_the_way(source: SourceItem, occupants: Mapping[NameKey, Occupant]) -> list[SyncedItem]:
    occupant = occupants.get(wanted_key(source)) if occupants else None
    if occupant is None or occupant.stays or occupant.item.id == source.id:
        return []
    return [occupant.item]


def copy_line(row: DebtRow, source: SourceItem, context: PlanContext) -> PlanLine:
    """Return the line that makes the target hold the current bytes of a live file, ``source`` of ``row``."""
    name = context.names.get(source.id) or (row.synced.target_name if row.synced else "?")
    target_path = f"{context.target_folder(source.parent_id)}/{name}"
    action, reason, evidence = _judge(row, source, context.find_present(target_path))
    if reason is Reason.CHANGED_AT_TARGET and context.target_wins:
        action = Action.SKIP
    copied = action in (Action.UPLOAD, Action.UPDATE)
    return PlanLine(
        action, reason, source.id, Kind.FILE, context.tree.place(source).path, target_path,
        parent_id=source.parent_id, size=source.size if copied else 0, evidence=evidence,
    )  # fmt: skip


def _judge(row: DebtRow, source: SourceItem, present: TargetEntry | None) -> tuple[Action, Reason, Evidence]:
    """Decide between new, changed and merely re-tagged content."""
    synced = row.synced
    if synced is None:
        action, reason, evidence = _judge_present(source, present)
        return action, reason_to_bring(row) if action is Action.UPLOAD else reason, evidence
    if synced.verification == Verification.FOREIGN:
        theirs: Evidence = {"target_size": synced.size, "target_modified": synced.modified}
        return Action.UPDATE, Reason.CHANGED_AT_TARGET, theirs
    seen: Evidence = {"old_version": synced.version, "new_version": source.version, "old_size": synced.size}
    if same_content(source, synced):
        return Action.RECORD, Reason.METADATA_ONLY, seen
    return Action.UPDATE, Reason.CONTENT_CHANGED, {**seen, "new_size": source.size}


def reason_to_bring(row: DebtRow) -> Reason:
    """Say why an item that is not at the target is brought there: it is new, or its copy has vanished."""
    return Reason.MISSING_AT_TARGET if row.last_code == Reason.MISSING_AT_TARGET else Reason.NEW


def _judge_present(source: SourceItem, present: TargetEntry | None) -> tuple[Action, Reason, Evidence]:
    """Decide about a file that we never copied, knowing what already stands at its path."""
    if present is None:
        return Action.UPLOAD, Reason.NEW, {}
    evidence: Evidence = {
        "target_size": present.size,
        "target_modified": present.modified,
        "target_etag": present.etag,
        "source_modified": source.modified,
    }
    if present.kind is not Kind.FILE:
        return Action.HOLD, Reason.NAME_COLLISION, evidence
    if present.modified is None:  # of unknown age: it may be somebody's work, so it is not ours to replace
        return Action.HOLD, Reason.NEWER_AT_TARGET, evidence
    if present.modified + TIME_TOLERANCE < source.modified:
        return Action.UPDATE, Reason.NEWER_AT_SOURCE, evidence
    if present.size == source.size and present.modified <= source.modified + TIME_TOLERANCE:
        return Action.ADOPT, Reason.PRESENT_AT_TARGET, evidence
    return Action.HOLD, Reason.NEWER_AT_TARGET, evidence
