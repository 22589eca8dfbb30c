"""Read one folder page by page, and never call a listing whole that contradicts itself (FileCloud reference 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from spfc.errors import AnswerUnreadable, PermissionMissing, SpfcError
from spfc.filecloud.calls import ALL_ENTRIES, PAGE_SIZE
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.paging import list_whole_folder
from spfc.filecloud.records import Entry, Listing
from spfc.filecloud.refusals import CallRefused

_PAGED_TRIES: Final = 2
"""How often a folder is read in pages before it is asked for as one (reference 6, client paging)."""

_NO_NAMES: Final = frozenset({"", ".", ".."})


class State(StrEnum):
    """How far the listing of a folder has come."""

    MORE = "more"
    CLEAN = "clean"
    """It is whole: what it does not show is not there."""
    UNLISTED = "unlisted"
    """It cannot be had whole: it shows what is there, and proves nothing about what it does not show."""
    GONE = "gone"
    """The folder itself is not there any more."""


@dataclass(slots=True)
class FolderListing:
    """The listing of one folder, one request at a time. ``path`` is the server's own."""

    client: FileCloudClient
    path: str
    is_top: bool = False
    """The source folder: whatever is wrong with it is an error, for it says nothing about any item."""
    state: State = State.MORE
    why: str = ""
    """Why the folder could not be listed, for the log."""
    folders: dict[str, Entry] = field(default_factory=dict)
    """Subfolders by name; of all tries when the listing is not clean."""
    names: set[str] = field(default_factory=set)
    """Names of this try."""
    can_sync: bool = True
    """Whether the change feed speaks of all of it."""
    _tries: int = 1
    _received: int = 0
    _total: int | None = None

    def read(self) -> tuple[Entry, ...]:
        """Read on, one request when all is well, and return the files and folders of this page.

        A page may be one of another try, and repeat what was shown. Raises what is wrong with the service, and with
        the source folder itself: PermissionMissing, AnswerUnreadable, CallRefused.
        """
        whole = self._tries > _PAGED_TRIES
        try:
            page = self.client.list_page(self.path, self._received, ALL_ENTRIES if whole else PAGE_SIZE)
        except (CallRefused, PermissionMissing, AnswerUnreadable) as error:
            if self.is_top:
                raise
            self._refused(error)
            return ()
        if page.damaged or any(_is_damaged(entry.name) for entry in page.entries):
            self._give_up("names in it cannot be read")
            return ()
        self._take(page)
        return page.entries

    def _take(self, page: Listing) -> None:
        self._total = page.total if self._total is None else self._total
        names = {entry.name for entry in page.entries}
        fresh = len(names) == len(page.entries) and names.isdisjoint(self.names)
        self.names |= names
        self._received += len(page.entries)
        self.folders |= {entry.name: entry for entry in page.entries if entry.is_folder}
        self.can_sync = self.can_sync and all(entry.can_sync for entry in page.entries)
        total = self._total or 0
        if not fresh or page.total != total or self._received > total:
            self._again()
        elif self._received == total:
            self._end()
        elif not page.entries or self._tries > _PAGED_TRIES:
            self._again()

    def _end(self) -> None:
        self.state = State.CLEAN
        self.folders = {name: entry for name, entry in self.folders.items() if name in self.names}

    def _again(self) -> None:
        """Begin another try: in pages, then the folder as one; give up after that."""
        if self._tries > _PAGED_TRIES:
            self._give_up("its listing contradicts itself")
            return
        self._tries += 1
        self._received, self._total = 0, None
        self.names.clear()

    def _refused(self, error: SpfcError) -> None:
        """Judge a refusal: a folder is gone when the server knows nothing of it and its parent does not show it."""
        if isinstance(error, CallRefused) and self._is_gone():
            self.state = State.GONE
        else:
            self._give_up(error.message)

    def _is_gone(self) -> bool:
        parent, _, name = self.path.rpartition("/")
        try:
            found = self.client.info(self.path)
            if found is not None and found.is_folder:
                return False
            return not any(entry.is_folder and entry.name == name for entry in list_whole_folder(self.client, parent))
        except (CallRefused, PermissionMissing, AnswerUnreadable):
            return False

    def _give_up(self, why: str) -> None:
        self.state, self.why = State.UNLISTED, why


def _is_damaged(name: str) -> bool:
    return name in _NO_NAMES or "/" in name or "\0" in name
