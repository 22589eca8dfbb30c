"""The one way to read a folder: page by page, and a listing that contradicts itself is never believed (reference 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from spfc.errors import AnswerUnreadable
from spfc.filecloud.calls import ALL_ENTRIES, PAGE_SIZE
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.records import Entry, Listing

_PAGED_TRIES: Final = 2
"""How often a folder is read in pages before it is asked for as one (reference 6, client paging)."""

_NO_NAMES: Final = frozenset({"", ".", ".."})


class Stand(StrEnum):
    """How the listing of a folder stands after a page."""

    MORE = "more"
    AGAIN = "again"
    """The pages of this try contradict each other, what they showed is in doubt: the next page begins another try."""
    WHOLE = "whole"
    """What no page of this try has shown is not there."""
    CONTRADICTORY = "contradictory"
    """No try came to an end without a contradiction: it is given up."""
    DAMAGED = "damaged"
    """Names in it cannot be read: it is given up."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far the reading of a folder has come, for another process to go on.

    ``received`` entries of ``total`` were shown by try number ``tries``, the one named ``last`` being the last of them.
    """

    received: int = 0
    total: int | None = None
    last: str = ""
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    """One page: all ``entries`` that came, those of them that are ``fresh`` in this try, and how the listing stands."""

    stand: Stand
    entries: Sequence[Entry] = ()
    fresh: Sequence[Entry] = ()


@dataclass(slots=True)
class Pager:
    """Reads the folder at ``path``, the server's own, with one request for each page.

    Each page begins with the last entry of the page before it: when something was added or removed in front of it
    meanwhile, another entry stands there, and the folder is read again. So an entry that was there all the time is
    never missed, which equal totals and the absence of duplicates alone would not prove. Up to :data:`PAGE_SIZE`
    entries cost one call, each further page brings one entry less than it holds.
    """

    client: FileCloudClient
    path: str
    place: Place = field(default_factory=Place)
    names: set[str] | None = None
    """All names of this try, if somebody asks for them by giving an empty set; then one that comes twice is a
    contradiction even when two pages show it."""

    def read(self) -> Page:
        """Read on; not to be called when the listing is whole or given up. Raises what the client raises."""
        place = self.place
        limit = ALL_ENTRIES if place.tries > _PAGED_TRIES else PAGE_SIZE
        listing = self.client.list_page(self.path, max(0, place.received - 1), limit)
        entries = listing.entries
        if listing.damaged or any(_is_damaged(entry.name) for entry in entries):
            return Page(Stand.DAMAGED)
        overlaps = place.received == 0 or (bool(entries) and entries[0].name == place.last)
        fresh = entries[1:] if place.received and overlaps else entries
        twice = self._has_repeated(entries, fresh)
        return Page(self._advance(listing, fresh, sound=overlaps and not twice), entries, fresh)

    def _has_repeated(self, entries: Sequence[Entry], fresh: Sequence[Entry]) -> bool:
        """Note the names of a page, and say whether one came twice."""
        own = {entry.name for entry in entries}
        if self.names is None:
            return len(own) < len(entries)
        known = len(self.names)
        self.names.update(entry.name for entry in fresh)
        return len(own) < len(entries) or len(self.names) < known + len(fresh)

    def _advance(self, listing: Listing, fresh: Sequence[Entry], *, sound: bool) -> Stand:
        place = self.place
        total = listing.total if place.total is None else place.total
        received = place.received + len(fresh)
        if not sound or listing.total != total or received > (total or 0):
            return self._again()
        if received == total:
            return Stand.WHOLE
        if not fresh or place.tries > _PAGED_TRIES:
            return self._again()
        self.place = Place(received, total, fresh[-1].name, place.tries)
        return Stand.MORE

    def _again(self) -> Stand:
        """Begin another try: in pages, then the folder as one; give up after that."""
        if self.place.tries > _PAGED_TRIES:
            return Stand.CONTRADICTORY
        self.place = Place(tries=self.place.tries + 1)
        if self.names is not None:
            self.names.clear()
        return Stand.AGAIN


def list_whole_folder(client: FileCloudClient, path: str) -> list[Entry]:
    """Return all entries of a folder: in one call up to 1000 of them, one more for each further 999, when all is well.

    Pages that disagree (see :class:`Pager`) are asked for once again, then the folder as one page (reference 6, client
    paging). Raises AnswerUnreadable when that contradicts itself too or names are damaged, CallRefused when the server
    refuses the listing.
    """
    pager = Pager(client, path, names=set())
    found: list[Entry] = []
    while True:
        page = pager.read()
        found += page.fresh
        if page.stand is Stand.WHOLE:
            return found
        if page.stand is Stand.AGAIN:
            found.clear()
        elif page.stand is not Stand.MORE:
            raise AnswerUnreadable(_GIVEN_UP[page.stand], item=path)


_GIVEN_UP: Final = {
    Stand.CONTRADICTORY: "The listing of a folder contradicts itself.",
    Stand.DAMAGED: "The listing of a folder is damaged: names in it cannot be trusted.",
}


def _is_damaged(name: str) -> bool:
    return name in _NO_NAMES or "/" in name or "\0" in name
