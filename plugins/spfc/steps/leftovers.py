"""Remove what is left at the old places of relocated items, and nothing else: whatever is not ours stays."""

from __future__ import annotations

from spfc.ledger.outcomes import LineResult
from spfc.ledger.plans import StoredLine
from spfc.ledger.relocations import holds_copies
from spfc.planning.difference import is_our_copy
from spfc.planning.model import Kind, Outcome, SyncedItem
from spfc.steps.context import RunContext
from spfc.steps.results import deferred


def remove_leftover(run: RunContext, stored: StoredLine, left: SyncedItem, path: str) -> LineResult:
    """Execute the removal of a leftover that an earlier run could not finish."""
    if left.kind is Kind.FILE:
        entry = run.target.stat(path)
        detail = "It was gone already."
        if entry is not None and is_our_copy(left, entry):
            run.target.remove(path, Kind.FILE)
            detail = "removed: it has been copied to its new place"
        elif entry is not None:
            detail = "It was changed at the target, so it stays there."
        return LineResult(stored.seq, left.id, Outcome.DONE, detail=detail, removed=True)
    note, cleared = clear_folder(run, left.id, path)
    if not cleared:
        with run.reading() as connection:
            owed = holds_copies(connection, run.route.name, left.id, owed_ones=True)
        if owed:
            return deferred(stored, "holds_moved_items", "Something in it has yet to be moved or removed.")
        return LineResult(stored.seq, left.id, Outcome.SKIPPED, detail=note)
    return LineResult(stored.seq, left.id, Outcome.DONE, detail=note or "removed: it was empty", removed=True)


def clear_folder(run: RunContext, left_id: str, path: str) -> tuple[str, bool]:
    """Remove the old folder of a leftover if it is empty. Returns what is to be said, and whether we are done with it.

    A folder that holds strangers' files stays and is not ours any more; one that holds copies of ours is not done with.
    """
    with run.reading() as connection:
        if holds_copies(connection, run.route.name, left_id):
            return "It still holds copies of ours, so it stays.", False
    entries = run.target.list_folder(path)
    if entries:
        return f"The old folder stays: it holds {len(entries)} items that spfc did not put there.", True
    if entries is not None:
        run.target.remove(path, Kind.FOLDER)
    return "", True
