"""A library of any size that lies on no disk: items and contents follow from a seed, and tests change it by call."""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from simulators.common.clock import Clock
from simulators.sharepoint.ids import ROOT_GUID, LibraryIds
from simulators.sharepoint.items import Item
from simulators.sharepoint.library import Library
from simulators.sharepoint.quickxor import hash_bytes
from simulators.sharepoint.store import Store

FANOUT = 10
"""Folders at the top. Below them, a folder's parent is the one whose number it ends with (leading digit dropped), so
each top folder holds a tenth of the library."""

_SIZES = tuple(256 * step for step in range(1, 33))
_MARK = 16
_BITS = 160
_BORN = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What to generate: ``files`` files of 256 to 8192 bytes, spread evenly over ``folders`` folders."""

    files: int
    folders: int = 0
    seed: int = 1


def folders_of(library: Path | Blueprint, state_dir: Path | None) -> tuple[Path, Path]:
    """Return where state and library lie; a generated library lies nowhere. Raises ValueError."""
    if isinstance(library, Blueprint):
        if state_dir is None:
            raise ValueError("a generated library needs a state directory")
        return state_dir, state_dir / "nothing"
    folder = library.resolve()
    state = state_dir or folder.parent / f".{folder.name}.sharepoint"
    if state.resolve().is_relative_to(folder):
        raise ValueError("the state directory must lie outside the library")
    return state, folder


class MemoryStore(Store):
    """A store that writes no items down: they can be generated again."""

    def flush(self) -> None:
        """Forget what was to be written."""
        self._dirty.clear()


class GeneratedLibrary(Library):
    """Serves a blueprint. Changes go through the change log as those of a folder on disk do."""

    def __init__(self, blueprint: Blueprint, ids: LibraryIds, state: Path, clock: Clock) -> None:
        super().__init__(state / "nothing", ids, MemoryStore(state), clock)
        self.blueprint = blueprint
        self._time = clock
        self._own_lock = threading.RLock()

    @contextmanager
    def opened(self, rescan: bool = False) -> Iterator[Store]:
        """Hold the library still; it is generated on first use."""
        with self._own_lock:
            if self.ids.root_id not in self.store.items:
                self._generate()
            yield self.store

    @contextmanager
    def at_hand(self) -> Iterator[bool]:
        """Say no: what is generated has a lock of its own."""
        yield False

    def is_fresh(self, item: Item) -> bool:
        """Say yes: nobody else changes this library."""
        return True

    def hash(self, item: Item) -> str | None:
        """Return the quickXorHash of :meth:`content`, without making the content."""
        if item.hash is None and not item.deleted:
            item.hash = _hash(_mark(item), item.size)
        return item.hash

    def content(self, item: Item) -> bytes:
        """Return the bytes of a file: they differ from those of every other file and version."""
        return _mark(item) + _filler(item.size)[_MARK:]

    def item_at(self, path: str) -> Item:
        """Return the living item at a path below the root. Raises KeyError."""
        with self.opened():
            found = self.find(self.root, path.strip("/").split("/"))
        if found is None:
            raise KeyError(path)
        return found

    # -- changes -----------------------------------------------------------------------------------

    def touch(self, path: str) -> None:
        """Give a file new content of the same length."""
        with self.opened() as store:
            item = self.item_at(path)
            item.version += 1
            item.content += 1
            item.mtime_ns += 1_000_000_000
            item.hash = None
            store.new_change(item, self._time.now())

    def rename(self, path: str, name: str) -> None:
        """Rename a file or folder; a folder's descendants are not mentioned in the change log."""
        with self.opened() as store:
            item = self.item_at(path)
            store.detach(item)
            item.name = name
            item.version += 1
            store.attach(item)
            store.new_change(item, self._time.now())

    def delete(self, path: str) -> int:
        """Delete an item with all below it; return how many items those are."""
        with self.opened() as store:
            top = self.item_at(path)
            gone = [top]
            for folder in gone:
                gone.extend(store.children.get(folder.id, {}).values())
            for item in gone:
                item.marked = item is top
                store.detach(item)
                item.deleted = True
                item.version += 1
                store.new_change(item, self._time.now())
        return len(gone)

    # -- generation --------------------------------------------------------------------------------

    def _generate(self) -> None:
        plan = self.blueprint
        root = self._add(ROOT_GUID, None, "root", True)
        folders: list[Item] = []
        for number in range(plan.folders):
            above = root if number < FANOUT else folders[number % FANOUT ** (len(str(number)) - 1)]
            folders.append(self._add(self._guid("folder", number), above, f"Folder {number:06}", True))
        for number in range(plan.files):
            above = folders[number * plan.folders // plan.files] if folders else root
            name = f"Document {number:07}.docx"
            item = self._add(self._guid("file", number), above, name, False)
            item.size = _SIZES[number * 7 % len(_SIZES)]
        for folder in (root, *folders):
            folder.children = len(self.store.children.get(folder.id, {}))

    def _guid(self, kind: str, number: int) -> uuid.UUID:
        text = f"{self.blueprint.seed}/{kind}/{number}"
        return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())

    def _add(self, guid: uuid.UUID, parent: Item | None, name: str, is_dir: bool) -> Item:
        born = _BORN + self.store.change % 10_000_000
        item = Item(self.ids.item_id(guid), str(guid), parent.id if parent else None, name, is_dir)
        item.mtime_ns, item.created_at = born * 1_000_000_000, float(born)
        # Not `Store.add`: nothing here is ever recognised by its place on a disk.
        self.store.items[item.id] = self.store.by_guid[item.guid] = item
        self.store.attach(item)
        self.store.new_change(item, born)
        return item


def _mark(item: Item) -> bytes:
    return hashlib.blake2b(f"{item.guid}/{item.content}".encode(), digest_size=_MARK).digest()


@lru_cache(maxsize=64)
def _filler(size: int) -> bytes:
    """Return the part that all files of a size have in common; its first bytes are zero."""
    body = hashlib.blake2b(str(size).encode(), digest_size=64).digest()
    return (bytes(_MARK) + body * (size // len(body) + 1))[:size]


@lru_cache(maxsize=64)
def _filler_hash(size: int) -> int:
    return int.from_bytes(base64.b64decode(hash_bytes(_filler(size))), "little")


def _hash(mark: bytes, size: int) -> str:
    """Return the hash of a filler that begins with ``mark``: the hash is linear, so the two are combined by XOR."""
    value = 0
    for index, byte in enumerate(mark):  # byte i is shifted by 11 i bits (Graph reference 9.1); 15 * 11 + 8 > 160
        value ^= byte << (11 * index)
    value = (value & ((1 << _BITS) - 1)) ^ (value >> _BITS)
    return base64.b64encode((value ^ _filler_hash(size)).to_bytes(20, "little")).decode("ascii")
