"""Gather what planning needs: the trees around the debt, and what the first look at the target shows."""

from __future__ import annotations

from collections.abc import Mapping

from spfc.ledger.debts import owes_much, strike_off_unowed_ghosts, structure_rows
from spfc.ledger.drift import synced_children
from spfc.ledger.observations import find_base, load_synced
from spfc.ledger.owing import expand_new_folders
from spfc.ledger.surroundings import owed_parents, source_folders, synced_folders
from spfc.planning.context import PlanContext
from spfc.planning.debt import DebtRow
from spfc.planning.model import Kind, SourceItem, SyncedItem, TargetEntry
from spfc.planning.scope import PathGlobs
from spfc.planning.tree import SourceTree, Standing
from spfc.routes import ConflictPolicy, RunMode
from spfc.steps.context import RunContext
from spfc.steps.first_look import look_at, look_is_due


def survey(run: RunContext, seen: Mapping[str, TargetEntry]) -> tuple[PlanContext, list[DebtRow]]:
    """Return the context of the next plan and the rows that concern structure (everything but plain copies).

    Completes the debt first: the content of folders that were restored comes back with them. ``seen`` is what an audit
    found at the target without it being ours, by folded path.
    """
    with run.writing() as connection:
        base = find_base(connection, run.route.name, run.route.source.below)
        expand_new_folders(connection, run.route.name, run.now())
        strike_off_unowed_ghosts(connection, run.route.name)
    with run.reading() as connection:
        rows = structure_rows(connection, run.route.name)
        wanted, held = None, None
        if not owes_much(connection, run.route.name):
            source_parents, synced_parents = owed_parents(connection, run.route.name)
            wanted, held = {*source_parents, base.id}, {*source_parents, *synced_parents}
        folders = source_folders(connection, run.route.name, wanted)
        folders |= {row.id: row.source for row in rows if row.source and row.source.kind is not Kind.FILE}
        synced = synced_folders(connection, run.route.name, held)
        synced |= load_synced(connection, run.route.name, folders.keys() - synced.keys())
    exclude = PathGlobs(run.route.filters.exclude)
    tree = SourceTree(folders, base.id, exclude.matches)
    rows = _with_missing_folders(rows, folders, synced, tree)
    context = PlanContext(
        base_id=base.id,
        tree=tree,
        folders=synced,
        source_folders=folders,
        present={**_look(run, base.id, folders), **seen} if look_is_due(synced.get(base.id)) else seen,
        paths=PathGlobs(run.options.paths),
        now=run.now(),
        ignore_backoff=run.options.mode is RunMode.RETRY_FAILED,
        target_wins=run.route.policies.conflicts is ConflictPolicy.TARGET_WINS,
    )
    return context, rows


def _look(run: RunContext, base_id: str, folders: dict[str, SourceItem]) -> dict[str, TargetEntry]:
    def ours(folder_id: str) -> list[SyncedItem]:
        with run.reading() as connection:
            return synced_children(connection, run.route.name, [folder_id])[folder_id]

    return look_at(run.target, base_id, folders, ours)


def _with_missing_folders(
    rows: list[DebtRow], folders: dict[str, SourceItem], synced: dict[str, SyncedItem], tree: SourceTree
) -> list[DebtRow]:
    """Add folders that owed items need but that are not at the target, such as empty ones that were not wanted."""
    owed = {row.id for row in rows}
    missing = [
        DebtRow(folder, None)
        for folder in folders.values()
        if folder.id not in owed and folder.id not in synced and tree.place(folder).standing is Standing.WANTED
    ]
    return rows + missing
