"""The simulator's picture of one file or folder, and the keys by which disk entries are recognised."""

from __future__ import annotations

import os
from dataclasses import dataclass

Identity = tuple[int, ...]


@dataclass(slots=True)
class Item:
    """One item of the library, alive or remembered as deleted.

    `version` grows with every change (eTag), `content` with changes of the bytes (cTag). `change` is the
    number of the last change in the change log, `changed_at` its time (epoch seconds).
    """

    id: str
    guid: str
    parent: str | None
    name: str
    is_dir: bool
    dev: int = 0
    ino: int = 0
    birth: int | None = None
    ctime_ns: int = 0
    mtime_ns: int = 0
    size: int = 0
    version: int = 1
    content: int = 1
    change: int = 0
    changed_at: float = 0.0
    created_at: float = 0.0
    deleted: bool = False
    marked: bool = True
    racy: bool = False
    hash: str | None = None
    children: int = 0
    seen: int = 0

    @property
    def etag(self) -> str:
        """Tag of the whole item (Graph reference 5.1)."""
        return f'"{{{self.guid.upper()}}},{self.version}"'

    @property
    def ctag(self) -> str:
        """Tag of the content (Graph reference 5.1)."""
        return f'"c:{{{self.guid.upper()}}},{self.content}"'

    def identity(self) -> Identity:
        """What stays the same when the entry is renamed or moved on disk."""
        return identity_of(self.is_dir, self.dev, self.ino, self.birth, self.size, self.mtime_ns)

    def same_entry(self, stat: os.stat_result, birth: int | None) -> bool:
        """Say whether a disk entry at this item's place is still the one seen last."""
        return self.dev == stat.st_dev and self.ino == stat.st_ino and self.birth == birth


def identity_of(is_dir: bool, dev: int, ino: int, birth: int | None, size: int, mtime_ns: int) -> Identity:
    """Return the key of a disk entry; without a birth time, inode numbers alone may be reused too soon."""
    if birth is not None:
        return (int(is_dir), dev, ino, birth)
    return (int(is_dir), dev, ino) if is_dir else (0, dev, ino, -1, size, mtime_ns)
