"""Which content a file holds: etag, version id, version number, who sent it and how.

Rows are kept by inode, so renaming a folder of a million files costs nothing, and count only while size and
time on disk still match: a file edited by hand is a new content with a new etag.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

from simulators.filecloud.state import State

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Content:
    """One content of one file. `serial` is 0 for files that were put into the store by hand."""

    token: str
    serial: int = 0
    number: int = 1
    owner: str = ""
    how: str = "external"
    created: int = 0

    @property
    def fileid(self) -> str:
        """The version id: 24 hexadecimal digits, opaque."""
        return hashlib.blake2b(self.token.encode(), digest_size=12, person=b"fileid").hexdigest()

    def etag(self, path: str = "") -> str:
        """Return the etag: 32 hexadecimal digits, opaque. With `path`, it depends on the path too."""
        return hashlib.blake2b(f"{self.token}|{path}".encode(), digest_size=16, person=b"etag").hexdigest()


def by_hand(status: os.stat_result) -> Content:
    """Return the content of a file that did not come through the server."""
    token = f"disk:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
    return Content(token, created=int(status.st_mtime))


def sent(serial: int, number: int, owner: str, how: str, created: int) -> Content:
    """Return the content that an upload brought."""
    return Content(f"sent:{serial}", serial, number, owner, how, created)


class Contents:
    """Contents by inode."""

    def __init__(self, state: State) -> None:
        self._state = state

    def of(self, status: os.stat_result) -> Content:
        """Return the content of a file that is on disk."""
        row = self._state.first(
            "SELECT serial, number, owner, how, created FROM files WHERE inode = ? AND size = ? AND mtime = ?",
            (_signed(status.st_ino), status.st_size, status.st_mtime_ns),
        )
        return sent(*row) if row else by_hand(status)

    def of_many(self, statuses: Iterable[os.stat_result]) -> list[Content]:
        """Return the contents of several files, in the same order, in few queries."""
        wanted = list(statuses)
        found: dict[tuple[int, int, int], Content] = {}
        for start in range(0, len(wanted), _BATCH):
            inodes = [_signed(s.st_ino) for s in wanted[start : start + _BATCH]]
            marks = ",".join("?" * len(inodes))
            for inode, size, mtime, *rest in self._state.rows(
                f"SELECT inode, size, mtime, serial, number, owner, how, created FROM files "  # noqa: S608
                f"WHERE inode IN ({marks})",
                inodes,
            ):
                found[inode, size, mtime] = sent(*rest)
        return [found.get((_signed(s.st_ino), s.st_size, s.st_mtime_ns)) or by_hand(s) for s in wanted]

    def put(self, status: os.stat_result, content: Content) -> None:
        """Remember the content of a file that is on disk; one put there by hand speaks for itself."""
        if not content.serial:
            return
        self._state.run(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _signed(status.st_ino), status.st_size, status.st_mtime_ns, content.serial, content.number,
                content.owner, content.how, content.created,
            ),
        )  # fmt: skip

    def fresh(self, number: int, owner: str, how: str, created: int) -> Content:
        """Return a content that never existed before."""
        return sent(self._state.next_serial(), number, owner, how, created)


def _signed(inode: int) -> int:
    # SQLite holds 63 bits and a sign; some file systems use all 64.
    return inode - (1 << 64) if inode >= 1 << 63 else inode
