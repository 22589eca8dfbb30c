"""A SharePoint Online document library as a source of items."""

from __future__ import annotations

from typing import Final

from spfc.graph.client import GraphClient
from spfc.graph.stream import FileStream
from spfc.planning.model import SourceItem
from spfc.sources.base import IDENTITY, Binding, ChangePage, Usage

_ADDRESS: Final = ("hostname", "site_path", "library")
_FOUND: Final = ("site_id", "drive_id", "web_url")


class SharePointLibrary:
    """Implements :class:`spfc.sources.base.Source`. Threads may share one; call :meth:`bind` first.

    ``hostname`` is the SharePoint host (``contoso.sharepoint.com``), ``site_path`` server-relative
    (``/sites/demo``, ``/`` for the root site), ``library`` the title, the name in the address, or the full
    address of the library.
    """

    def __init__(self, client: GraphClient, *, hostname: str, site_path: str, library: str) -> None:
        self._client = client
        self._address = {"hostname": hostname, "site_path": site_path, "library": library}
        self._bound: Binding | None = None

    @property
    def usage(self) -> Usage:
        """What the client has spent so far: Graph requests, the units they are worth, and refusals."""
        bill = self._client.bill
        return Usage(requests=bill.requests, units=bill.units, refusals=bill.refusals)

    @property
    def has_feed(self) -> bool:
        """True: Microsoft Graph has a change feed (Graph reference 6)."""
        return True

    def bind(self, known: Binding | None) -> Binding:
        """Find site and library: two requests, none when ``known`` was found under the same address.

        Raises AuthenticationRefused, PermissionMissing, PlaceNotFound or Unreachable.
        """
        if known is not None and self._fits(known):
            self._bound = {**known, IDENTITY: known["drive_id"]}
            return self._bound
        site = self._client.site(self._address["hostname"], self._address["site_path"])
        drive = self._client.drive(site.id, self._address["library"])
        found = {"site_id": site.id, "drive_id": drive.id, "web_url": drive.web_url, IDENTITY: drive.id}
        self._bound = found | self._address
        return self._bound

    def changes(self, cursor: str | None) -> ChangePage:
        """Return one page of the library's change feed: one request, 1 unit (2 from the beginning).

        Raises CursorExpired when a fresh enumeration is needed; its ``restart`` may be given as the next
        cursor.
        """
        page = self._client.delta(self._drive_id, cursor)
        return ChangePage(items=page.items, cursor=page.link, complete=page.complete)

    def refresh(self, item_id: str) -> SourceItem | None:
        """Return what the library says of one item now, None when it is gone (1 unit)."""
        return self._client.item(self._drive_id, item_id)

    def open(self, item: SourceItem, *, offset: int = 0) -> FileStream:
        """Open the bytes of an item (1 unit). Raises ItemGone, ItemBlocked, ItemChanged.

        An Office or labelled file may announce another length than listed: see
        :meth:`spfc.graph.content.Downloads.open`.
        """
        return self._client.open(self._drive_id, item, offset=offset)

    def close(self) -> None:
        """Nothing to give back: Graph keeps no sessions."""

    @property
    def _drive_id(self) -> str:
        if self._bound is None:
            raise RuntimeError("bind() must be called before the library is read")
        return self._bound["drive_id"]

    def _fits(self, known: Binding) -> bool:
        same = all(known.get(key) == self._address[key] for key in _ADDRESS)
        return same and all(known.get(key) for key in _FOUND[:2])
