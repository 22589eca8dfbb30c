"""Keeps items, change numbers and open rounds in one SQLite file, so that a restart forgets nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path

from simulators.sharepoint.items import Identity, Item
from simulators.sharepoint.rounds import Rounds

_COLUMNS = (
    "id", "guid", "parent", "name", "is_dir", "dev", "ino", "birth", "ctime_ns", "mtime_ns", "size",
    "version", "content", "change", "changed_at", "created_at", "deleted", "marked", "racy", "hash",
    "children",
)  # fmt: skip
_SCHEMA = f"""
create table if not exists items ({", ".join(_COLUMNS)}, primary key (id));
"""
_ROW = attrgetter(*_COLUMNS)


class Store:
    """All items in memory with their indexes, written through to SQLite by `flush`.

    Not thread safe: the library holds a lock around every use.
    """

    def __init__(self, state_dir: Path) -> None:
        self.rounds = Rounds(state_dir / "sharepoint.sqlite")
        self._db = self.rounds.db
        self._db.executescript(_SCHEMA)
        self.items: dict[str, Item] = {}
        self.children: dict[str, dict[str, Item]] = {}
        self.by_identity: dict[Identity, Item] = {}
        self.by_guid: dict[str, Item] = {}
        self._dirty: dict[str, Item] = {}
        self._load()
        self.change = int(self.rounds.setting("change", "0"))
        self.secret = bytes.fromhex(self.rounds.setting("secret", secrets.token_hex(32)))
        self.flush()

    def _load(self) -> None:
        # Deleted ones first: a living item keeps the identity when both claim it.
        query = f"select {', '.join(_COLUMNS)} from items order by deleted desc, change"  # noqa: S608
        for row in self._db.execute(query):
            item = Item(*row)
            item.is_dir = bool(item.is_dir)
            item.deleted, item.marked, item.racy = bool(item.deleted), bool(item.marked), bool(item.racy)
            self.items[item.id] = item
            self.by_identity[item.identity()] = item
            self.by_guid[item.guid] = item
            if not item.deleted and item.parent is not None:
                self.children.setdefault(item.parent, {})[item.name] = item

    def add(self, item: Item) -> None:
        """Take in a new item; its place among the children is set by `attach`."""
        self.items[item.id] = item
        self.by_guid[item.guid] = item
        self.index(item)

    def index(self, item: Item) -> None:
        """Note the item's present identity and that it must be written."""
        self.by_identity[item.identity()] = item
        self._dirty[item.id] = item

    def unindex(self, item: Item) -> None:
        """Forget the item's present identity, before it gets another."""
        if self.by_identity.get(item.identity()) is item:
            del self.by_identity[item.identity()]

    def touch(self, item: Item) -> None:
        """Note that the item must be written."""
        self._dirty[item.id] = item

    def detach(self, item: Item) -> None:
        """Take the item out of its folder's children, unless another has taken the name already."""
        siblings = self.children.get(item.parent or "")
        if siblings is not None and siblings.get(item.name) is item:
            del siblings[item.name]

    def attach(self, item: Item) -> None:
        """Put the item among its folder's children under its name."""
        if item.parent is not None:
            self.children.setdefault(item.parent, {})[item.name] = item

    def new_change(self, item: Item, now: float) -> None:
        """Give the item the next number of the change log."""
        self.change += 1
        item.change = self.change
        item.changed_at = now
        self._dirty[item.id] = item

    def flush(self) -> None:
        """Write everything that changed, in one transaction."""
        if self._dirty:
            marks = ", ".join("?" * len(_COLUMNS))
            statement = f"insert or replace into items values ({marks})"  # noqa: S608
            self._db.executemany(statement, _rows(self._dirty.values()))
            self._dirty.clear()
        self.rounds.change_setting("change", str(self.change))
        self._db.commit()

    def close(self) -> None:
        """Write and close."""
        self.flush()
        self._db.close()


def _rows(items: Iterable[Item]) -> Iterable[tuple[object, ...]]:
    for item in items:
        yield _ROW(item)
