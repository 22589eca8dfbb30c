"""What the server must remember besides the files themselves, in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    inode INTEGER PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, serial INTEGER NOT NULL,
    number INTEGER NOT NULL, owner TEXT NOT NULL, how TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS versions (
    fileid TEXT PRIMARY KEY, path TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL,
    mtime INTEGER NOT NULL, serial INTEGER NOT NULL, owner TEXT NOT NULL, how TEXT NOT NULL,
    created INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS versions_path ON versions (path);
CREATE TABLE IF NOT EXISTS staged (key TEXT PRIMARY KEY, path TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recycled (path TEXT PRIMARY KEY, blob TEXT NOT NULL, deleted REAL NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS locks (
    path TEXT PRIMARY KEY, readlock INTEGER NOT NULL, expires REAL NOT NULL, owner TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    version INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, folder INTEGER NOT NULL,
    deleted INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, user TEXT NOT NULL, csrf TEXT NOT NULL, seen REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts (
    user TEXT PRIMARY KEY, failures INTEGER NOT NULL, locked_until REAL NOT NULL) WITHOUT ROWID;
"""
_COUNTER_BITS = 40


class State:
    """The database of one simulator; used by one thread at a time.

    Not synchronised to disk: it survives the end of the process, not that of the machine.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(_SCHEMA)
        self._db.execute("INSERT INTO meta VALUES ('starts', 1) ON CONFLICT DO UPDATE SET value = value + 1")
        # Serials never come twice, without a write for each: number of starts, then a counter.
        self._serial = int(self.one("SELECT value FROM meta")[0]) << _COUNTER_BITS

    def next_serial(self) -> int:
        """Return a number that was never returned before, across restarts."""
        self._serial += 1
        return self._serial

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Execute one statement, commit it, return how many rows it changed."""
        return self._db.execute(statement, values).rowcount

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        return self._db.execute(statement, values).fetchall()

    def first(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row of a query, or None."""
        return self._db.execute(statement, values).fetchone()

    def one(self, statement: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Return the only row of a query that always has one, such as a sum."""
        row: tuple[Any, ...] = self._db.execute(statement, values).fetchone()
        return row

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each row, in one transaction."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany(statement, rows)

    def close(self) -> None:
        """Close the database; a closed state cannot be used again."""
        self._db.close()


def below(path: str) -> tuple[str, str, str]:
    """Return the three values for `path = ? OR (path > ? AND path < ?)`: a path and all below it."""
    return path, path + "/", path + "0"
