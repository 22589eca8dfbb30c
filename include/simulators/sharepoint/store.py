"""Keeps items, change numbers and open rounds in one SQLite file, so that a restart forgets nothing."""

from __future__ import annotations

import json
import secrets
import sqlite3
import zlib
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path

from simulators.sharepoint.items import Identity, Item

_COLUMNS = (
    "id", "guid", "parent", "name", "is_dir", "dev", "ino", "birth", "ctime_ns", "mtime_ns", "size",
    "version", "content", "change", "changed_at", "created_at", "deleted", "marked", "racy", "hash",
    "children",
)  # fmt: skip
_SCHEMA = f"""
create table if not exists items ({", ".join(_COLUMNS)}, primary key (id));
create table if not exists meta (key primary key, value);
create table if not exists rounds (id integer primary key, layout blob);
"""
_ROW = attrgetter(*_COLUMNS)
_KEEP_ROUNDS = 32


class Store:
    """All items in memory with their indexes, written through to SQLite by `flush`.

    Not thread safe: the library holds a lock around every use.
    """

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(state_dir / "sharepoint.sqlite", check_same_thread=False)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.executescript(_SCHEMA)
        self.items: dict[str, Item] = {}
        self.children: dict[str, dict[str, Item]] = {}
        self.by_identity: dict[Identity, Item] = {}
        self.by_guid: dict[str, Item] = {}
        self._dirty: dict[str, Item] = {}
        self._rounds: dict[int, list[list[str]]] = {}
        self._load()
        self.change = int(self._meta("change", "0"))
        self._round = int(self._meta("round", "0"))
        self.secret = bytes.fromhex(self._meta("secret", secrets.token_hex(32)))
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

    def _meta(self, key: str, default: str) -> str:
        self._db.execute("insert or ignore into meta values (?, ?)", (key, default))
        return str(self._db.execute("select value from meta where key = ?", (key,)).fetchone()[0])

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

    def save_round(self, layout: list[list[str]]) -> int:
        """Keep the pages (item ids) of a round that has more than one; return its number."""
        self._round += 1
        self._rounds[self._round] = layout
        self._db.execute(
            "insert into rounds values (?, ?)", (self._round, zlib.compress(json.dumps(layout).encode(), 1))
        )
        old = self._round - _KEEP_ROUNDS
        self._db.execute("delete from rounds where id <= ?", (old,))
        self._rounds.pop(old, None)
        self._db.execute("update meta set value = ? where key = 'round'", (str(self._round),))
        self._db.commit()
        return self._round

    def load_round(self, number: int) -> list[list[str]] | None:
        """Return the pages of a round, or None when it is no longer known."""
        layout = self._rounds.get(number)
        if layout is None:
            row = self._db.execute("select layout from rounds where id = ?", (number,)).fetchone()
            if row is None:
                return None
            layout = json.loads(zlib.decompress(row[0]))
            self._rounds[number] = layout
        return layout

    def flush(self) -> None:
        """Write everything that changed, in one transaction."""
        if self._dirty:
            marks = ", ".join("?" * len(_COLUMNS))
            statement = f"insert or replace into items values ({marks})"  # noqa: S608
            self._db.executemany(statement, _rows(self._dirty.values()))
            self._dirty.clear()
        self._db.execute("update meta set value = ? where key = 'change'", (str(self.change),))
        self._db.commit()

    def close(self) -> None:
        """Write and close."""
        self.flush()
        self._db.close()


def _rows(items: Iterable[Item]) -> Iterable[tuple[object, ...]]:
    for item in items:
        yield _ROW(item)
