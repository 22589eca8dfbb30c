"""Locks on files and folders that a user asked for (reference 5, rows lock and lock state)."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.filecloud.state import State, below


@dataclass(frozen=True, slots=True)
class Lock:
    """Who locked something. `readlock` also forbids others to read."""

    owner: str
    readlock: bool


class Locks:
    """Locks by key; one that has run out is as if it were not there."""

    def __init__(self, state: State) -> None:
        self._state = state

    def put(self, key: str, owner: str, readlock: bool, expires: float) -> None:
        """Lock until `expires` (epoch seconds, 0 = until unlocked)."""
        self._state.run("INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?)", (key, readlock, expires, owner))

    def remove(self, key: str) -> None:
        """Unlock; nothing locked is fine."""
        self._state.run("DELETE FROM locks WHERE path = ?", (key,))

    def forget(self, key: str) -> None:
        """Unlock an item and all below it: it was removed or moved."""
        self._state.run("DELETE FROM locks WHERE path = ? OR (path > ? AND path < ?)", below(key))

    def of(self, key: str, now: float) -> Lock | None:
        """Return the lock on an item, or None."""
        row = self._state.first(
            "SELECT owner, readlock FROM locks WHERE path = ? AND (expires = 0 OR expires > ?)", (key, now)
        )
        return Lock(row[0], bool(row[1])) if row else None

    def inside(self, key: str, now: float) -> set[str]:
        """Return the keys of what is locked directly or anywhere below a folder."""
        rows = self._state.rows(
            "SELECT path FROM locks WHERE path > ? AND path < ? AND (expires = 0 OR expires > ?)",
            (key + "/", key + "0", now),
        )
        return {path for (path,) in rows}
