"""Read one folder page by page, and never call a listing whole that contradicts itself (FileCloud reference 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from spfc.errors import AnswerUnreadable, PermissionMissing, SpfcError
from spfc.filecloud.calls import ALL_ENTRIES, PAGE_SIZE
from spfc.filecloud.client import FileCloudClient
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


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the listing of a folder stands, for another process to go on.

    ``received`` entries of ``total`` were shown by try number ``tries``, the one named ``last`` being the last of them.
    ``first`` is the least name among the folders in them that are to be walked, empty when there was none.
    """

    received: int = 0
    total: int | None = None
    last: str = ""
    first: str = ""
    tries: int = 1


def _any_name(_: str) -> bool:
    return True


@dataclass(slots=True)
class FolderListing:
    """The listing of one folder, one request at a time. ``path`` is the server's own.

    Each page begins with the last entry of the page before it: when something was added or removed in front of it
    meanwhile, another entry stands there, and the folder is read again. So an item that was there all the time is
    never missed, which equal totals and the absence of duplicates alone would not prove.
    """

    client: FileCloudClient
    path: str
    is_top: bool = False
    """The source folder: whatever is wrong with it is an error, for it says nothing about any item."""
    mark: Mark = field(default_factory=Mark)
    wanted: Callable[[str], bool] = _any_name
    """Says which subfolders are to be walked, by name."""
    names: set[str] | None = None
    """All names of this try, if somebody asks for them by giving an empty set."""
    state: State = State.MORE
    why: str = ""
    """Why the folder could not be listed, for the log."""
    folders: set[str] = field(default_factory=set)
    """The subfolders to be walked; of all tries when the listing is not clean. See :attr:`knows_all`."""
    can_sync: bool = True
    """Whether the change feed speaks of all that this process has read."""
    knows_all: bool = True
    """Whether :attr:`folders` is complete: False when another process has read the first pages."""
    _earlier: set[str] = field(default_factory=set)
    """Subfolders that earlier tries have shown."""

    def __post_init__(self) -> None:
        """Notice what another process has read."""
        self.knows_all = self.mark.received == 0

    def read(self) -> tuple[Entry, ...]:
        """Read on, one request when all is well, and return the files and folders of this page.

        A page may be one of another try, and repeat what was shown. Raises what is wrong with the service, and with
        the source folder itself: PermissionMissing, AnswerUnreadable, CallRefused.
        """
        whole = self.mark.tries > _PAGED_TRIES
        try:
            page = self.client.list_page(self.path, max(0, self.mark.received - 1), ALL_ENTRIES if whole else PAGE_SIZE)
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
        mark, entries = self.mark, page.entries
        overlaps = mark.received == 0 or (bool(entries) and entries[0].name == mark.last)
        fresh = entries[1:] if mark.received and overlaps else entries
        folders = {entry.name for entry in fresh if entry.is_folder and self.wanted(entry.name)}
        self.folders |= folders
        self.can_sync = self.can_sync and all(entry.can_sync for entry in entries)
        if self.names is not None:
            self.names.update(entry.name for entry in entries)
        received, total = mark.received + len(fresh), mark.total if mark.total is not None else page.total
        is_odd = page.total != total or received > (total or 0) or len({entry.name for entry in entries}) < len(entries)
        if is_odd or not overlaps:
            self._again()
        elif received == total:
            self.state = State.CLEAN
            self.mark = replace(mark, first=_least(mark.first, folders))
        elif not fresh or mark.tries > _PAGED_TRIES:
            self._again()
        else:
            self.mark = Mark(received, total, fresh[-1].name, _least(mark.first, folders), mark.tries)

    def _again(self) -> None:
        """Begin another try: in pages, then the folder as one; give up after that."""
        if self.mark.tries > _PAGED_TRIES:
            self._give_up("its listing contradicts itself")
            return
        self.mark = Mark(tries=self.mark.tries + 1)
        self._earlier |= self.folders
        self.folders.clear()
        self.knows_all = True
        if self.names is not None:
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
            above = FolderListing(self.client, parent, is_top=True)
            while above.state is State.MORE:
                above.read()
            return above.state is State.CLEAN and name not in above.folders
        except (CallRefused, PermissionMissing, AnswerUnreadable):
            return False

    def _give_up(self, why: str) -> None:
        self.state, self.why = State.UNLISTED, why
        self.folders |= self._earlier
        self.mark = replace(self.mark, first=_least(self.mark.first, self.folders))


def _is_damaged(name: str) -> bool:
    return name in _NO_NAMES or "/" in name or "\0" in name


def _least(name: str, names: set[str]) -> str:
    """Return the least of ``name`` (empty: none) and ``names``."""
    return min(names | {name} if name else names, default="")
