"""What people do to a library folder on disk, chosen by plain numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1024
"""Bytes of an upload chunk in stateful runs."""
SIZES = (0, 1, 10, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7)
NAMES = (
    "a.txt", "A.txt", "b.bin", "c", "C", "100% #1.txt", "d.", "e\u0301t\u00e9.txt", "\u00e9t\u00e9.txt", " lead",
    "what?.txt", "a:b", "日本.dat", "tail ", "sub", "x.tar.gz", "q\u201b\uff1f",
)  # fmt: skip
"""Few, so that they collide: case, Unicode form, and names that FileCloud cannot hold (planning.names)."""
ANCHOR = "anchor.txt"
"""Never touched: a library that falls empty is suspected, and rightly so."""


@dataclass
class LibraryFolder:
    """The folder. Every version of a file that is not empty has bytes and a time that no other ever had.

    ``hidden`` is a place outside of the library from which things come back. All numbers are taken modulo what there
    is to choose from, so that any list of numbers is a valid sequence of edits.
    """

    root: Path
    hidden: Path
    serial: int = 0

    def __post_init__(self) -> None:
        self.hidden.mkdir()
        self.write(self.root / ANCHOR, 10)

    def edit(self, kind: str, one: int, two: int, three: int) -> str:
        """Do one thing and return what was done, empty when there was nothing to do it to."""
        done = EDITS[kind](self, one, two, three)
        return f"{kind} {done}" if done else ""

    def files(self) -> list[Path]:
        """Return all files, in a stable order."""
        return sorted(path for path in self.root.rglob("*") if path.is_file())

    def folders(self) -> list[Path]:
        """Return all folders, the root first."""
        return [self.root, *sorted(path for path in self.root.rglob("*") if path.is_dir())]

    def show(self, path: Path) -> str:
        """Return a path as a reader wants to see it."""
        return repr(str(path.relative_to(self.root)))

    # -- choosing ------------------------------------------------------------------------------------

    def _file(self, number: int) -> Path | None:
        choice = [path for path in self.files() if path != self.root / ANCHOR]
        return choice[number % len(choice)] if choice else None

    def _folder(self, number: int) -> Path | None:
        choice = self.folders()[1:]
        return choice[number % len(choice)] if choice else None

    def _any(self, number: int) -> Path | None:
        return self._folder(number // 2) if number % 3 == 0 else self._file(number // 2)

    def _place(self, number: int, name: int) -> Path:
        folders = self.folders()
        return folders[number % len(folders)] / NAMES[name % len(NAMES)]

    def write(self, path: Path, size: int, prefix: bytes = b"") -> None:
        """Write bytes that were never written before (but for empty files), with a time of their own."""
        self.serial += 1
        stamp = b"<%d>" % self.serial
        body = prefix + (stamp * (1 + size // len(stamp)))[:size]
        path.write_bytes(body if not size or len(body) >= len(stamp) else body + stamp)
        os.utime(path, (1_600_000_000 + self.serial * 10,) * 2)

    # -- edits ---------------------------------------------------------------------------------------

    def _new_file(self, place: int, name: int, size: int) -> str:
        path = self._place(place, name)
        if path.exists():
            return ""
        self.write(path, SIZES[size % len(SIZES)])
        return self.show(path)

    def _new_folder(self, place: int, name: int, _: int) -> str:
        path = self._place(place, name)
        if path.exists():
            return ""
        path.mkdir()
        return self.show(path)

    def _overwrite(self, which: int, size: int, replace: int) -> str:
        """Write a file anew; in place, or as editors do by putting another file in its place."""
        path = self._file(which)
        if path is None:
            return ""
        if replace % 2:
            path.unlink()
        self.write(path, SIZES[size % len(SIZES)])
        return self.show(path)

    def _append(self, which: int, size: int, _: int) -> str:
        path = self._file(which)
        if path is None:
            return ""
        self.write(path, 1 + SIZES[size % len(SIZES)], path.read_bytes())
        return self.show(path)

    def _rename(self, which: int, name: int, _: int) -> str:
        path = self._any(which)
        return "" if path is None else self._move_to(path, path.with_name(NAMES[name % len(NAMES)]))

    def _change_case(self, which: int, _: int, __: int) -> str:
        path = self._any(which)
        return "" if path is None else self._move_to(path, path.with_name(path.name.swapcase()))

    def _move(self, which: int, place: int, name: int) -> str:
        path = self._any(which)
        if path is None:
            return ""
        goal = self._place(place, name // 2)
        return self._move_to(path, goal if name % 2 else goal.with_name(path.name))

    def _move_to(self, path: Path, goal: Path) -> str:
        if goal.exists() or goal.is_relative_to(path):
            return ""
        path.rename(goal)
        return f"{self.show(path)} -> {self.show(goal)}"

    def _delete(self, which: int, _: int, __: int) -> str:
        """Delete a file, or a folder with all in it; nothing that is deleted comes back as itself."""
        path = self._any(which)
        if path is None:
            return ""
        if path.is_dir():
            self._delete_tree(path)
        else:
            path.unlink()
        return self.show(path)

    def _delete_tree(self, path: Path) -> None:
        for below in sorted(path.rglob("*"), reverse=True):
            below.rmdir() if below.is_dir() else below.unlink()
        path.rmdir()

    def _hide(self, which: int, _: int, __: int) -> str:
        path = self._any(which)
        if path is None:
            return ""
        self.serial += 1
        path.rename(self.hidden / f"{self.serial:06}")
        return self.show(path)

    def _restore(self, which: int, place: int, name: int) -> str:
        away = sorted(self.hidden.iterdir())
        goal = self._place(place, name)
        if not away or goal.exists():
            return ""
        away[which % len(away)].rename(goal)
        return self.show(goal)

    def _swap(self, one: int, other: int, _: int) -> str:
        first, second = self._any(one), self._any(other)
        if first is None or second is None or first.is_relative_to(second) or second.is_relative_to(first):
            return ""
        aside = self.root / "aside for a moment"
        first.rename(aside)
        second.rename(first)
        aside.rename(second)
        return f"{self.show(first)} <-> {self.show(second)}"

    def _recreate(self, which: int, _: int, __: int) -> str:
        """Put a new folder of the same name in the place of one, with some of its content moved over."""
        path = self._folder(which)
        if path is None:
            return ""
        old = path.with_name("to be gone")
        path.rename(old)
        path.mkdir()
        for inside in sorted(old.iterdir())[: which % 3]:
            inside.rename(path / inside.name)
        self._delete_tree(old)
        return self.show(path)


EDITS: dict[str, Callable[[LibraryFolder, int, int, int], str]] = {
    "write": LibraryFolder._new_file,
    "mkdir": LibraryFolder._new_folder,
    "overwrite": LibraryFolder._overwrite,
    "append": LibraryFolder._append,
    "rename": LibraryFolder._rename,
    "change_case": LibraryFolder._change_case,
    "move": LibraryFolder._move,
    "delete": LibraryFolder._delete,
    "hide": LibraryFolder._hide,
    "restore": LibraryFolder._restore,
    "swap": LibraryFolder._swap,
    "recreate": LibraryFolder._recreate,
}
