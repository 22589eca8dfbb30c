"""The places behind the sources that the contract is run with: in memory, on a simulated SharePoint and FileCloud."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.sources.test_sharepoint_library import library_of
from tests.targets.world import World as CloudWorld

from simulators.sharepoint import SharePointSimulator
from spfc.filecloud import Chunk
from spfc.planning.model import Kind, SourceItem
from spfc.sources.base import Source
from spfc.sources.filecloud_folder import FileCloudFolder
from spfc.sources.memory import MemorySource

NOON = 1_721_421_120
"""A summer instant: a wall clock taken for UTC would show."""


class MemoryWorld:
    """A :class:`MemorySource` that is told what happens, as a service with ids would tell it."""

    def __init__(self, *, has_feed: bool = True) -> None:
        self.one = MemorySource()
        self.one.has_feed = has_feed
        self._numbers = itertools.count(1)
        self._ids = {"": "root"}
        self.one.publish([SourceItem("root", None, "root", Kind.FOLDER, is_root=True)])
        if not has_feed:
            self.one.changes(None)  # from here on a beginning shows all that lives

    def source(self) -> Source:
        return self.one

    def unbound(self) -> Source:
        fresh = MemorySource()
        fresh.has_feed = self.one.has_feed
        return fresh

    def write(self, path: str, content: bytes) -> None:
        item_id = self._ids.setdefault(path, f"f{next(self._numbers)}")
        folder, _, name = path.rpartition("/")
        version = str(next(self._numbers))
        item = SourceItem(item_id, self._ids[folder], name, Kind.FILE, modified=NOON, version=version)
        self.one.versions[item_id] = version
        self.one.publish([self.one.put(item, content)])

    def make_folder(self, path: str) -> None:
        item_id = self._ids.setdefault(path, f"d{next(self._numbers)}")
        folder, _, name = path.rpartition("/")
        self.one.publish([SourceItem(item_id, self._ids[folder], name, Kind.FOLDER)])

    def delete(self, path: str) -> None:
        gone = [known for known in self._ids if known == path or known.startswith(path + "/")]
        ids = [self._ids.pop(known) for known in sorted(gone, reverse=True)]
        for item_id in ids:
            self.one.contents.pop(item_id, None)
        self.one.publish([replace(self.one.items[item_id], deleted=True) for item_id in ids])

    def rename(self, old: str, new: str) -> None:
        folder, _, name = new.rpartition("/")
        item_id = self._ids[old]
        for known in [known for known in self._ids if known == old or known.startswith(old + "/")]:
            self._ids[new + known[len(old) :]] = self._ids.pop(known)
        self.one.publish([replace(self.one.items[item_id], name=name, parent_id=self._ids[folder])])


class DiskWorld:
    """A folder on disk that a simulator publishes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, content: bytes) -> None:
        (self.root / path[1:]).write_bytes(content)

    def make_folder(self, path: str) -> None:
        (self.root / path[1:]).mkdir()

    def delete(self, path: str) -> None:
        place = self.root / path[1:]
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()

    def rename(self, old: str, new: str) -> None:
        (self.root / old[1:]).rename(self.root / new[1:])


class SharePointWorld(DiskWorld):
    """A library of the simulated SharePoint, edited on disk; pages are small."""

    def __init__(self, simulator: SharePointSimulator, root: Path) -> None:
        super().__init__(root)
        self._simulator = simulator

    def unbound(self) -> Source:
        return library_of(self._simulator, page_size=10)

    def source(self) -> Source:
        source = self.unbound()
        source.bind(None)
        return source


class FileCloudWorld:
    """A folder of the simulated FileCloud, edited by another account of its clients, as people do it."""

    def __init__(self, world: CloudWorld, *, change_feed: bool = False, **settings: Any) -> None:
        self.cloud = world
        self.root = "/spfc/library"
        self.change_feed, self.settings = change_feed, settings
        self.editor = world.client(**settings)
        self.editor.create_folder("/spfc", "library")
        self._times = itertools.count(NOON)

    def unbound(self) -> FileCloudFolder:
        return FileCloudFolder(self.cloud.client(**self.settings), self.root, change_feed=self.change_feed)

    def source(self) -> FileCloudFolder:
        source = self.unbound()
        source.bind(None)
        return source

    def write(self, path: str, content: bytes) -> None:
        folder, _, name = (self.root + path).rpartition("/")
        date = self.editor.spell_date(next(self._times))
        self.editor.upload_chunk(Chunk(folder, name, 0, content, len(content), date, last=True))

    def make_folder(self, path: str) -> None:
        folder, _, name = (self.root + path).rpartition("/")
        self.editor.create_folder(folder, name)

    def delete(self, path: str) -> None:
        folder, _, name = (self.root + path).rpartition("/")
        self.editor.delete(folder, name)

    def rename(self, old: str, new: str) -> None:
        self.editor.move(self.root + old, self.root + new)
