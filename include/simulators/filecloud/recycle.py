"""What was deleted and is kept for a while (reference 9, "deletefile")."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from simulators.filecloud import disk
from simulators.filecloud.state import State


class RecycleBin:
    """Deleted files and folders, outside the store; only the latest for each path is kept."""

    def __init__(self, state: State, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._state = state
        self._folder = folder

    def take(self, key: str, path: Path, now: float) -> None:
        """Move a file or folder out of the store into the bin."""
        old = self.find(key)
        blob = uuid4().hex
        disk.move(path, self._folder / blob)
        self._state.run("INSERT OR REPLACE INTO recycled VALUES (?, ?, ?)", (key, blob, now))
        if old is not None:
            disk.remove(old)

    def find(self, key: str) -> Path | None:
        """Return where the deleted item of a path is kept, or None."""
        row = self._state.first("SELECT blob FROM recycled WHERE path = ?", (key,))
        return self._folder / row[0] if row else None

    def usage(self) -> tuple[int, int]:
        """Return (files, bytes) in the bin."""
        _, files, size = disk.totals(self._folder)
        return files, size
