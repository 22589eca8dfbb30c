"""A folder on disk in the hands of a scene: files with fixed times, so that every world of the scene is the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

CHUNK = 4096
"""Bytes per upload chunk in these runs."""

BIG = 2 * CHUNK + 100
"""Bytes of a file that needs three chunks."""

EPOCH = 1_600_000_000


class Shelf:
    """A folder whose files get times that follow each other.

    ``versions`` are the content and the time of every file that was ever here, wherever it lay.
    """

    def __init__(self, root: Path, start: int = EPOCH) -> None:
        self.root = root
        self.versions: set[tuple[bytes, int]] = set()
        self._times: Iterator[int] = count(start, 100)

    def write(self, path: str, body: bytes | str, modified: int | None = None) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body.encode() if isinstance(body, str) else body)
        self.date(path, modified)

    def date(self, path: str, modified: int | None = None) -> None:
        when = next(self._times) if modified is None else modified
        os.utime(self.root / path, (when, when))
        self.versions.add(((self.root / path).read_bytes(), when))

    def folder(self, path: str) -> None:
        (self.root / path).mkdir(parents=True)

    def move(self, old: str, new: str) -> None:
        (self.root / old).rename(self.root / new)

    def swap(self, one: str, other: str) -> None:
        self.move(one, "between")
        self.move(other, one)
        self.move("between", other)

    def remove(self, path: str) -> None:
        target = self.root / path
        if target.is_file():
            target.unlink()
            return
        for inside in sorted(target.rglob("*"), reverse=True):
            inside.rmdir() if inside.is_dir() else inside.unlink()
        target.rmdir()
