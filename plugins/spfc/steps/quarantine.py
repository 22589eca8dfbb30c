"""Put removed items into the quarantine: one move, or file by file through our hands where the target refuses that."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from spfc.errors import ItemGone, MoveRefused, NotReached, TargetChanged, TargetExists
from spfc.ledger.relocations import forget_below
from spfc.planning.model import Kind, PlanLine, SyncedItem, TargetEntry
from spfc.planning.names import not_aside
from spfc.steps.brakes import told_to_stop
from spfc.steps.context import RunContext
from spfc.steps.halting import Halt
from spfc.targets.base import Target
from spfc.targets.paths import MOST_NAMES, numbered
from spfc.transfer.carry import carry_file

log = logging.getLogger("spfc.removals")


def quarantine(run: RunContext, line: PlanLine, synced: SyncedItem, path: str, halt: Halt) -> str:
    """Take what is at ``path`` out of the mirrored tree and return where it is kept: by day, then by its former path.

    Raises ItemGone when nothing is there (any more). May be repeated: what a try that broke off has brought to the
    quarantine stays there, and the rest follows. ``halt`` says when to carry no further file.
    """
    root, day = run.route.quarantine_folder, datetime.fromtimestamp(run.now(), UTC).date().isoformat()
    folder, _, name = line.target_path.rpartition("/")
    wanted = f"/{day}{folder}/{not_aside(name, line.item_id)}"  # the name it had before it may have stepped aside
    try:
        return run.target.retire(path, synced.kind, root + wanted)
    except MoveRefused as refusal:
        log.info("%s is copied to the quarantine and then removed: %s", path, refusal)
    forget_contents(run, synced)
    # Beside the whole quarantine, not the day: what an upload that broke off has left is found there on a later day.
    return root + _Porter(run, run.target.beside(root), halt).carry(path, wanted)


def forget_contents(run: RunContext, synced: SyncedItem) -> None:
    """Forget the copies in a folder that is about to leave piece by piece; of a file there are none. Commits.

    Whoever dies half-way must not leave rows of copies that are gone: when the folder comes back at the source, they
    would be taken for in sync.
    """
    if synced.kind is Kind.FILE:
        return
    with run.writing() as connection:
        forget_below(connection, run.route.name, synced.id)
        run.renew(connection)


class _Porter:
    """Carries one removed item to another storage of the same target."""

    def __init__(self, run: RunContext, vault: Target, halt: Halt) -> None:
        self._run, self._vault, self._halt = run, vault, halt
        self._folders = {"": ""}
        """Folders of the quarantine that are there: wanted path -> real path."""

    def carry(self, path: str, wanted: str) -> str:
        """Carry what is at ``path``; return where it went below the root of the quarantine."""
        entry = self._run.target.stat(path)
        if entry is None:
            raise ItemGone("Nothing is there to be moved.", item=path)
        self._vault.make_folder("/")
        return self._file(entry, wanted) if entry.kind is Kind.FILE else self._folder(path, wanted)

    def _file(self, entry: TargetEntry, wanted: str) -> str:
        self._run.beat()
        if self._halt.hurried:
            raise told_to_stop("the rest of a folder")
        if self._halt():
            raise NotReached("There was no time to bring all of it to the quarantine.", item=entry.path)
        folder, _, name = wanted.rpartition("/")
        goal, age = f"{self._made(folder)}/{name}", int(self._run.now())
        return carry_file(self._run.target, entry, self._vault, goal, age=age, hurried=lambda: self._halt.hurried)

    def _folder(self, path: str, wanted: str) -> str:
        """Carry a folder piece by piece; a folder of that name which is there already takes the pieces in."""
        went = self._made(wanted)
        for entry in self._run.target.list_folder(path) or ():
            below = f"{wanted}/{entry.name}"
            if entry.kind is Kind.FOLDER:
                self._folder(entry.path, below)
            else:
                self._file(entry, below)
        if self._run.target.list_folder(path):
            raise TargetChanged("Somebody puts files into the folder while it is being removed.", item=path)
        self._run.target.remove(path, Kind.FOLDER)
        return went

    def _made(self, wanted: str) -> str:
        """Return the folder of the quarantine for ``wanted``; a name that a file has there gets a number."""
        if wanted not in self._folders:
            above, _, name = wanted.rpartition("/")
            self._folders[wanted] = self._new(f"{self._made(above)}/{name}")
        return self._folders[wanted]

    def _new(self, folder: str) -> str:
        for number in range(1, MOST_NAMES + 1):
            try:
                self._vault.make_folder(numbered(folder, number))
            except TargetExists:
                continue
            return numbered(folder, number)
        raise TargetExists(f"{MOST_NAMES} files of this name are where a folder must be.", item=folder)
