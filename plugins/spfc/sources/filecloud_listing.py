"""The listing of one source folder: what it proves of what is there, of what is gone, and what is to be walked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from spfc.errors import AnswerUnreadable, PermissionMissing, SpfcError
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.paging import Page, Pager, Place, Stand
from spfc.filecloud.records import Entry
from spfc.filecloud.refusals import CallRefused
from spfc.sources.filecloud_breakdowns import TROUBLE, Breakdowns


class State(StrEnum):
    """How far the listing of a folder has come."""

    MORE = "more"
    CLEAN = "clean"
    """It is whole: what it does not show is not there."""
    UNLISTED = "unlisted"
    """It cannot be had whole: it shows what is there, and proves nothing about what it does not show."""
    GONE = "gone"
    """The folder itself is not there any more."""


_CLOSED = (CallRefused, PermissionMissing, AnswerUnreadable)
"""Answers of a service that works: this folder is closed to us, or what is in it cannot be told."""

_GIVEN_UP = {
    Stand.CONTRADICTORY: "its listing contradicts itself",
    Stand.DAMAGED: "names in it cannot be read",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the listing of a folder stands, for another process to go on.

    ``first`` is the least name among the folders shown so far that are to be walked, empty when there was none.
    """

    place: Place = field(default_factory=Place)
    first: str = ""


def _any_name(_: str) -> bool:
    return True


@dataclass(slots=True)
class FolderListing:
    """The listing of one folder, one request at a time (see :class:`Pager`). ``path`` is the server's own."""

    client: FileCloudClient
    path: str
    breakdowns: Breakdowns | None = None
    """None for the source folder: whatever is wrong with it is an error, for it says nothing about any item."""
    mark: Mark = field(default_factory=Mark)
    wanted: Callable[[str], bool] = _any_name
    """Says which subfolders are to be walked, by name."""
    files: set[str] | None = None
    """The names of all files of this try, if somebody asks for them by giving an empty set."""
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
    _pager: Pager = field(init=False)

    def __post_init__(self) -> None:
        """Notice what another process has read."""
        self.knows_all = self.mark.place.received == 0
        self._pager = Pager(self.client, self.path, self.mark.place)

    def read(self) -> tuple[Entry, ...]:
        """Read on, one request when all is well, and return the files and folders of this page.

        A page may be one of another try, and repeat what was shown. Raises what is wrong with the service (see
        :class:`Breakdowns`), and with the source folder itself: PermissionMissing, AnswerUnreadable, CallRefused.
        """
        try:
            page = self._pager.read()
        except (*_CLOSED, *TROUBLE) as error:
            if self.breakdowns is None:
                raise
            self._failed(error, self.breakdowns)
            return ()
        self._take(page)
        return tuple(page.entries)

    def _take(self, page: Page) -> None:
        folders = {entry.name for entry in page.fresh if entry.is_folder and self.wanted(entry.name)}
        self.folders |= folders
        if self.files is not None:
            self.files.update(entry.name for entry in page.fresh if not entry.is_folder)
        self.can_sync = self.can_sync and all(entry.can_sync for entry in page.entries)
        if page.stand in _GIVEN_UP:
            self._give_up(_GIVEN_UP[page.stand])
            return
        if page.stand is Stand.AGAIN:
            self._begin_again()
            return
        self.mark = Mark(self._pager.place, _least(self.mark.first, folders))
        if page.stand is Stand.WHOLE:
            self.state = State.CLEAN
            if self.breakdowns is not None:
                self.breakdowns.end()

    def _begin_again(self) -> None:
        self.mark = Mark(self._pager.place)
        self._earlier |= self.folders
        self.folders.clear()
        if self.files is not None:
            self.files.clear()
        self.knows_all = True

    def _failed(self, error: SpfcError, breakdowns: Breakdowns) -> None:
        """Judge why there is no page: the folder is gone, closed, broken, or it is not about the folder at all."""
        try:
            if isinstance(error, CallRefused) and self._is_gone():
                self.state = State.GONE
                return
        except TROUBLE as trouble:
            error = trouble
        if isinstance(error, TROUBLE):
            breakdowns.judge(self.path, error)
        self._give_up(error.message)

    def _is_gone(self) -> bool:
        """Say whether the server knows nothing of the folder and its parent does not show it."""
        parent, _, name = self.path.rpartition("/")
        try:
            found = self.client.info(self.path)
            if found is not None and found.is_folder:
                return False
            above = FolderListing(self.client, parent)
            while above.state is State.MORE:
                above.read()
            return above.state is State.CLEAN and name not in above.folders
        except _CLOSED:
            return False

    def _give_up(self, why: str) -> None:
        self.state, self.why = State.UNLISTED, why
        self.folders |= self._earlier
        self.mark = Mark(self.mark.place, _least(self.mark.first, self.folders))


def _least(name: str, names: set[str]) -> str:
    """Return the least of ``name`` (empty: none) and ``names``."""
    return min(names | {name} if name else names, default="")
