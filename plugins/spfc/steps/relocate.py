"""When the target refuses to move an item: copy it to its new place, then remove it from the old one.

An item's path is computed from its parents, so it can be at one place only in the synced tree. A second row, its
*leftover* (:mod:`spfc.planning.leftovers`), stands for the other place and is owed its removal, so that the ledger
knows both places before anything happens at either:

1. One commit enters the leftover at the **new** place: what is there from now on is ours, and to be removed.
2. The new place is prepared: a file is copied from the source, verified; a folder is made, empty.
3. One commit exchanges the two: the item is at the new place, its leftover at the **old** one. The children of a
   folder stay below its leftover, each owed its own way to the folder.
4. Children follow one by one, files by this procedure, folders likewise.
5. What is left at the old place is removed, if it still is what we put there.
6. One commit forgets the leftover.

After a crash, the planner finds all that in the debt, and deals with it as with any other debt, also when the source
has changed the item, moved it elsewhere or moved it back in the meantime:

- after 1 or 2: the item is at its old place and is to move; the leftover at the new place is in its way, so it steps
  aside first, and is removed at the end. The move is refused again, and the relocation begins anew.
- after 3, 4 or 5: children below a leftover are to move to where they belong, and the leftover is to be removed, which
  waits until nothing has to leave it any more.

So no copy is removed before its new one is verified and written down, and no second copy is there that the ledger does
not know. A file whose relocation was interrupted may be copied twice, but ends up once.

Nothing is removed at an old place but files that are as we wrote them (size and time, or etag), and folders that are
empty; strangers' files stay, with their folder.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from spfc.errors import Disposition, Interrupted, ItemChanged, ItemGone, SpfcError, TargetChanged, TargetExists
from spfc.ledger.observations import load_source
from spfc.ledger.outcomes import LineResult
from spfc.ledger.overwrites import held_versions
from spfc.ledger.plans import StoredLine
from spfc.ledger.relocations import children_after, claim_places, forget_copies, leave_behind
from spfc.planning.difference import is_our_copy
from spfc.planning.leftovers import leftover_id
from spfc.planning.model import Kind, Outcome, SourceItem, SyncedItem, TargetEntry
from spfc.planning.names import fold
from spfc.steps.bookmarks import care_of
from spfc.steps.brakes import Brakes, no_room
from spfc.steps.context import RunContext
from spfc.steps.copying import bind_source
from spfc.steps.leftovers import clear_folder
from spfc.transfer.copy import copy_file
from spfc.transfer.job import Copied, CopyJob
from spfc.transfer.pool import StopSignal, run_jobs
from spfc.transfer.progress import Progress

log = logging.getLogger("spfc.structure")

DONE = "copied and removed: the target refused to move it"


@dataclass(frozen=True, slots=True)
class _Step:
    """One item on its way: its row at the old place, its source item, and both paths."""

    synced: SyncedItem
    source: SourceItem
    parent_id: str
    old: str
    new: str


@dataclass(slots=True)
class _Tally:
    """What did not go as wanted below a folder."""

    errors: list[SpfcError] = field(default_factory=list)
    waiting: int = 0
    notes: list[str] = field(default_factory=list)


class Relocation:
    """The relocation of what one plan line wanted to move. Used once.

    ``brakes`` are those of its step: when the task is told to stop, the copies under way are broken off and no other is
    begun; a full target or a service that is down ends it as it ends ordinary copies.
    """

    def __init__(self, run: RunContext, plan_id: str, stored: StoredLine, brakes: Brakes) -> None:
        self._run, self._plan_id, self._stored, self._brakes = run, plan_id, stored, brakes
        self._tag = f"{plan_id}.{stored.seq}"
        self._time_box = StopSignal(run.clock, run.now() + run.route.limits.time_box_minutes * 60)
        self._progress = Progress(1, stored.line.size, run.clock, self._speak)
        self._tally = _Tally()

    def execute(self, synced: SyncedItem, source: SourceItem, old: str, new: str) -> LineResult:
        """Relocate and return how the line ended. Raises what prevents the item itself, which then is where it was.

        That may be Interrupted. A folder that is interrupted is at its new place, and what is below it follows later.
        """
        step = _Step(synced, source, self._stored.line.parent_id or "", old, new)
        bind_source(self._run)
        log.info("%s is copied and removed, because the target refused to move it.", old)
        if source.kind is Kind.FILE:
            self._check_held([source.id])
            moved = self._file(step)
        else:
            moved = self._folder(step)
        return self._result(moved)

    def _result(self, moved: SyncedItem) -> LineResult:
        seq, tally = self._stored.seq, self._tally
        if not tally.errors and not tally.waiting:
            return LineResult(seq, moved.id, Outcome.DONE, detail="; ".join([DONE, *tally.notes]), synced=moved)
        told = "The task was told to stop." if self._brakes.stop.hurried else "The time of this task was up."
        reason = str(tally.errors[0]) if tally.errors else told
        number = len(tally.errors) + tally.waiting
        what = f"It is at its new place; {number} items of the old one have yet to follow or to go: {reason}"
        code = tally.errors[0].code if tally.errors else "not_reached"
        return LineResult(seq, moved.id, Outcome.DEFERRED, code=code, detail=what, synced=moved)

    # -- one file --------------------------------------------------------------------------------------

    def _file(self, step: _Step) -> SyncedItem:
        self._check_as_written(step, self._run.target.stat(step.old))
        self._claim([step])
        try:
            copied = self._copy(step)
        except SpfcError as error:
            self._withdraw_unused(step, error)
            raise
        self._settle([(step, copied)])
        return copied.synced

    def _check_as_written(self, step: _Step, entry: TargetEntry | None) -> None:
        """A move would carry somebody's edit of the copy along; copying from the source would lose it."""
        if entry is None:
            raise ItemGone("Nothing is there to be moved.", item=step.old)
        if not is_our_copy(step.synced, entry):
            raise TargetChanged(
                "The copy was edited at the target, which refuses to move it.", item=step.old,
                hint="Save that edit elsewhere, then remove the copy.",
            )  # fmt: skip

    def _copy(self, step: _Step) -> Copied:
        brakes, run = self._brakes, self._run
        if brakes.breaker.full:
            raise no_room()
        job = CopyJob(step.source, step.parent_id, step.new)
        care = care_of(run, lambda: brakes.stop.hurried)
        try:
            copied = copy_file(run.source, run.target, job, self._progress.add_bytes, care)
        except Interrupted:
            raise
        except SpfcError as error:
            brakes.breaker.note(error)
            raise
        brakes.breaker.note(None)
        return copied

    def _stop(self) -> bool:
        return self._time_box() or self._brakes.stop()

    def _settle(self, pairs: list[tuple[_Step, Copied]]) -> None:
        """Write new places down, remove the old copies, forget them."""
        left = [self._leftover(step.synced) for step, _ in pairs]
        self._leave([(copied.synced, leftover) for (_, copied), leftover in zip(pairs, left, strict=True)])
        gone = []
        for (step, _), leftover in zip(pairs, left, strict=True):
            try:
                self._run.target.remove(step.old, Kind.FILE)
            except SpfcError as error:
                self._note(error)
            else:
                gone.append(leftover.id)
        self._forget(gone)

    # -- one folder ------------------------------------------------------------------------------------

    def _folder(self, step: _Step) -> SyncedItem:
        entries = self._run.target.list_folder(step.old)
        if entries is None:
            raise ItemGone("Nothing is there to be moved.", item=step.old)
        self._claim([step])
        try:
            self._run.target.make_folder(step.new)
        except SpfcError as error:
            self._withdraw_unused(step, error)
            raise
        source = step.source
        name = step.new.rpartition("/")[2]
        moved = replace(
            step.synced, parent_id=step.parent_id, source_name=source.name, target_name=name, version=source.version
        )
        left = self._leftover(step.synced)
        self._leave([(moved, left)])
        self._files(step, left.id, {fold(entry.name): entry for entry in entries})
        self._folders(step, left.id)
        try:
            self._clear(step.old, left)
        except SpfcError as error:
            self._note(error)
        return moved

    def _files(self, above: _Step, left: str, entries: Mapping[str, TargetEntry]) -> None:
        def work(step: _Step) -> tuple[_Step, Copied | SpfcError]:
            try:
                return step, self._copy(step)
            except SpfcError as error:
                return step, error

        for piece in self._pieces(above, left, folders=False):
            waiting = {step.synced.id: step for step in self._as_written(piece, entries)}
            steps = list(waiting.values())
            self._claim(steps)
            for results in run_jobs(steps, work, workers=self._run.route.limits.workers, stop=self._stop):
                self._settle([(step, got) for step, got in results if isinstance(got, Copied)])
                for step, got in results:
                    if isinstance(got, Interrupted):
                        continue
                    del waiting[step.synced.id]
                    if isinstance(got, SpfcError):
                        self._withdraw_unused(step, got)
                        self._note(got)
            self._tally.waiting += len(waiting)
            self._forget([leftover_id(self._tag, item_id) for item_id in waiting])

    def _as_written(self, steps: list[_Step], entries: Mapping[str, TargetEntry]) -> Iterator[_Step]:
        """Yield the steps whose old copies are as we wrote them; what vanished is forgotten, to be brought anew."""
        for step in steps:
            try:
                self._check_as_written(step, entries.get(fold(step.synced.target_name)))
            except ItemGone as error:
                self._note(error)
                self._forget([step.synced.id], owed_still=True)
            except TargetChanged as error:
                self._note(error)
            else:
                yield step

    def _folders(self, above: _Step, left: str) -> None:
        for steps in self._pieces(above, left, folders=True):
            for step in steps:
                if self._stop():
                    self._tally.waiting += 1
                    continue
                try:
                    self._folder(step)
                except SpfcError as error:
                    self._note(error)

    def _pieces(self, above: _Step, left: str, *, folders: bool) -> Iterator[list[_Step]]:
        """Yield the children that belong into the folder under their present names; others have lines of their own."""
        folder_id, after = above.synced.id, ""
        while True:
            with self._run.reading() as connection:
                children = children_after(connection, self._run.route.name, left, folders=folders, after=after)
                ids = [child.id for child in children]
                sources = load_source(connection, self._run.route.name, ids)
                held = held_versions(connection, self._plan_id, ids)
            if not children:
                return
            after = ids[-1]
            yield [
                _Step(child, source, folder_id, f"{above.old}/{child.target_name}", f"{above.new}/{child.target_name}")
                for child in children
                if (source := sources.get(child.id)) is not None and _belongs(source, child, folder_id)
                if child.id not in held
            ]

    def _clear(self, path: str, left: SyncedItem) -> None:
        note, cleared = clear_folder(self._run, left.id, path)
        if cleared:
            self._forget([left.id])
            if note:
                self._tally.notes.append(note)

    # -- bookkeeping -----------------------------------------------------------------------------------

    def _check_held(self, ids: list[str]) -> None:
        with self._run.reading() as connection:
            if held_versions(connection, self._plan_id, ids):
                raise ItemChanged("Its new content is held by the guard of overwrites, so it cannot be copied.")

    def _leftover(self, synced: SyncedItem) -> SyncedItem:
        return replace(synced, id=leftover_id(self._tag, synced.id))

    def _claim(self, steps: list[_Step]) -> None:
        run, claims = self._run, [self._claimed(step) for step in steps]
        if claims:
            with run.writing() as connection:
                claim_places(connection, route=run.route.name, run_id=run.run_id, now=run.now(), claims=claims)
                run.renew(connection)

    def _claimed(self, step: _Step) -> SyncedItem:
        """Return the leftover at the new place, as the copy that is to be made there would be recognised."""
        source, name = step.source, step.new.rpartition("/")[2]
        return SyncedItem(
            leftover_id(self._tag, source.id), step.parent_id, name, name, source.kind,
            size=source.size, modified=source.modified, version=source.version,
        )  # fmt: skip

    def _withdraw_unused(self, step: _Step, error: SpfcError) -> None:
        """Forget the claim of a place that was not used; one that may have been used stays, and is cleared later."""
        if isinstance(error, TargetExists) or self._run.target.stat(step.new) is None:
            self._forget([leftover_id(self._tag, step.synced.id)])

    def _leave(self, pairs: list[tuple[SyncedItem, SyncedItem]]) -> None:
        run = self._run
        if pairs:
            with run.writing() as connection:
                leave_behind(connection, route=run.route.name, run_id=run.run_id, now=run.now(), pairs=pairs)
                run.renew(connection)

    def _forget(self, ids: list[str], *, owed_still: bool = False) -> None:
        if ids:
            with self._run.writing() as connection:
                forget_copies(connection, self._run.route.name, ids, owed_still=owed_still, now=self._run.now())
                self._run.renew(connection)

    def _note(self, error: SpfcError) -> None:
        if error.disposition is Disposition.STOP:
            raise error
        self._tally.errors.append(error)

    def _speak(self, text: str) -> None:
        """One huge file may take longer than a lease lasts: the moving bytes keep it alive."""
        with self._run.writing() as connection:
            self._run.renew(connection)
        log.info("%s", text)


def _belongs(source: SourceItem, child: SyncedItem, folder_id: str) -> bool:
    return not source.deleted and source.parent_id == folder_id and source.name == child.source_name
