"""Everything one simulated server owns, for its operations to work with."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from simulators.common import Clock
from simulators.filecloud import disk, places
from simulators.filecloud.changes import ChangeLog
from simulators.filecloud.errors import NotFound, Refused
from simulators.filecloud.history import History
from simulators.filecloud.identity import Content, Contents
from simulators.filecloud.index import DirectoryIndex
from simulators.filecloud.knobs import FileCloudKnobs
from simulators.filecloud.locks import Locks
from simulators.filecloud.places import Place
from simulators.filecloud.recycle import RecycleBin
from simulators.filecloud.sessions import Sessions
from simulators.filecloud.staging import Staging
from simulators.filecloud.state import State


class World:
    """The parts, and the questions that need more than one of them."""

    def __init__(
        self, store: Path, state_dir: Path, clock: Clock, knobs: FileCloudKnobs, account: str, password: str
    ) -> None:
        folder = state_dir / "filecloud"
        store.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.store = store.resolve()
        self.clock = clock
        self.knobs = knobs
        self.account = account
        self.state = State(folder / "state.sqlite")
        self.index = DirectoryIndex()
        self.contents = Contents(self.state)
        self.history = History(self.state, folder / "versions")
        self.staging = Staging(self.state, folder / "staging")
        self.bin = RecycleBin(self.state, folder / "recycled")
        self.changes = ChangeLog(self.state)
        self.locks = Locks(self.state)
        self.sessions = Sessions(self.state, account, password)
        self._used: int | None = None

    def now(self) -> int:
        """Return the time in whole seconds since the epoch."""
        return int(self.clock.now())

    def find(self, path: str) -> Place:
        """Return the place of a path. Raises Refused or NotFound for what may not be looked at."""
        place = places.find(path, self.store, self.account, self.knobs)
        if places.under(place.path, self.knobs.denied_paths):
            raise Refused("You do not have permission to access this path", "CLFC-2002")
        return place

    def child(self, folder: str, name: str) -> Place:
        """Return the place of a name in a folder."""
        if "/" in name or not name:
            raise Refused("The name is not valid", "CLFC-1001")
        return self.find(places.join(folder, name))

    def status(self, place: Place) -> os.stat_result | None:
        """Return what is on disk at a place: a file or a folder, or None."""
        if place.disk is None:
            return None
        try:
            status = place.disk.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode) else None

    def existing(self, place: Place) -> tuple[Path, os.stat_result]:
        """Return the place on disk and what is there. Raises NotFound when nothing is."""
        status = self.status(place)
        if place.disk is None or status is None:
            raise NotFound("The file or folder does not exist", "CLFC-2003")
        return place.disk, status

    def existing_file(self, place: Place) -> tuple[Path, os.stat_result]:
        """Return a file on disk. Raises NotFound when there is none, Refused for a folder."""
        path, status = self.existing(place)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("The path is not a file", "CLFC-2004")
        return path, status

    def writable(self, place: Place) -> Path:
        """Return the place on disk if its content may be changed. Raises Refused otherwise."""
        if place.disk is None or places.under(place.path, self.knobs.read_only_paths):
            raise Refused("You do not have permission to change this path", "CLFC-2002")
        if places.under(place.path, self.knobs.locked_paths):
            raise Refused("The file is locked by another user", "CLFC-2005")
        return place.disk

    def etag(self, place: Place, content: Content) -> str:
        """Return the etag of a file's content at its place."""
        return content.etag(place.key if self.knobs.etag_after_move == "change" else "")

    def folder_etag(self, status: os.stat_result) -> str:
        """Return the etag of a folder: it stays the same whatever the folder holds."""
        return Content(f"folder:{status.st_ino}").etag()

    def note(self, place: Place, path: Path, is_folder: bool, deleted: bool = False) -> None:
        """Note a change for the change feed, if there is one, while the item is at `path`."""
        if self.knobs.change_feed:
            self.changes.note(place.key, path, is_folder, deleted)

    # -- quota ---------------------------------------------------------------------------------------

    def used(self, rescan: bool = False) -> int:
        """Return the bytes that count towards the quota: live, versions, bin, unfinished uploads.

        Counted afresh when asked or when unknown, else carried along.
        """
        if self._used is None or rescan:
            kept = self.history.usage()[1] + self.bin.usage()[1] + self.staging.usage()[1]
            self._used = disk.totals(self.store)[2] + kept
        return self._used

    def used_changed(self, more: int | None) -> None:
        """Note that usage grew by `more` bytes, or (None) by an unknown number."""
        self._used = None if more is None or self._used is None else self._used + more
