"""The names of each folder, remembered for as long as the folder on disk is provably unchanged.

Without it, looking for a case variant would read the whole folder on every upload.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from simulators.filecloud.names import fold
from simulators.filecloud.places import INCOMING

_FOLDERS_KEPT = 4096
# A change within the file system's own clock tick leaves no trace in the folder's times.
_CLOCK_TICK_NS = 20_000_000


@dataclass(slots=True)
class FolderNames:
    """What one folder holds, and the folder's change time when that was true."""

    changed_ns: int
    confirmed_ns: int
    folders: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    folded: dict[str, str] = field(default_factory=dict)
    order: tuple[list[str], list[str]] | None = None

    def put(self, name: str, is_folder: bool) -> None:
        """Note that a name is there."""
        (self.folders if is_folder else self.files).add(name)
        self.folded[fold(name)] = name
        self.order = None

    def drop(self, name: str) -> None:
        """Note that a name is gone."""
        self.folders.discard(name)
        self.files.discard(name)
        if self.folded.get(fold(name)) == name:
            del self.folded[fold(name)]
        self.order = None


class DirectoryIndex:
    """Names by folder. Changes made by other tools are seen: the folder's change time tells."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, FolderNames] = OrderedDict()

    def sorted_names(self, folder: Path) -> tuple[list[str], list[str]]:
        """Return (folders, files) of a folder, each by code point. Raises OSError if it is not one."""
        names = self._load(folder, strict=True)
        if names.order is None:
            names.order = sorted(names.folders), sorted(names.files)
        return names.order

    def variant(self, folder: Path, name: str) -> str | None:
        """Return another spelling of `name` (case only) that exists in `folder`, or None."""
        names = self._load(folder, strict=False)
        if name in names.files or name in names.folders:
            return None
        found = names.folded.get(fold(name))
        return None if found == name else found

    def spelling(self, folder: Path, name: str) -> str | None:
        """Return how `name` is spelled in `folder` whatever its case, or None if it is not there."""
        names = self._load(folder, strict=False)
        if name in names.files or name in names.folders:
            return name
        return names.folded.get(fold(name))

    def before_change(self, folder: Path) -> FolderNames | None:
        """Return what is known of a folder about to be changed by us, or None if that is out of date."""
        known = self._kept.get(folder)
        if known is not None and known.changed_ns != folder.stat().st_ctime_ns:
            del self._kept[folder]
            return None
        return known

    def after_change(self, folder: Path, known: FolderNames | None, name: str, is_folder: bool | None) -> None:
        """Carry our own change of `folder` forward; `is_folder` None means the name is gone."""
        if known is None:
            return
        if is_folder is None:
            known.drop(name)
        elif name not in (known.folders if is_folder else known.files):
            known.put(name, is_folder)
        known.changed_ns = folder.stat().st_ctime_ns
        known.confirmed_ns = time.time_ns()

    def forget_below(self, folder: Path) -> None:
        """Forget a folder and all below it: it was moved or removed."""
        for path in [p for p in self._kept if p == folder or folder in p.parents]:
            del self._kept[path]

    def _load(self, folder: Path, strict: bool) -> FolderNames:
        changed = folder.stat().st_ctime_ns
        known = self._kept.get(folder)
        if known is not None and known.changed_ns == changed:
            settled = known.confirmed_ns - changed > _CLOCK_TICK_NS
            if settled or not strict:
                self._kept.move_to_end(folder)
                return known
        fresh = FolderNames(changed, time.time_ns())
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(INCOMING):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    fresh.put(entry.name, True)
                elif entry.is_file(follow_symlinks=False):
                    fresh.put(entry.name, False)
        self._kept[folder] = fresh
        self._kept.move_to_end(folder)
        if len(self._kept) > _FOLDERS_KEPT:
            self._kept.popitem(last=False)
        return fresh
