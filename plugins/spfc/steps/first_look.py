"""The first look at a target that held files before us: repeated until everything there has been judged once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from spfc.ledger.debts import debt_summary
from spfc.ledger.observations import mark_base
from spfc.ledger.outcomes import count_outcomes
from spfc.planning.model import Kind, Outcome, SourceItem, SyncedItem, TargetEntry
from spfc.planning.names import fold, target_name
from spfc.targets.base import Target

LOOKING = "first_look"
"""Kept as the verification of the base folder while owed files may still meet files that we did not put there."""


def look_is_due(base: SyncedItem | None) -> bool:
    """Say whether planning must look at the target: before the first run, and until the first look has ended."""
    return base is None or base.verification == LOOKING


def end_look(connection: Connection, route: str, plan_id: str) -> None:
    """End the first look when nothing is owed any more but what this plan holds back for a person to decide."""
    owed, _ = debt_summary(connection, route)
    held = sum(
        lines for (_, outcome), (lines, _) in count_outcomes(connection, plan_id).items() if outcome == Outcome.HELD
    )
    if owed <= held:
        mark_base(connection, route, LOOKING, "")


def look_at(
    target: Target, base_id: str, folders: dict[str, SourceItem], ours: Callable[[str], Iterable[SyncedItem]]
) -> dict[str, TargetEntry]:
    """Return what stands at the target where the source has folders, by folded path, without being ours.

    ``ours`` returns what we have put into a folder, by its id: when a look is repeated, our own copies are there, and
    may be about to leave. One listing per folder that exists on both sides; a target root that does not exist costs
    one call in all.
    """
    children: dict[tuple[str | None, str], str] = {
        (folder.parent_id, fold(target_name(folder.name, folder.id))): folder.id
        for folder in folders.values()
        if not folder.deleted
    }
    found: dict[str, TargetEntry] = {}
    queue = deque([(base_id, "")])
    while queue:
        folder_id, path = queue.popleft()
        entries = target.list_folder(path or "/")
        if entries is None:
            continue
        found[fold(path or "/")] = TargetEntry(path or "/", path.rpartition("/")[2], Kind.FOLDER)
        copied = {fold(item.target_name): item.id for item in ours(folder_id)}
        for entry in entries:
            name = fold(entry.name)
            child = children.get((folder_id, name))
            if copied.get(name, child) != child:
                continue  # ours, but not of the folder that has this name now
            if name not in copied:
                found[fold(f"{path}/{entry.name}")] = entry
            if entry.kind is Kind.FOLDER and child is not None:
                queue.append((child, f"{path}/{entry.name}"))
    return found
