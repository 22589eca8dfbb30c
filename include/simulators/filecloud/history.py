"""Earlier contents of files: kept on overwrite, listed, restored, pruned (reference 7.5, 13)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from simulators.filecloud import disk
from simulators.filecloud.identity import Content, by_hand, sent
from simulators.filecloud.state import State, below

_COLUMNS = "fileid, number, size, mtime, serial, owner, how, created"


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a file, live or earlier. `mtime_ns` is its modification time, `blob` its bytes."""

    fileid: str
    number: int
    size: int
    mtime_ns: int
    serial: int
    owner: str
    how: str
    created: int
    blob: Path


class History:
    """Earlier versions, by the key of their file; their bytes lie outside the store."""

    def __init__(self, state: State, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._state = state
        self._folder = folder

    def keep(self, key: str, live: Path, status: os.stat_result, content: Content, most: int) -> int:
        """Keep the live content as a version, drop the oldest beyond `most`; return the version's number."""
        # A file edited by hand lost its number; versions stay in the order of their making.
        newest = self.of(key)[:1]
        number = max(content.number, newest[0].number + 1 if newest else 0)
        blob = self._folder / content.fileid
        blob.unlink(missing_ok=True)
        disk.keep_copy(live, blob)
        self._state.run(
            "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                content.fileid, key, number, status.st_size, status.st_mtime_ns, content.serial,
                content.owner, content.how, content.created,
            ),
        )  # fmt: skip
        for version in self.of(key)[most:]:
            self.delete(key, version.fileid)
        return number

    def of(self, key: str) -> list[Version]:
        """Return the earlier versions of a file, newest first."""
        rows = self._state.rows(
            f"SELECT {_COLUMNS} FROM versions WHERE path = ? ORDER BY number DESC",  # noqa: S608
            (key,),
        )
        return [Version(*[*row, self._folder / row[0]]) for row in rows]

    def live(self, path: Path, status: os.stat_result, content: Content) -> Version:
        """Return the live content in the shape of a version."""
        return Version(
            content.fileid, content.number, status.st_size, status.st_mtime_ns, content.serial,
            content.owner, content.how, content.created, path,
        )  # fmt: skip

    def delete(self, key: str, fileid: str) -> bool:
        """Delete one earlier version; False when there is no such version."""
        gone = self._state.run("DELETE FROM versions WHERE path = ? AND fileid = ?", (key, fileid))
        if gone:
            (self._folder / fileid).unlink(missing_ok=True)
        return gone > 0

    def forget(self, key: str) -> None:
        """Delete all versions of a file, or of all files below a folder."""
        span = below(key)
        rows = self._state.rows("SELECT fileid FROM versions WHERE path = ? OR (path > ? AND path < ?)", span)
        if rows:
            self._state.run("DELETE FROM versions WHERE path = ? OR (path > ? AND path < ?)", span)
        for (fileid,) in rows:
            (self._folder / fileid).unlink(missing_ok=True)

    def moved(self, old: str, new: str) -> None:
        """Let the versions follow a file or folder to its new key."""
        self._state.run(
            "UPDATE versions SET path = ? || substr(path, ?) WHERE path = ? OR (path > ? AND path < ?)",
            (new, len(old) + 1, *below(old)),
        )

    def usage(self, key: str = "") -> tuple[int, int]:
        """Return (number, bytes) of the versions at and below a key."""
        count, size = self._state.one(
            "SELECT count(*), coalesce(sum(size), 0) FROM versions WHERE path = ? OR (path > ? AND path < ?)",
            below(key),
        )
        return count, size


def content_of(version: Version) -> Content:
    """Return what identifies a version's bytes."""
    if version.serial:
        return sent(version.serial, version.number, version.owner, version.how, version.created)
    return by_hand(version.blob.stat())
