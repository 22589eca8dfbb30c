"""From what FileCloud lists to items: its paths serve as ids, because it tells no others."""

from __future__ import annotations

import hashlib
from typing import Final

from spfc.filecloud.dates import utc_of_wall_clock
from spfc.filecloud.records import Entry
from spfc.filecloud.settings import FileCloudSettings
from spfc.planning.model import Flag, Kind, SourceItem

ROOT_ID: Final = "/"
"""Id of the source folder itself. Ids of folders end with ``/``, those of files do not: so a file that takes the
place of a folder is another item."""

MAX_ID_BYTES: Final = 1500
"""Longest id in UTF-8: with a folded name beside it, the key of a ledger row stays below the 2,704 bytes that a B-tree
of PostgreSQL takes."""

_NO_ID: Final = "#"


class Places:
    """Ids, and the server's paths of what they stand for, below one source folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def path(self, item_id: str) -> str | None:
        """Return FileCloud's path of an item, None for one whose path was too long to be an id."""
        return None if item_id.startswith(_NO_ID) else (self._folder + item_id).rstrip("/")

    def id_of(self, path: str) -> str | None:
        """Return the id that a file at one of the server's paths has, None outside the source folder."""
        return path[len(self._folder) :] if path.startswith(self._folder + "/") else None

    @property
    def name(self) -> str:
        """Name of the source folder."""
        return self._folder.rpartition("/")[2]


def parent_of(item_id: str) -> str:
    """Return the id of the folder that an item lies in; not to be asked of the source folder."""
    return item_id.rstrip("/").rpartition("/")[0] + "/"


def name_of(item_id: str) -> str:
    """Return the name in an id."""
    return item_id.rstrip("/").rpartition("/")[2]


def fits(item_id: str) -> bool:
    """Say whether a path may serve as an id."""
    return len(item_id) <= MAX_ID_BYTES // 4 or len(item_id.encode()) <= MAX_ID_BYTES


class Items:
    """Makes items out of entries, with the times that this server can tell."""

    def __init__(self, settings: FileCloudSettings, places: Places) -> None:
        self._zone = settings.server_zone() if settings.server_tz else None
        self._places = places

    def folder(self, item_id: str, *, unlisted: bool = False) -> SourceItem:
        """Return a folder. Its times and tag are left out: they move with its content."""
        flags = frozenset({Flag.UNLISTED}) if unlisted else frozenset()
        if item_id == ROOT_ID:
            return SourceItem(ROOT_ID, None, self._places.name, Kind.FOLDER, flags=flags, is_root=True)
        return SourceItem(item_id, parent_of(item_id), name_of(item_id), Kind.FOLDER, flags=flags)

    def file(self, parent_id: str, entry: Entry) -> SourceItem:
        """Return a file. Its tags are the etag; without etags, size and time stand for it."""
        item_id = parent_id + entry.name
        if not fits(item_id):
            return beyond(parent_id, entry)
        modified, moment = self._times(entry)
        return SourceItem(
            item_id,
            parent_id,
            entry.name,
            Kind.FILE,
            entry.size,
            modified or 0,
            entry.etag or f"{entry.size}-{moment}",
            entry.etag or (None if modified is not None else f"{entry.size}-{moment}"),
            None,
            frozenset() if entry.can_download else frozenset({Flag.RESTRICTED}),
        )

    def _times(self, entry: Entry) -> tuple[int | None, int | str]:
        """Return the true time, None where it is unknown, and what tells one version from another."""
        wall = entry.wall_clock
        if entry.modified is not None:
            return entry.modified, entry.modified
        if wall is None:
            return None, ""
        return (None if self._zone is None else utc_of_wall_clock(wall, self._zone)), wall


def beyond(parent_id: str, entry: Entry) -> SourceItem:
    """Return the item that stands for one whose path is too long to be an id: it can be told of, not followed."""
    digest = hashlib.sha256(f"{parent_id}{entry.name}".encode()).hexdigest()
    kind = Kind.FOLDER if entry.is_folder else Kind.FILE
    end = "/" if entry.is_folder else ""
    return SourceItem(
        f"{_NO_ID}{digest}{end}",
        parent_id,
        entry.name,
        kind,
        entry.size if kind is Kind.FILE else 0,
        flags=frozenset({Flag.PATH_TOO_LONG}),
    )
