"""The SQLite file in which a feed's state outlives a restart: settings, and the pages of open rounds."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

_SCHEMA = """
create table if not exists meta (key primary key, value);
create table if not exists rounds (id integer primary key, layout blob);
"""
_KEEP_ROUNDS = 32

Layout = list[list[str]]
"""The pages of a round, each as the keys of what it tells of."""


class Rounds:
    """A state file with its settings and rounds. Not thread safe: whoever owns it holds a lock around every use."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.execute("pragma journal_mode=wal")
        self.db.execute("pragma synchronous=off")
        self.db.executescript(_SCHEMA)
        self._open: dict[int, Layout] = {}
        self._last = int(self.setting("round", "0"))

    def setting(self, key: str, default: str) -> str:
        """Return a setting; the first call stores the default."""
        self.db.execute("insert or ignore into meta values (?, ?)", (key, default))
        return str(self.db.execute("select value from meta where key = ?", (key,)).fetchone()[0])

    def change_setting(self, key: str, value: str) -> None:
        """Change a setting that was asked for before; the caller commits."""
        self.db.execute("update meta set value = ? where key = ?", (value, key))

    def save(self, layout: Layout) -> int:
        """Keep the pages of a round that has more than one; return its number."""
        self._last += 1
        self._open[self._last] = layout
        packed = zlib.compress(json.dumps(layout).encode(), 1)
        self.db.execute("insert into rounds values (?, ?)", (self._last, packed))
        old = self._last - _KEEP_ROUNDS
        self.db.execute("delete from rounds where id <= ?", (old,))
        self._open.pop(old, None)
        self.change_setting("round", str(self._last))
        self.db.commit()
        return self._last

    def load(self, number: int) -> Layout | None:
        """Return the pages of a round, or None when it is no longer known."""
        layout = self._open.get(number)
        if layout is None:
            row = self.db.execute("select layout from rounds where id = ?", (number,)).fetchone()
            if row is None:
                return None
            layout = json.loads(zlib.decompress(row[0]))
            self._open[number] = layout
        return layout
