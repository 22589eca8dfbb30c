"""Two kinds of lists behind one face: those of rows that people keep, and the library, whose rows are its files."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar
from urllib.parse import quote

from simulators.sharepoint.errors import utc
from simulators.sharepoint.feed import Entry, Subject
from simulators.sharepoint.items import Item
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.library_log import LibraryRows, with_older_tag
from simulators.sharepoint.list_model import ListTable, Row
from simulators.sharepoint.list_store import ListStore
from simulators.sharepoint.list_wire import (
    View,
    column_value,
    columns_of,
    deleted_row,
    fields_of,
    list_value,
    row_value,
    shown_columns,
)
from simulators.sharepoint.places import Places
from simulators.sharepoint.rounds import Rounds
from simulators.sharepoint.wire import Json, list_item_number, matches

_FILE_COLUMNS = (
    ("FileLeafRef", "Name", "text", True),
    ("ContentType", "Content Type", "text", False),
    ("Created", "Created", "dateTime", False),
    ("Modified", "Modified", "dateTime", False),
)
_ITEM: Json = {"id": "0x0100", "name": "Item"}
E = TypeVar("E", bound=Entry)


class ListOfRows(Protocol[E]):
    """What the addresses of a list need to know of it."""

    @property
    def guid(self) -> uuid.UUID:
        """The list's id."""

    @property
    def log(self) -> Subject[E]:
        """The list's change log."""

    def value(self) -> Json:
        """Return the list itself."""

    def columns(self) -> list[Json]:
        """Return its columns, hidden ones included."""

    def living(self) -> Mapping[int, E]:
        """Return its rows by id."""

    def row(self, entry: E, view: View) -> Json:
        """Return a row, or the marker of a deleted one."""


class GenericList:
    """Implements `ListOfRows`, and `feed.Subject` for it. Made for one request, with the lists held still."""

    def __init__(self, table: ListTable, store: ListStore, places: Places, knobs: SharePointKnobs) -> None:
        self._table = table
        self._store = store
        self._knobs = knobs
        self._site_id = places.library.ids.site_id
        self._web_url = f"{places.site_url}/Lists/{quote(table.name)}"
        self._views: dict[View, list[Json]] = {}

    @property
    def guid(self) -> uuid.UUID:
        """See the protocol."""
        return self._table.guid

    @property
    def log(self) -> GenericList:
        """See the protocol."""
        return self

    def value(self) -> Json:
        """See the protocol."""
        table = self._table
        value = list_value(table.guid, table.name, table.title, self._web_url, self._site_id, table.created_at)
        value["list"] = {"contentTypesEnabled": False, "hidden": table.hidden, "template": table.template}
        return value | ({"system": {}} if table.system else {})

    def columns(self) -> list[Json]:
        """See the protocol."""
        return columns_of(self._table)

    def living(self) -> Mapping[int, Row]:
        """See the protocol."""
        return {row.id: row for row in self._table.rows.values() if not row.deleted}

    def row(self, entry: Row, view: View) -> Json:
        """See the protocol."""
        if entry.deleted:
            return view.marker(deleted_row(entry.id, self._site_id, _ITEM, self._knobs))
        times = (entry.created_at, entry.changed_at)
        value = row_value(entry.id, entry.etag, times, f"{self._web_url}/{entry.id}_.000", self._site_id, _ITEM)
        return view.shown(value, lambda: fields_of(entry, self._shown_columns(view), view, self._knobs))

    def _shown_columns(self, view: View) -> list[Json]:
        if view not in self._views:
            self._views[view] = shown_columns(self._table, view, self._knobs)
        return self._views[view]

    # -- feed.Subject ----------------------------------------------------------------------------------

    @property
    def list_id(self) -> uuid.UUID:
        """See the protocol."""
        return self._table.guid

    @property
    def change(self) -> int:
        """See the protocol."""
        return self._store.change

    @property
    def rounds(self) -> Rounds:
        """See the protocol."""
        return self._store.rounds

    def entries(self) -> Iterable[Row]:
        """See the protocol."""
        return self._table.rows.values()

    def key(self, entry: Row) -> str:
        """See the protocol."""
        return str(entry.id)

    def entry(self, key: str) -> Row:
        """See the protocol."""
        return self._table.rows[int(key)]

    def is_listed(self, entry: Row) -> bool:
        """See the protocol."""
        return not matches(self._knobs.unlisted, self._path(entry))

    def is_told(self, entry: Row) -> bool:
        """See the protocol."""
        return not matches(self._knobs.silent_delete, self._path(entry))

    def depth(self, entry: Row) -> int:
        """Rows lie in no folders here."""
        return 0

    def shown(self, changed: list[Row]) -> list[Row]:
        """See the protocol."""
        return changed

    def older(self, entry: Row, value: Json) -> Json | None:
        """Return what a row was before: living before it was deleted, deleted before it was restored."""
        if entry.deleted:
            tag = f'"{entry.guid},{entry.version - 1}"'
            times = (entry.created_at, entry.created_at)
            alive = row_value(entry.id, tag, times, f"{self._web_url}/{entry.id}_.000", self._site_id, _ITEM)
            return alive | {"fields": {"id": str(entry.id), "Title": f"formerly {entry.id}"}}
        if entry.restored == entry.change:
            return deleted_row(entry.id, self._site_id, _ITEM, self._knobs)
        old = with_older_tag(dict(value))
        if "fields" in old:
            old["fields"] = old["fields"] | {"Title": f"formerly {old['fields'].get('Title', '')}"}
        return old

    def settle(self) -> None:
        """Rendering finds nothing out here."""

    def _path(self, entry: Row) -> str:
        return f"Lists/{self._table.name}/{entry.id}"


class LibraryList:
    """Implements `ListOfRows` for the library."""

    def __init__(self, places: Places, knobs: SharePointKnobs) -> None:
        self._places = places
        self._library = places.library
        self._knobs = knobs

    @property
    def guid(self) -> uuid.UUID:
        """See the protocol."""
        return self._library.ids.list

    @property
    def log(self) -> LibraryRows:
        """See the protocol."""
        return LibraryRows(self._library, self._knobs)

    def value(self) -> Json:
        """See the protocol."""
        places, ids = self._places, self._library.ids
        name, created = places.library_url.rsplit("/", 1)[-1], self._library.root.created_at
        value = list_value(ids.list, name, places.library_name, places.library_url, ids.site_id, created)
        return value | {"list": {"contentTypesEnabled": False, "hidden": False, "template": "documentLibrary"}}

    def columns(self) -> list[Json]:
        """See the protocol."""
        group = "Core Document Columns"
        return [
            column_value(name, title, {facet: {}, "required": editable}, editable=editable, group=group)
            for name, title, facet, editable in _FILE_COLUMNS
        ]

    def living(self) -> Mapping[int, Item]:
        """See the protocol."""
        items = self._library.store.items.values()
        return {list_item_number(item): item for item in items if item.parent and not item.deleted}

    def row(self, entry: Item, view: View) -> Json:
        """See the protocol."""
        kind: Json = {"id": "0x0120", "name": "Folder"} if entry.is_dir else {"id": "0x0101", "name": "Document"}
        number, site_id = list_item_number(entry), self._library.ids.site_id
        if entry.deleted:
            return view.marker(deleted_row(number, site_id, kind, self._knobs))
        url = f"{self._places.library_url}/{quote(self._library.path(entry))}"
        tag, times = f'"{entry.guid},{entry.version}"', (entry.created_at, entry.changed_at)
        value = row_value(number, tag, times, url, site_id, kind)
        columns = {"Created": utc(entry.created_at), "Modified": utc(entry.changed_at)}
        fields = {"id": str(number), "FileLeafRef": entry.name, "ContentType": kind["name"], **columns}
        return view.shown(value, lambda: fields)
