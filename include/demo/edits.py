"""Plays the people of the office: edits, renames, moves, deletes and restores things in a library folder."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from demo.documents import make, sentence

T = TypeVar("T")


class Deed(StrEnum):
    """What was done to the library."""

    EDIT = "edit"
    EDIT_BY_REPLACING = "edit by replacing"
    NEW_FILE = "new file"
    NEW_FOLDER = "new folder"
    RENAME_FILE = "rename file"
    RENAME_FOLDER = "rename folder"
    RENAME_CASE = "rename, case only"
    MOVE_FILE = "move file"
    MOVE_FOLDER = "move folder"
    SWAP = "swap two names"
    DELETE_FILE = "delete file"
    DELETE_FOLDER = "delete folder"
    RESTORE_FILE = "restore file"
    RESTORE_FOLDER = "restore folder"


@dataclass(frozen=True, slots=True)
class Change:
    """One deed; `before` and `after` are paths below the library ("" where there is none).

    `files` counts the files whose content or place is concerned, so that one sees what a folder weighs.
    """

    deed: Deed
    before: str
    after: str
    files: int = 1

    @property
    def sentence(self) -> str:
        """The change in one line."""
        if self.before and self.after and self.before != self.after:
            return f"{self.before}  ->  {self.after}"
        return self.after or self.before


class Office:
    """Changes a library, each time something that no earlier change has touched.

    `trash` is a folder outside the library but on the same file system: what is deleted waits there with
    its identity (inode), as in a recycle bin, until it is restored. Equal seeds do equal deeds to equal
    libraries. Raises LookupError when the library has nothing suitable left.
    """

    def __init__(self, library: Path, trash: Path, seed: int = 1) -> None:
        self._library = library
        self._trash = trash
        self._rng = random.Random(seed)
        self._seed = seed
        self._touched: set[Path] = set()
        self._above: set[Path] = set()
        """All folders above what was touched."""
        self._deleted: list[tuple[Change, Path]] = []
        self._count = 0
        trash.mkdir(parents=True, exist_ok=True)

    def first_round(self) -> list[Change]:
        """Do one deed of each kind (edits, new files: several), except that nothing is restored yet."""
        deeds: tuple[tuple[int, Callable[[], Change]], ...] = (
            (2, self.edit),
            (1, self.edit_by_replacing),
            (1, self.rename_folder),
            (1, self.move_folder),
            (1, self.delete_folder),
            (2, self.new_file),
            (1, self.new_folder),
            (2, self.rename_file),
            (1, self.rename_case),
            (2, self.move_file),
            (1, self.swap),
            (3, self.delete_file),
        )
        return [deed() for times, deed in deeds for _ in range(times)]

    def second_round(self) -> list[Change]:
        """Bring back one deleted file and every deleted folder, and edit one more file."""
        return [*self.restore(files=1), self.edit()]

    # -- deeds ---------------------------------------------------------------------------------------

    def edit(self) -> Change:
        """Append to a text file, in place: same inode, new content, new time."""
        path = self._pick_file(lambda found: found.suffix == ".txt")
        with path.open("ab") as file:
            file.write((sentence(self._rng) + "\n").encode())
        return self._change(Deed.EDIT, path, path)

    def edit_by_replacing(self) -> Change:
        """Write a new document beside the old one and put it in its place, as office programs save."""
        path = self._pick_file(lambda found: found.suffix == ".docx")
        fresh = self._trash / f"saving-{self._next()}.docx"
        fresh.write_bytes(make(path.name, self._seed + self._count))
        fresh.replace(path)
        return self._change(Deed.EDIT_BY_REPLACING, path, path)

    def new_file(self) -> Change:
        """Add a document to an existing folder."""
        name = f"New {sentence(self._rng, 3).rstrip('.')} {self._next()}.docx"
        path = self._pick_home(name) / name
        path.write_bytes(make(name, self._seed))
        return self._change(Deed.NEW_FILE, None, path)

    def new_folder(self) -> Change:
        """Add a folder with one document and an empty folder in it."""
        name = f"New & improved {self._next()} ✨"
        folder = self._pick_home(name) / name
        (folder / "Nothing in here").mkdir(parents=True)
        (folder / "First #1.txt").write_bytes(make("First #1.txt", self._seed))
        return self._change(Deed.NEW_FOLDER, None, folder)

    def rename_file(self) -> Change:
        """Give a file another, longer name in its folder."""
        path = self._pick_file(lambda found: len(found.name.encode()) < 200)
        return self._put(Deed.RENAME_FILE, path, self._unused(path, "Renamed {} {}"))

    def rename_folder(self) -> Change:
        """Give a folder another name; nothing inside it changes."""
        path = self._pick_folder()
        return self._put(Deed.RENAME_FOLDER, path, self._unused(path, "{1} (renamed {0})"))

    def rename_case(self) -> Change:
        """Change nothing but the case of a file's name."""
        path = self._pick_file(lambda found: _other_case(found) != found.name)
        return self._put(Deed.RENAME_CASE, path, path.with_name(_other_case(path)))

    def move_file(self) -> Change:
        """Move a file into another folder, under its own name."""
        path = self._pick_file()
        return self._put(Deed.MOVE_FILE, path, self._pick_home(path.name, path) / path.name)

    def move_folder(self) -> Change:
        """Move a folder with everything in it below another folder."""
        path = self._pick_folder()
        return self._put(Deed.MOVE_FOLDER, path, self._pick_home(path.name, path) / path.name)

    def swap(self) -> Change:
        """Let two files of one folder exchange their names."""
        one, other = self._pick_pair()
        aside = self._trash / f"swap-{self._next()}"
        one.rename(aside)
        other.rename(one)
        aside.rename(other)
        return self._change(Deed.SWAP, one, other, files=2)

    def delete_file(self) -> Change:
        """Move a file to the trash."""
        return self._delete(Deed.DELETE_FILE, self._pick_file())

    def delete_folder(self) -> Change:
        """Move a folder to the trash."""
        return self._delete(Deed.DELETE_FOLDER, self._pick_folder())

    def restore(self, files: int) -> list[Change]:
        """Put back every deleted folder and the first `files` deleted files, with their identity."""
        wanted = [d for d in self._deleted if d[0].deed is Deed.DELETE_FOLDER]
        wanted += [d for d in self._deleted if d[0].deed is Deed.DELETE_FILE][:files]
        changes = []
        for deletion in wanted:
            change, kept = deletion
            target = self._library / change.before
            target.parent.mkdir(parents=True, exist_ok=True)
            kept.rename(target)
            deed = Deed.RESTORE_FOLDER if change.deed is Deed.DELETE_FOLDER else Deed.RESTORE_FILE
            changes.append(Change(deed, "", change.before, change.files))
            self._deleted.remove(deletion)
        return changes

    # -- choosing ------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _unused(self, path: Path, pattern: str) -> Path:
        """Return a name beside `path` that nothing has, made of a number and its present name."""
        while True:
            found = path.with_name(pattern.format(self._next(), path.name))
            if not _has_name(found.parent, found.name):
                return found

    def _is_free(self, path: Path) -> bool:
        """Say whether no earlier change concerned this path, a folder above it or anything below it."""
        return path not in self._above and self._touched.isdisjoint((path, *path.parents))

    def _files(self) -> Iterator[Path]:
        for folder, subfolders, files in os.walk(self._library):
            subfolders.sort()
            yield from (Path(folder) / name for name in sorted(files))

    def _folders(self) -> Iterator[Path]:
        for folder, subfolders, _ in os.walk(self._library):
            subfolders.sort()
            yield from (Path(folder) / name for name in subfolders)

    def _pick_file(self, fits: Callable[[Path], bool] = lambda _: True) -> Path:
        found = [p for p in self._files() if self._is_free(p) and 0 < p.stat().st_size < 10_000_000 and fits(p)]
        return self._choose(found, "file")

    def _pick_folder(self) -> Path:
        """Pick a folder with two to forty files in it, below the top level."""
        found = [
            folder
            for folder in self._folders()
            if folder.parent != self._library and self._is_free(folder) and 2 <= _count_files(folder) <= 40
        ]
        return self._choose(found, "folder")

    def _pick_home(self, name: str, moving: Path | None = None) -> Path:
        """Pick an untouched folder that can take `name`: not its present place, not inside what moves."""
        found = []
        for folder in self._folders():
            inside = moving is not None and (folder == moving.parent or folder == moving or moving in folder.parents)
            touched = not self._touched.isdisjoint((folder, *folder.parents))
            if not (inside or touched or _has_name(folder, name)):
                found.append(folder)
        return self._choose(found, "folder to put something into")

    def _pick_pair(self) -> tuple[Path, Path]:
        by_kind: dict[tuple[Path, str], list[Path]] = {}
        for path in self._files():
            if self._is_free(path) and 0 < path.stat().st_size < 10_000_000:
                by_kind.setdefault((path.parent, path.suffix), []).append(path)
        one, other, *_ = self._choose([group for group in by_kind.values() if len(group) > 1], "pair of files")
        return one, other

    def _choose(self, found: list[T], what: str) -> T:
        if not found:
            raise LookupError(f"the library has no suitable {what} left to change")
        return self._rng.choice(found)

    # -- doing ---------------------------------------------------------------------------------------

    def _change(self, deed: Deed, before: Path | None, after: Path | None, files: int | None = None) -> Change:
        for path in (before, after):
            if path is not None:
                self._touched.add(path)
                self._above.update(path.parents)
        count = files if files is not None else _count_files(after) if after is not None else 1
        return Change(deed, self._name(before), self._name(after), count)

    def _put(self, deed: Deed, before: Path, after: Path) -> Change:
        before.rename(after)
        return self._change(deed, before, after)

    def _delete(self, deed: Deed, path: Path) -> Change:
        kept = self._trash / f"{self._next()}-{path.name}"
        files = _count_files(path)
        path.rename(kept)
        change = self._change(deed, path, None, files)
        self._deleted.append((change, kept))
        return change

    def _name(self, path: Path | None) -> str:
        return "" if path is None else str(path.relative_to(self._library))


def _has_name(folder: Path, name: str) -> bool:
    wanted = name.casefold()
    return any(entry.casefold() == wanted for entry in os.listdir(folder))  # noqa: PTH208 - names are all we need


def _count_files(path: Path) -> int:
    if not path.is_dir():
        return 1
    return sum(len(files) for _, _, files in os.walk(path))


def _other_case(path: Path) -> str:
    """Return the name with the case of its stem turned round, if that is the same name to the services."""
    turned = path.stem.swapcase() + path.suffix
    return turned if turned.casefold() == path.name.casefold() else path.name
