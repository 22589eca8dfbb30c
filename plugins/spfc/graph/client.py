"""The Graph client that the upper floors use: places, change feed, single items, content."""

from __future__ import annotations

from types import TracebackType
from typing import Self
from urllib.parse import quote

from spfc.errors import PermissionMissing, SpfcError
from spfc.graph.auth import TokenSource
from spfc.graph.content import Downloads
from spfc.graph.feed import DeltaPage, read_page
from spfc.graph.governor import Bill, Governor
from spfc.graph.items import SELECT, to_source_item
from spfc.graph.lists import ListPage, ListPlace, find_list, read_columns, read_list_page, read_row
from spfc.graph.places import Drive, Site, find_drive, find_site, list_drives
from spfc.graph.replies import Refusal
from spfc.graph.settings import GraphSettings
from spfc.graph.shared import SHARED
from spfc.graph.stream import FileStream
from spfc.graph.wire import Call, Wire
from spfc.planning.model import SourceItem
from spfc.records.model import Column, Record


class _Absent(SpfcError):
    """The item asked for is not there: an answer, not an error, and never seen outside of this module."""


class GraphClient:
    """Talks to one tenant as one app. Thread safe; no request is made before the first call.

    Without ``tokens`` and ``governor`` those of the process are used, shared by all clients of the same
    tenant and app. Transient failures are retried inside, throttling pauses everybody.
    """

    def __init__(
        self,
        settings: GraphSettings,
        *,
        tokens: TokenSource | None = None,
        governor: Governor | None = None,
    ) -> None:
        self.settings = settings
        self.governor = governor or SHARED.governor(settings)
        self._wire = Wire(settings, tokens or SHARED.tokens(settings), self.governor)
        self._downloads = Downloads(self._wire, self.governor)

    @property
    def bill(self) -> Bill:
        """What this client has sent to Graph so far; the download host costs nothing and is not in it."""
        return self._wire.meter.bill()

    def site(self, hostname: str, site_path: str) -> Site:
        """Find a site (1 unit). Raises PlaceNotFound or PermissionMissing."""
        return find_site(self._wire, hostname, site_path)

    def drives(self, site_id: str) -> list[Drive]:
        """List the libraries of a site, also the system's own (2 units per page)."""
        return list_drives(self._wire, site_id)

    def drive(self, site_id: str, library: str) -> Drive:
        """Find a library by title or address, whatever the case. Raises PlaceNotFound naming the others."""
        return find_drive(self._wire, site_id, library)

    def delta(self, drive_id: str, link: str | None) -> DeltaPage:
        """Read one page of the change feed; see :func:`spfc.graph.feed.read_page`."""
        return read_page(self._wire, drive_id, link)

    def item(self, drive_id: str, item_id: str) -> SourceItem | None:
        """Return what Graph says of one item now, None when it is gone (1 unit)."""

        def explain(refusal: Refusal) -> SpfcError | None:
            return _Absent("gone") if refusal.status in (404, 410) else None

        url = f"/drives/{quote(drive_id, safe='!')}/items/{quote(item_id, safe='!')}?$select={SELECT}"
        try:
            item = to_source_item(self._wire.get_json(Call(url, "item", 1, f"item {item_id}", explain)))
        except _Absent:
            return None
        return None if item.deleted else item

    def open(self, drive_id: str, item: SourceItem, *, offset: int = 0) -> FileStream:
        """Open the bytes of an item (1 unit); see :meth:`spfc.graph.content.Downloads.open`."""
        return self._downloads.open(drive_id, item, offset=offset, refresh=lambda: self.item(drive_id, item.id))

    def list_place(self, site_id: str, name: str) -> ListPlace:
        """Find a list by title, address or id (2 units per page). Raises PlaceNotFound naming the others."""
        return find_list(self._wire, site_id, name)

    def list_columns(self, site_id: str, list_id: str) -> tuple[Column, ...]:
        """Return the columns of a list; see :func:`spfc.graph.lists.read_columns`."""
        return read_columns(self._wire, site_id, list_id)

    def list_delta(self, site_id: str, list_id: str, link: str | None) -> ListPage:
        """Read one page of a list's change feed; see :func:`spfc.graph.lists.read_list_page`."""
        return read_list_page(self._wire, site_id, list_id, link)

    def list_row(self, site_id: str, list_id: str, row_id: int) -> Record | None:
        """Return one row of a list with all its columns, None when it is gone (1 unit)."""
        return read_row(self._wire, site_id, list_id, row_id)

    def check(self) -> str:
        """Sign in and look at the tenant's root site (1 unit); return one sentence. Raises as usual."""
        call = Call("/sites/root?$select=id,displayName,webUrl", "site", 1, "the root site of the tenant")
        try:
            root = self._wire.get_json(call)
        except PermissionMissing:
            # With Sites.Selected that is how it should be: only the granted sites can be seen.
            return "Signed in. The app sees only sites that were granted to it."
        return f"Signed in. The tenant's root site is {root.get('webUrl') or root.get('id')}."

    def close(self) -> None:
        """Close the connections that are not in use; the client may be used again."""
        self._wire.close()
        self._downloads.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
