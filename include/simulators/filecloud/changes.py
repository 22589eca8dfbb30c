"""The log behind the change feed: what the server itself created, changed or deleted (reference 10).

Kept only while the knob `change_feed` is on. Changes made by hand in the store are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulators.filecloud import disk
from simulators.filecloud.state import State, below


@dataclass(frozen=True, slots=True)
class Change:
    """The latest thing that happened at a key."""

    version: int
    key: str
    is_folder: bool
    deleted: bool


class ChangeLog:
    """Changes in the order they happened; versions count up from 1."""

    def __init__(self, state: State) -> None:
        self._state = state

    def note(self, key: str, path: Path, is_folder: bool, deleted: bool) -> None:
        """Note a change of a file or folder that is on disk at `path`, with all below a folder."""
        rows = [(key, is_folder, deleted)]
        if is_folder:
            for entry in disk.walk(path):
                inner = key + entry.path[len(str(path)) :]
                rows.append((inner, entry.is_dir(follow_symlinks=False), deleted))
        self._state.many("INSERT INTO changes (path, folder, deleted) VALUES (?, ?, ?)", rows)

    def version(self) -> int:
        """Return the number of the latest change, 0 when there was none."""
        return int(self._state.one("SELECT coalesce(max(version), 0) FROM changes")[0])

    def since(self, key: str, version: int) -> list[Change]:
        """Return the latest change of each key at or below `key` after a version, oldest first."""
        rows = self._state.rows(
            "SELECT max(version), path, folder, deleted FROM changes "
            "WHERE version > ? AND (path = ? OR (path > ? AND path < ?)) GROUP BY path ORDER BY 1",
            (version, *below(key)),
        )
        return [Change(number, path, bool(folder), bool(gone)) for number, path, folder, gone in rows]
