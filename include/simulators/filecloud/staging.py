"""Uploads that are not complete yet: their bytes wait here, never in the store (reference 7.4)."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import BinaryIO

from simulators.filecloud.errors import Refused
from simulators.filecloud.state import State, below

_COPY_PIECE = 1 << 20


class Chunk:
    """One chunk on its way in: it becomes part of the upload when accepted, or leaves no trace."""

    def __init__(self, path: Path, appending: bool) -> None:
        self.path = path
        self.appending = appending
        self.start = path.stat().st_size if appending else 0
        self.length = 0
        self._file: BinaryIO = path.open("ab" if appending else "wb", buffering=0)

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes of the chunk."""
        self._file.write(data)
        self.length += len(data)

    def close(self) -> None:
        """Say that the chunk has arrived in full."""
        self._file.close()

    def undo(self) -> None:
        """Remove what was written, as if the chunk had never come."""
        self._file.close()
        if not self.appending:
            self.path.unlink(missing_ok=True)
        elif self.path.exists():
            with self.path.open("r+b") as file:
                file.truncate(self.start)


class Staging:
    """Partial uploads, by session and file; they survive a restart with the session."""

    def __init__(self, state: State, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._state = state
        self._folder = folder
        self._count = 0

    def _path(self, session: str, key: str) -> Path:
        return self._folder / hashlib.blake2b(f"{session}\0{key}".encode(), digest_size=16).hexdigest()

    def length(self, session: str, key: str) -> int:
        """Return how many bytes are staged, 0 when nothing is."""
        try:
            return self._path(session, key).stat().st_size
        except FileNotFoundError:
            return 0

    def spool(self) -> Chunk:
        """Open a chunk in a file of its own."""
        self._count += 1
        return Chunk(self._folder / f"spool-{self._count}", appending=False)

    def open(self, session: str, key: str, offset: int) -> Chunk:
        """Open a chunk where it can be received without a later copy: at the end of what is staged."""
        if offset and offset == self.length(session, key):
            return Chunk(self._path(session, key), appending=True)
        return self.spool()

    def add(self, session: str, key: str, offset: int, chunk: Chunk, repeats: bool, gaps: bool = False) -> Path:
        """Make a received chunk part of the upload and return the staged file.

        A chunk at 0 starts over; one before the end replaces what follows its offset (`repeats` False:
        refused); one behind the end is refused, or with `gaps` padded (reference 7.4, sim column).
        """
        chunk.close()
        target = self._path(session, key)
        staged = chunk.start if chunk.appending else self.length(session, key)
        if offset > staged and gaps:
            with target.open("ab") as whole:
                whole.truncate(offset)
        elif offset > staged:
            raise Refused("The chunk does not follow the data received so far", "CLFC-3001")
        if offset and offset < staged and not repeats:
            raise Refused("The chunk was received before", "CLFC-3002")
        if offset == 0:
            chunk.path.replace(target)
        elif not chunk.appending:
            with target.open("r+b") as whole, chunk.path.open("rb") as piece:
                whole.truncate(offset)
                whole.seek(offset)
                shutil.copyfileobj(piece, whole, _COPY_PIECE)
            chunk.path.unlink()
        if offset == 0:
            self._state.run("INSERT OR REPLACE INTO staged VALUES (?, ?)", (target.name, key))
        return target

    def drop(self, session: str, key: str) -> None:
        """Forget one partial upload."""
        path = self._path(session, key)
        if path.exists():
            path.unlink()
            self.done(path)

    def done(self, path: Path) -> None:
        """Say that a staged file has left for the store."""
        self._state.run("DELETE FROM staged WHERE key = ?", (path.name,))

    def drop_all(self) -> None:
        """Forget all partial uploads of all sessions."""
        for path in self._folder.iterdir():
            if not path.name.startswith("spool-"):
                path.unlink(missing_ok=True)
        self._state.run("DELETE FROM staged")

    def usage(self, key: str = "") -> tuple[int, int]:
        """Return (number, bytes) of the partial uploads at and below a key."""
        rows = self._state.rows("SELECT key FROM staged WHERE path = ? OR (path > ? AND path < ?)", below(key))
        paths = [self._folder / name for (name,) in rows]
        sizes = [path.stat().st_size for path in paths if path.exists()]
        return len(sizes), sum(sizes)
