"""Everything about the tree that planning looks up while it turns debt into lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from spfc.planning.debt import NameKey, Occupant
from spfc.planning.model import SourceItem, SyncedItem, TargetEntry
from spfc.planning.names import distinguish, fold, target_name
from spfc.planning.scope import PathGlobs
from spfc.planning.tree import SourceTree


@dataclass(slots=True)
class PlanContext:
    """The trees as far as they matter to one plan.

    ``folders`` are the synced rows of all folders that are, or were, above an owed item. ``present`` is what a first
    look at the target found, by folded target path; empty when the target needed no look.
    """

    base_id: str
    tree: SourceTree
    folders: Mapping[str, SyncedItem]
    source_folders: Mapping[str, SourceItem]
    present: Mapping[str, TargetEntry] = field(default_factory=dict)
    paths: PathGlobs = field(default_factory=lambda: PathGlobs(()))
    now: float = 0.0
    ignore_backoff: bool = False
    target_wins: bool = False
    """A copy that was edited at the target stays as it is, whatever becomes of its source."""
    names: dict[str, str] = field(default_factory=dict)
    """Target names given out by this plan, by item id."""
    _taken: dict[NameKey, str] = field(default_factory=dict)
    _target_paths: dict[str, str] = field(default_factory=dict)

    def give_name(self, source: SourceItem, occupants: Mapping[NameKey, Occupant]) -> str:
        """Return the target name for a new, renamed or moved item; a later twin gets a stable suffix."""
        name = target_name(source.name, source.id)
        key = (source.parent_id, fold(name))
        occupant = occupants.get(key)
        staying = occupant is not None and occupant.stays and occupant.item.id != source.id
        if staying or self._taken.get(key, source.id) != source.id:
            name = distinguish(name, source.id)
            key = (source.parent_id, fold(name))
        self._taken[key] = source.id
        self.names[source.id] = name
        return name

    def forget_names(self, items: Iterable[SourceItem], folder_id: str | None) -> None:
        """Drop the names of new files, except in ``folder_id``, where more of them may come: memory stays bounded."""
        for item in items:
            if item.parent_id != folder_id:
                name = self.names.pop(item.id, None)
                if name is not None:
                    self._taken.pop((item.parent_id, fold(name)), None)

    def target_folder(self, folder_id: str | None) -> str:
        """Return the target path that a source folder will have when the plan is done; the root is ``""``."""
        if folder_id is None or folder_id == self.base_id:
            return ""
        known = self._target_paths.get(folder_id)
        if known is None:
            source = self.source_folders.get(folder_id)
            parent = self.target_folder(source.parent_id) if source else ""
            known = self._target_paths[folder_id] = f"{parent}/{self._name_of(folder_id)}"
        return known

    def synced_path(self, item: SyncedItem) -> str:
        """Return the target path at which the item lies now."""
        segments = [item.target_name]
        parent = item.parent_id
        while parent is not None and parent != self.base_id:
            folder = self.folders.get(parent)
            if folder is None:
                segments.append("?")
                break
            segments.append(folder.target_name)
            parent = folder.parent_id
        return "/" + "/".join(reversed([s for s in segments if s]))

    def find_present(self, target_path: str) -> TargetEntry | None:
        """Return what the first look found at a target path."""
        return self.present.get(fold(target_path)) if self.present else None

    def _name_of(self, folder_id: str) -> str:
        if folder_id in self.names:
            return self.names[folder_id]
        if folder_id in self.folders:
            return self.folders[folder_id].target_name
        return "?"
