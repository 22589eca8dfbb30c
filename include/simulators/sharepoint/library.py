"""The document library: items on disk seen through the scanner, found by id or path, hashed on demand."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simulators.common.clock import Clock
from simulators.sharepoint.ids import LibraryIds
from simulators.sharepoint.items import Item
from simulators.sharepoint.quickxor import hash_file
from simulators.sharepoint.scan import Scanner
from simulators.sharepoint.store import Store


class Library:
    """One folder on disk, published. Use it inside `opened()`, which holds the lock."""

    def __init__(self, folder: Path, ids: LibraryIds, store: Store, clock: Clock) -> None:
        self.folder = folder
        self._prefix = f"{folder}/"
        self.ids = ids
        self.store = store
        self._clock = clock
        self._lock = threading.RLock()
        self.scanner = Scanner(folder, ids, store)

    @contextmanager
    def opened(self, rescan: bool = False) -> Iterator[Store]:
        """Hold the library still; `rescan` first brings it up to date with the disk."""
        with self._lock:
            if rescan or self.ids.root_id not in self.store.items:
                self.scanner.scan(self._clock.now())
            yield self.store

    @contextmanager
    def at_hand(self) -> Iterator[bool]:
        """Hold the library still if that takes no time, and say whether it does: no scan is needed nor under way."""
        if not self._lock.acquire(blocking=False):
            yield False
            return
        try:
            yield self.ids.root_id in self.store.items
        finally:
            self._lock.release()

    def close(self) -> None:
        """Write the state and close its file."""
        with self._lock:
            self.store.close()

    @property
    def root(self) -> Item:
        """The library's root folder."""
        return self.store.items[self.ids.root_id]

    def get(self, item_id: str) -> Item | None:
        """Return a living item by id ("root" is accepted, Graph reference 2), or None."""
        item = self.root if item_id == "root" else self.store.items.get(item_id)
        return None if item is None or item.deleted else item

    def find(self, base: Item, names: list[str]) -> Item | None:
        """Return the item at a path below `base`, names without regard to case, or None."""
        item = base
        for name in names:
            inside = self.store.children.get(item.id, {})
            found = inside.get(name)
            if found is None:
                wanted = name.casefold()
                found = next((c for c in inside.values() if c.name.casefold() == wanted), None)
            if found is None:
                return None
            item = found
        return item

    def ancestors(self, item: Item) -> Iterator[Item]:
        """Yield the living folders above an item, nearest first, up to the root."""
        parent = self.store.items.get(item.parent or "")
        while parent is not None:
            if not parent.deleted:
                yield parent
            parent = self.store.items.get(parent.parent or "")

    def path(self, item: Item) -> str:
        """Return the item's path below the library root, parts joined by slashes; "" for the root."""
        if item.parent is None:
            return ""
        names = [item.name]
        parent = self.store.items.get(item.parent)
        while parent is not None and parent.parent is not None:
            names.append(parent.name)
            parent = self.store.items.get(parent.parent)
        return "/".join(reversed(names))

    def disk_path(self, item: Item) -> Path:
        """Return where the item lies on disk."""
        return self.folder / self.path(item)

    def content(self, item: Item) -> Path | bytes:
        """Return the bytes of a file, or where on disk they lie."""
        return self.disk_path(item)

    def is_fresh(self, item: Item) -> bool:
        """Say whether a file still lies where it was, as it was, by one look at the disk."""
        try:
            stat = os.stat(f"{self._prefix}{self.path(item)}")  # noqa: PTH116 - called for each download
        except OSError:
            return False
        now = (stat.st_ctime_ns, stat.st_size, stat.st_mtime_ns, stat.st_ino)
        return now == (item.ctime_ns, item.size, item.mtime_ns, item.ino)

    def hash(self, item: Item) -> str | None:
        """Return a file's quickXorHash, computed once per content; None when it cannot be read now."""
        if item.hash is None and not item.deleted:
            try:
                item.hash = hash_file(f"{self._prefix}{self.path(item)}")
            except OSError:
                return None
            self.store.touch(item)
        return item.hash
