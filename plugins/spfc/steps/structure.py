"""Execute folders, moves and adoptions; then, after the files, the folders that hold none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import Any

from spfc.errors import Interrupted, ItemGone, LedgerUnavailable, MoveRefused, SpfcError
from spfc.ledger.observations import load_source, load_synced
from spfc.ledger.outcomes import LineResult
from spfc.ledger.plans import StoredLine, stored_lines
from spfc.planning.difference import same_content
from spfc.planning.model import Action, Kind, Outcome, Reason, SourceItem, SyncedItem, Verification
from spfc.steps.brakes import Brakes
from spfc.steps.context import RunContext
from spfc.steps.first_look import LOOKING
from spfc.steps.placement import Placement
from spfc.steps.relocate import Relocation
from spfc.steps.results import deferred, name_holders, record, result_of_error, taken_by_another
from spfc.transfer.interrupt import on_termination

log = logging.getLogger("spfc.structure")

GROUP = 200
"""Lines whose outcomes are committed together: a crash repeats at most these, and repeating is harmless."""

STRUCTURE = (Action.CREATE_FOLDER, Action.MOVE, Action.ADOPT, Action.RECORD)


def apply_structure(run: RunContext, plan_id: str) -> dict[str, Any]:
    """Make needed folders, move and rename, adopt and record. Returns counts by ``action.outcome``.

    Raises :class:`~spfc.errors.Interrupted` on SIGTERM, and the ServiceError of the last file when a service fails for
    several relocated files in a row: both leave the rest pending, for another try of the task or the next run.
    """
    return _apply(run, plan_id, lambda stored: stored.line.reason is not Reason.EMPTY_FOLDER)


def create_empty_folders(run: RunContext, plan_id: str) -> dict[str, Any]:
    """Make the folders that hold no file. Returns counts by ``action.outcome``."""
    return _apply(run, plan_id, lambda stored: stored.line.reason is Reason.EMPTY_FOLDER)


def _apply(run: RunContext, plan_id: str, wanted: Callable[[StoredLine], bool]) -> dict[str, Any]:
    with run.reading() as connection:
        lines = [
            stored
            for stored in stored_lines(connection, plan_id, actions=STRUCTURE, outcomes=(Outcome.PENDING,))
            if wanted(stored)
        ]
    placement, brakes, left = Placement(run), Brakes.of(run), len(lines)
    counts: dict[str, Any] = {}
    with on_termination(brakes.stop.hurry):
        for group in groups_of(lines):
            results = Group(run, plan_id, placement, group, brakes).execute()
            record(run, plan_id, results)
            for stored, result in zip(group, results, strict=True):
                key = f"{stored.line.action}.{result.outcome}"
                counts[key] = counts.get(key, 0) + 1
            left -= len(group)
            cause = brakes.cause(run.route, left)
            if cause is not None:
                raise cause
    log.info("%s", ", ".join(f"{count} {key}" for key, count in counts.items()) or "nothing to do")
    return counts


def groups_of(lines: list[StoredLine]) -> Iterator[list[StoredLine]]:
    """Cut lines into runs that may be executed together: folders of one depth, single moves, plain records."""

    def kind_of_work(stored: StoredLine) -> tuple[str, int]:
        line = stored.line
        if line.action is Action.MOVE:
            return "move", stored.seq
        if line.kind is Kind.FOLDER:
            return "folder", 0 if line.target_path == "/" else line.target_path.count("/")
        return "remember", 0

    for _, run_of_lines in groupby(lines, kind_of_work):
        pending = list(run_of_lines)
        for start in range(0, len(pending), GROUP):
            yield pending[start : start + GROUP]


class Group:
    """One group of lines with the rows it needs."""

    def __init__(
        self, run: RunContext, plan_id: str, placement: Placement, lines: list[StoredLine], brakes: Brakes
    ) -> None:
        self._run, self._plan_id, self._placement, self._lines, self._brakes = run, plan_id, placement, lines, brakes
        ids = [stored.line.item_id for stored in lines]
        with run.reading() as connection:
            self._source = load_source(connection, run.route.name, ids)
            self._synced = load_synced(connection, run.route.name, ids)
            self._holders = name_holders(connection, run.route.name, [stored.line for stored in lines])
        for parent in {stored.line.parent_id for stored in lines}:
            placement.folder(parent)

    def execute(self) -> list[LineResult]:
        """Return one result per line, in order."""
        if len(self._lines) == 1:
            return [self._one(self._lines[0])]
        with ThreadPoolExecutor(self._run.route.limits.workers) as pool:
            return list(pool.map(self._one, self._lines))

    def _one(self, stored: StoredLine) -> LineResult:
        taken = taken_by_another(stored, self._holders)
        if taken is not None:
            return taken
        try:
            if stored.line.action is Action.MOVE:
                return self._move(stored)
            if stored.line.kind is Kind.FOLDER:
                return self._folder(stored)
            return self._remember(stored)
        except Interrupted:
            raise  # the line stays open
        except SpfcError as error:
            return result_of_error(stored, error)

    def _folder(self, stored: StoredLine) -> LineResult:
        source = self._item(stored)
        if stored.line.target_path == "/":
            path, name, parent = "/", "", None
        else:
            above = self._placement.folder(stored.line.parent_id)
            if above is None:
                return deferred(stored, "parent_missing", "The folder above it could not be made.")
            name, parent = stored.line.target_path.rpartition("/")[2], stored.line.parent_id
            path = f"{above}/{name}"
        if stored.line.action is Action.CREATE_FOLDER or path == "/":
            self._run.target.make_folder(path)  # also a root that is there: some targets mark it as ours
        self._placement.made(source.id, path)
        looking = parent is None and stored.line.action is Action.ADOPT
        synced = SyncedItem(
            source.id, parent, source.name, name, Kind.FOLDER, modified=source.modified, version=source.version,
            verification=LOOKING if looking else "",
        )  # fmt: skip
        return LineResult(stored.seq, source.id, Outcome.DONE, synced=synced)

    def _move(self, stored: StoredLine) -> LineResult:
        synced = self._synced.get(stored.line.item_id)
        old = self._placement.item(synced) if synced else None
        above = self._placement.folder(stored.line.parent_id)
        if synced is None or old is None or above is None:
            return deferred(stored, "parent_missing", "It, or the folder it belongs in, is not at the target yet.")
        name = stored.line.target_path.rpartition("/")[2]
        new = f"{above}/{name}"
        try:
            if old != new:
                self._run.target.move(old, new)
        except ItemGone as error:
            # Our copy vanished from the target: forget it, so that the next plan brings it over again.
            return replace(result_of_error(stored, error), removed=True)
        except MoveRefused:
            if stored.line.reason is not Reason.MAKE_ROOM:
                return self._relocate(stored, synced, self._item(stored), old, new)
            source = self._source.get(synced.id)
            if source is None or source.deleted:
                raise  # nothing to copy from: the removal of what is in the way comes first
            # Under the name it waits with, as below: so it stays owed until it has left this one again.
            return self._relocate(stored, synced, replace(source, name=name), old, new)
        self._placement.forget()
        return LineResult(stored.seq, synced.id, Outcome.DONE, synced=self._moved(stored, synced, name))

    def _relocate(self, stored: StoredLine, synced: SyncedItem, source: SourceItem, old: str, new: str) -> LineResult:
        try:
            return Relocation(self._run, self._plan_id, stored, self._brakes).execute(synced, source, old, new)
        finally:
            self._placement.forget()

    def _moved(self, stored: StoredLine, synced: SyncedItem, name: str) -> SyncedItem:
        if stored.line.reason is Reason.MAKE_ROOM:
            # The source has no such name, so the item stays owed until it has left this one again.
            return replace(synced, source_name=name, target_name=name)
        source = self._item(stored)
        moved = replace(synced, parent_id=stored.line.parent_id, source_name=source.name, target_name=name)
        return _recorded(moved, source) if source.kind is not Kind.FILE or same_content(source, synced) else moved

    def _remember(self, stored: StoredLine) -> LineResult:
        source = self._item(stored)
        synced = self._synced.get(source.id)
        if stored.line.action is Action.ADOPT:
            etag = stored.line.evidence.get("target_etag")
            synced = SyncedItem(
                source.id,
                stored.line.parent_id,
                source.name,
                stored.line.target_path.rpartition("/")[2],
                Kind.FILE,
                target_etag=None if etag is None else str(etag),
                verification=Verification.ADOPTED.value,
            )
        if synced is None:
            return deferred(stored, "not_synced", "There is no copy whose new version could be recorded.")
        return LineResult(stored.seq, source.id, Outcome.DONE, synced=_recorded(synced, source))

    def _item(self, stored: StoredLine) -> SourceItem:
        source = self._source.get(stored.line.item_id)
        if source is None:
            raise LedgerUnavailable(f"The ledger lost the source row of {stored.line.path!r} during the run.")
        return source


def _recorded(synced: SyncedItem, source: SourceItem) -> SyncedItem:
    """Return the synced row as a copy of the source's current version; the bytes are the same."""
    return replace(
        synced,
        size=source.size,
        modified=synced.modified or source.modified,
        version=source.version,
        content_version=source.content_version,
        hash=source.hash,
    )
