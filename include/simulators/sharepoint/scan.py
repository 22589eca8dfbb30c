"""Compares the folder on disk with the items known and writes the differences into the change log."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from simulators.sharepoint.birth import birth_ns
from simulators.sharepoint.ids import ROOT_GUID, LibraryIds
from simulators.sharepoint.items import Item, identity_of
from simulators.sharepoint.quickxor import hash_file
from simulators.sharepoint.store import Store

_RACY_NS = 50_000_000
"""File systems stamp times in ticks of a few ms: an entry this young may change again unnoticed."""


class Scanner:
    """Walks the library and recognises what it meets.

    A known entry at its old place is the same item. Elsewhere, an entry with a known identity is that item,
    moved, renamed or restored. A file with a new identity at a known place is that item with new content
    (editors save by replacing); a folder made anew is a new item. Symbolic links, special files and names
    that are not text are left out and counted in `skipped`.
    """

    def __init__(self, library: Path, ids: LibraryIds, store: Store) -> None:
        self._root_path = str(library)
        self._ids = ids
        self._store = store
        self._number = 0
        self.scans = 0
        self.skipped = 0
        # Files not recognised at once: parent, name, path, stat, birth time.
        self._pending: list[tuple[Item, str, str, os.stat_result, int | None]] = []
        self._placed: list[Item] = []

    def scan(self, now: float) -> int:
        """Bring the items up to date; return how many changed. Raises OSError when the folder is gone."""
        self._number = time.monotonic_ns()
        self.scans += 1
        self.skipped = 0
        self._pending.clear()
        self._placed.clear()
        before = self._store.change
        started = time.time_ns()
        root = self._root(now)
        self._walk(root, now, started)
        self._settle_pending(now, started)
        self._remove_unseen(now)
        for item in self._placed:
            self._store.attach(item)
        if self._store.change != before:
            self._sum_folders(root)
        self._store.flush()
        return self._store.change - before

    def _root(self, now: float) -> Item:
        root = self._store.items.get(self._ids.root_id)
        if root is None:
            root = Item(self._ids.root_id, str(ROOT_GUID), None, "root", True, created_at=now)
            root.mtime_ns = int(now) * 1_000_000_000
            self._store.add(root)
            self._store.new_change(root, now)
        root.seen = self._number
        return root

    def _walk(self, root: Item, now: float, started: int) -> None:
        stack = [(root, self._root_path)]
        while stack:
            folder, path = stack.pop()
            known = self._store.children.get(folder.id, {})
            for entry in self._entries(path, top=folder is root):
                old = known.get(entry.name)
                stat = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    stack.append((self._folder(folder, old, entry, stat, now), entry.path))
                elif not self._unchanged_file(old, stat):
                    self._file(folder, old, entry, stat, now, started)

    def _entries(self, path: str, top: bool) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(path) as found:
                entries = sorted(found, key=lambda e: e.name)
        except FileNotFoundError:
            if top:
                raise
            return
        for entry in entries:
            plain = entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
            try:
                entry.name.encode("utf-8")
            except UnicodeEncodeError:
                plain = False
            if plain:
                yield entry
            else:
                self.skipped += 1

    def _unchanged_file(self, old: Item | None, stat: os.stat_result) -> bool:
        if (
            old is None
            or old.is_dir
            or old.racy
            or old.seen == self._number
            or old.ino != stat.st_ino
            or old.ctime_ns != stat.st_ctime_ns
            or old.size != stat.st_size
            or old.mtime_ns != stat.st_mtime_ns
            or old.dev != stat.st_dev
        ):
            return False
        old.seen = self._number
        return True

    def _folder(
        self, parent: Item, old: Item | None, entry: os.DirEntry[str], stat: os.stat_result, now: float
    ) -> Item:
        if old is not None and old.is_dir and old.ino == stat.st_ino and old.ctime_ns == stat.st_ctime_ns:
            old.seen = self._number
            return old
        birth = birth_ns(entry.path)
        item = old if old is not None and old.is_dir and old.same_entry(stat, birth) else None
        if item is None:
            key = identity_of(True, stat.st_dev, stat.st_ino, birth, 0, 0)
            item = self._store.by_identity.get(key)
        if item is None or item.seen == self._number:
            return self._new(parent, entry.name, True, stat, birth, now, False)
        self._place(item, parent, entry.name, stat, now)
        item.ctime_ns = stat.st_ctime_ns
        return item

    def _file(
        self,
        folder: Item,
        old: Item | None,
        entry: os.DirEntry[str],
        stat: os.stat_result,
        now: float,
        started: int,
    ) -> None:
        birth = birth_ns(entry.path)
        if old is not None and not old.is_dir and old.same_entry(stat, birth):
            self._refresh(old, entry.path, stat, birth, now, started)
            old.seen = self._number
        else:
            self._pending.append((folder, entry.name, entry.path, stat, birth))

    def _settle_pending(self, now: float, started: int) -> None:
        left = []
        for folder, name, path, stat, birth in self._pending:
            key = identity_of(False, stat.st_dev, stat.st_ino, birth, stat.st_size, stat.st_mtime_ns)
            item = self._store.by_identity.get(key)
            if item is None or item.seen == self._number:
                left.append((folder, name, path, stat, birth))
                continue
            self._refresh(item, path, stat, birth, now, started)
            self._place(item, folder, name, stat, now)
        for folder, name, path, stat, birth in left:
            item = self._store.children.get(folder.id, {}).get(name)
            if item is None or item.is_dir or item.deleted or item.seen == self._number:
                young = started - stat.st_ctime_ns < _RACY_NS
                self._new(folder, name, False, stat, birth, now, young)
            else:
                self._refresh(item, path, stat, birth, now, started)
                item.seen = self._number

    def _place(self, item: Item, parent: Item, name: str, stat: os.stat_result, now: float) -> None:
        """Note where a recognised item is now, which may be where it was."""
        item.seen = self._number
        if not item.deleted and item.parent == parent.id and item.name == name:
            return
        self._store.detach(item)
        if item.deleted and item.mtime_ns != stat.st_mtime_ns:
            item.content += 1
        item.deleted = False
        item.parent, item.name = parent.id, name
        item.version += 1
        self._store.new_change(item, now)
        self._placed.append(item)

    def _refresh(
        self, item: Item, path: str, stat: os.stat_result, birth: int | None, now: float, started: int
    ) -> None:
        """Take over what the disk says about a file's content, and decide whether it was an edit."""
        replaced = not item.same_entry(stat, birth)
        sized = item.size != stat.st_size
        timed = item.mtime_ns != stat.st_mtime_ns
        known_hash = item.hash
        edited = replaced or sized or (timed and known_hash is None)
        fresh: str | None = None
        if not edited and known_hash is not None and (timed or item.racy):
            fresh = hash_file(path)
            edited = fresh != known_hash
        self._store.unindex(item)
        item.dev, item.ino, item.birth = stat.st_dev, stat.st_ino, birth
        item.size, item.mtime_ns, item.ctime_ns = stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
        item.racy = started - stat.st_ctime_ns < _RACY_NS
        item.hash = fresh if edited or fresh else known_hash
        self._store.index(item)
        if edited or timed:
            item.version += 1
            item.content += int(edited)
            self._store.new_change(item, now)

    def _new(
        self,
        parent: Item,
        name: str,
        is_dir: bool,
        stat: os.stat_result,
        birth: int | None,
        now: float,
        racy: bool,
    ) -> Item:
        guid = uuid.uuid4()
        item = Item(
            self._ids.item_id(guid),
            str(guid),
            parent.id,
            name,
            is_dir,
            stat.st_dev,
            stat.st_ino,
            birth,
            stat.st_ctime_ns,
            stat.st_mtime_ns,
            0 if is_dir else stat.st_size,
            created_at=birth / 1e9 if birth is not None else stat.st_mtime,
            racy=racy,
            seen=self._number,
        )
        self._store.add(item)
        self._store.new_change(item, now)
        self._placed.append(item)
        return item

    def _remove_unseen(self, now: float) -> None:
        for item in [i for i in self._store.items.values() if i.seen != self._number and not i.deleted]:
            parent = self._store.items.get(item.parent or "")
            # `marked`: the top of what was removed; what lay below it may get no marker of its own.
            item.marked = parent is None or parent.seen == self._number
            self._store.detach(item)
            item.deleted = True
            item.version += 1
            self._store.new_change(item, now)

    def _sum_folders(self, root: Item) -> None:
        """Give each folder the size of all below it and the count of its children."""
        order = [root]
        for folder in order:
            order.extend(c for c in self._store.children.get(folder.id, {}).values() if c.is_dir)
        for folder in reversed(order):
            inside = self._store.children.get(folder.id, {}).values()
            size, count = sum(c.size for c in inside), len(inside)
            if (folder.size, folder.children) != (size, count):
                folder.size, folder.children = size, count
                self._store.touch(folder)
