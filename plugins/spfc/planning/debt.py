"""What planning starts from: one row per owed item, and who stands at a wanted name."""

from __future__ import annotations

from dataclasses import dataclass

from spfc.planning.difference import same_place
from spfc.planning.model import Kind, SourceItem, SyncedItem
from spfc.planning.names import fold, target_name


@dataclass(frozen=True, slots=True)
class DebtRow:
    """An item whose source state and synced state differ. At least one of ``source`` and ``synced`` is there.

    ``next_try`` is when an item that failed before may be tried again, in seconds since 1970; ``last_code`` is the
    error code of that failure, or what an audit found (``missing_at_target``).
    """

    source: SourceItem | None
    synced: SyncedItem | None
    attempts: int = 0
    next_try: float = 0.0
    last_code: str = ""

    @property
    def id(self) -> str:
        """The source's id of the item."""
        item = self.source or self.synced
        if item is None:
            raise ValueError("a debt row needs a source item or a synced item")
        return item.id

    @property
    def is_copy_only(self) -> bool:
        """Say whether this is a live file that at most needs its bytes copied: nothing to move or remove."""
        if self.source is None or self.source.deleted or self.source.kind is not Kind.FILE:
            return False
        return self.synced is None or same_place(self.source, self.synced)


@dataclass(frozen=True, slots=True)
class Occupant:
    """Who stands at a name of a target folder. ``stays`` means that the item still belongs exactly there."""

    item: SyncedItem
    stays: bool


NameKey = tuple[str | None, str]
"""Source id of a folder, and the folded target name in it: what must be unique."""


def wanted_key(source: SourceItem) -> NameKey:
    """Return the key of the name that an item would take if nobody stood there."""
    return source.parent_id, fold(target_name(source.name, source.id))
