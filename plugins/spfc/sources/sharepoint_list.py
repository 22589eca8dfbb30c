"""A SharePoint Online list as a source of records."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from spfc.graph.client import GraphClient
from spfc.records.model import Column, Record
from spfc.sources.base import IDENTITY, Binding, Usage
from spfc.sources.records import RecordPage

_ADDRESS: Final = ("hostname", "site_path", "list")
_FOUND: Final = ("site_id", "list_id")
_AT_ONCE: Final = 4
"""Single rows that are asked for at once; the governor of the app slows them down where the service wants that."""


class SharePointList:
    """Implements :class:`spfc.sources.records.RecordSource`. Call :meth:`bind` first.

    ``hostname`` is the SharePoint host (``contoso.sharepoint.com``), ``site_path`` server-relative (``/sites/demo``,
    ``/`` for the root site), ``list_name`` the title, the name in the address, the full address or the id of the list.
    """

    def __init__(self, client: GraphClient, *, hostname: str, site_path: str, list_name: str) -> None:
        self._client = client
        self._address = {"hostname": hostname, "site_path": site_path, "list": list_name}
        self._bound: Binding | None = None

    @property
    def usage(self) -> Usage:
        """What the client has spent so far: Graph requests, the units they are worth, and refusals."""
        bill = self._client.bill
        return Usage(requests=bill.requests, units=bill.units, refusals=bill.refusals)

    def bind(self, known: Binding | None) -> Binding:
        """Find site and list: two requests (3 units), none when ``known`` was found under the same address.

        Raises AuthenticationRefused, PermissionMissing, PlaceNotFound or Unreachable.
        """
        if known is not None and self._fits(known):
            found = {key: known[key] for key in _FOUND} | {"web_url": known.get("web_url", "")}
        else:
            site = self._client.site(self._address["hostname"], self._address["site_path"])
            place = self._client.list_place(site.id, self._address["list"])
            found = {"site_id": site.id, "list_id": place.id, "web_url": place.web_url}
        self._bound = {**found, **self._address, IDENTITY: f"{found['site_id']}/{found['list_id']}"}
        return self._bound

    def columns(self) -> tuple[Column, ...]:
        """Return the columns of the list: one request of 2 units, more only for very wide lists.

        Names are the keys of records' values; :mod:`spfc.graph.list_items` says what becomes of each kind of column.
        """
        bound = self._binding
        return self._client.list_columns(bound["site_id"], bound["list_id"])

    def changes(self, cursor: str | None) -> RecordPage:
        """Return one page of the list's change feed: one request, 1 unit (2 from the beginning).

        Raises CursorExpired when everything must be read anew; its ``restart`` may be given as the next cursor.
        """
        bound = self._binding
        page = self._client.list_delta(bound["site_id"], bound["list_id"], cursor)
        return RecordPage(page.records, page.link, page.complete)

    def whole(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """See the protocol. One request of 1 unit per living row, four at a time."""
        bound = self._binding

        def asked(record: Record) -> Record:
            if record.deleted:
                return record
            return self._client.list_row(bound["site_id"], bound["list_id"], record.id) or record

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="row") as pool:
            return tuple(pool.map(asked, records))

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._client.close()

    @property
    def _binding(self) -> Binding:
        if self._bound is None:
            raise RuntimeError("bind() must be called before the list is read")
        return self._bound

    def _fits(self, known: Binding) -> bool:
        same = all(known.get(key) == self._address[key] for key in _ADDRESS)
        return same and all(known.get(key) for key in _FOUND)
