"""Where synced items lie at the target right now: paths computed from the synced tree, parent by parent."""

from __future__ import annotations

from spfc.ledger.observations import load_synced
from spfc.planning.model import SyncedItem
from spfc.steps.context import RunContext


class Placement:
    """Looks paths up in the synced tree and remembers folders until something moves."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._paths: dict[str, str] = {}

    def folder(self, folder_id: str | None) -> str | None:
        """Return the target path of a synced folder, ``""`` for the root, None when it is not at the target."""
        if folder_id is None:
            return None
        if folder_id not in self._paths:
            chain = self._chain(folder_id)
            if chain is None:
                return None
            self._remember(chain)
        return self._paths[folder_id]

    def item(self, item: SyncedItem) -> str | None:
        """Return the target path of a synced item, None when a folder above it is not at the target."""
        if item.parent_id is None:
            return "/"
        parent = self.folder(item.parent_id)
        return None if parent is None else f"{parent}/{item.target_name}"

    def made(self, folder_id: str, path: str) -> None:
        """Note a folder that was just created at ``path``."""
        self._paths[folder_id] = "" if path == "/" else path

    def forget(self) -> None:
        """Drop everything remembered: a folder has moved."""
        self._paths.clear()

    def _chain(self, folder_id: str) -> list[SyncedItem] | None:
        """Return the synced folders from ``folder_id`` up to one that is remembered, or to the root."""
        chain: list[SyncedItem] = []
        at: str | None = folder_id
        with self._run.reading() as connection:
            while at is not None and at not in self._paths:
                found = load_synced(connection, self._run.route.name, [at])
                if at not in found:
                    return None
                chain.append(found[at])
                at = found[at].parent_id
        return chain

    def _remember(self, chain: list[SyncedItem]) -> None:
        for folder in reversed(chain):
            if folder.parent_id is None:
                self._paths[folder.id] = ""
            else:
                self._paths[folder.id] = f"{self._paths[folder.parent_id]}/{folder.target_name}"
