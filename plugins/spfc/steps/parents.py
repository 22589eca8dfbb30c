"""Ask the source by id for folders that items lie in but that its feed never showed (Graph reference 6.1, 6.8)."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from spfc.errors import PermissionMissing
from spfc.ledger.observations import store_items
from spfc.ledger.orphans import observed, owed_orphans, unshown_parents
from spfc.ledger.rows import chunks
from spfc.planning.model import Kind, SourceItem
from spfc.steps.context import RunContext

log = logging.getLogger("spfc.enumerate")

STORE_EVERY = 50
"""Answers stored, and the lease renewed, in one go: one request each, so well within the life of a lease."""


class Parents:
    """The missing parents of one run. Each is asked for once, however often it is named (one request each)."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._asked: set[str] = set()

    def before_sweep(self, page: Iterable[SourceItem], generation: int) -> int:
        """Complete a full enumeration whose last page is ``page``, not yet stored; return how many folders came.

        Without it the sweep would take a folder that the feed left out for a deleted one, and its content with it.
        """
        items = tuple(page)
        shown = {item.id for item in items}
        named = {item.parent_id for item in items if item.parent_id is not None and not item.deleted}
        with self._run.reading() as connection:
            missing = unshown_parents(connection, self._run.route.name, generation) | named
            missing -= shown | observed(connection, self._run.route.name, missing, generation)
        return self._fetch(missing, shown, generation, generation)

    def of_debt(self, generation: int) -> int:
        """Fetch the unknown parents of what is owed; return how many folders came.

        An item whose parent the source does not have either stays owed, and the plan holds it.
        """
        with self._run.reading() as connection:
            missing = owed_orphans(connection, self._run.route.name)
        return self._fetch(missing, set(), generation, 0)

    def _fetch(self, missing: set[str], shown: set[str], generation: int, known_from: int) -> int:
        """Fetch folders and climb; ``known_from`` is the generation from which on a folder need not be asked for."""
        found = 0
        while missing := missing - self._asked:
            self._asked |= missing
            above: set[str] = set()
            for piece in chunks(sorted(missing), STORE_EVERY):
                folders = [folder for folder in map(self._ask, piece) if folder is not None]
                above |= {folder.parent_id for folder in folders if folder.parent_id is not None}
                self._store(folders, generation)
                found += len(folders)
            with self._run.reading() as connection:
                missing = above - shown - observed(connection, self._run.route.name, above, known_from)
        return found

    def _ask(self, folder_id: str) -> SourceItem | None:
        try:
            item = self._run.source.refresh(folder_id)
        except PermissionMissing as error:
            log.warning("The folder %s, which items lie in, may not be seen: they wait. %s", folder_id, error)
            return None
        if item is None or item.deleted or item.id != folder_id or item.kind is Kind.FILE:
            log.warning("The source has no folder %s, although it lists items in it: they wait.", folder_id)
            return None
        log.info("The feed left out the folder %r; it was asked for by id.", item.name)
        return item

    def _store(self, folders: list[SourceItem], generation: int) -> None:
        with self._run.writing() as connection:
            store_items(connection, self._run.route.name, folders, generation, self._run.now())
            self._run.renew(connection)
