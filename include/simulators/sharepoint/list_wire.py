"""How lists, their columns and their rows look on the wire (Graph reference 4.1 and 7)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.sharepoint.errors import utc
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.list_model import ListTable, Row
from simulators.sharepoint.urls import Target
from simulators.sharepoint.wire import Json, pick

_FIELDS = re.compile(r"(?:^|,)fields(?:\(\$?select=([^)]*)\))?(?:,|$)")
_BASE: tuple[tuple[str, str, Json, bool], ...] = (
    ("Title", "Title", {"text": {"allowMultipleLines": False, "maxLength": 255}}, True),
    ("ID", "ID", {}, False),
    ("ContentType", "Content Type", {"text": {}}, False),
    ("Modified", "Modified", {"dateTime": {"displayAs": "default", "format": "dateTime"}}, False),
    ("Created", "Created", {"dateTime": {"displayAs": "default", "format": "dateTime"}}, False),
    ("Author", "Created By", {"personOrGroup": {"allowMultipleSelection": False}}, False),
    ("Editor", "Modified By", {"personOrGroup": {"allowMultipleSelection": False}}, False),
    ("_UIVersionString", "Version", {"text": {}}, False),
    ("Attachments", "Attachments", {}, True),
    ("Edit", "Edit", {}, False),
    ("LinkTitleNoMenu", "Title", {}, False),
    ("LinkTitle", "Title", {}, False),
    ("ItemChildCount", "Item Child Count", {"lookup": {"columnName": "ItemChildCount"}}, False),
    ("FolderChildCount", "Folder Child Count", {"lookup": {"columnName": "FolderChildCount"}}, False),
    ("_ComplianceFlags", "Label setting", {"lookup": {"columnName": "ComplianceFlags"}}, False),
    ("_ComplianceTag", "Retention label", {"lookup": {"columnName": "ComplianceTag"}}, False),
    ("AppAuthor", "App Created By", {"lookup": {"columnName": "Title"}}, False),
    ("AppEditor", "App Modified By", {"lookup": {"columnName": "Title"}}, False),
)
"""What SharePoint puts beside the user's columns: name, title, facet, whether people can fill it in."""


@dataclass(frozen=True, slots=True)
class View:
    """What a request wants to see of a row: properties (None = all), and columns if they were expanded.

    `many`: the answer is about several rows, so that it is short of lookups where a list has too many.
    """

    select: frozenset[str] | None
    expanded: bool
    columns: tuple[str, ...] | None
    many: bool

    @classmethod
    def of(cls, target: Target) -> View:
        """Read `$select` and `$expand=fields` or `$expand=fields($select=A,B)`."""
        found = _FIELDS.search(target.option("expand") or "")
        chosen = found.group(1) if found is not None else None
        columns = None if chosen is None else tuple(name.strip() for name in chosen.split(","))
        return cls(target.select, found is not None, columns, target.kind != "list_item")

    def shown(self, value: Json, columns: Callable[[], Json]) -> Json:
        """Return a living row as this view shows it; what is expanded needs no selecting."""
        kept = pick(value, self.select)
        if not self.expanded:
            return kept
        fields = columns()
        if self.columns is not None:
            fields = {name: fields[name] for name in self.columns if name in fields}
        return kept | {"fields": fields}

    def marker(self, value: Json) -> Json:
        """Return a deleted row as this view shows it: a select without the facet makes it look alive."""
        return pick(value, self.select)


def column_value(name: str, title: str, facets: Mapping[str, Any], *, editable: bool, group: str) -> Json:
    """Return a columnDefinition; `facets` hold its type and may override anything."""
    shown = {"columnGroup": group, "description": "", "hidden": False, "indexed": False}
    more = {"required": False, "readOnly": not editable, "enforceUniqueValues": False}
    own = {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)), "name": name, "displayName": title}
    return {**own, **shown, **more, **facets}


def list_value(guid: uuid.UUID, name: str, title: str, web_url: str, site_id: str, created: float) -> Json:
    """Return a list; the caller adds what kind of list it is."""
    tag = f'"{guid},1"'
    return {
        "@odata.etag": tag,
        "createdDateTime": utc(created),
        "description": "",
        "eTag": tag,
        "id": str(guid),
        "lastModifiedDateTime": utc(created),
        "name": name,
        "webUrl": web_url,
        "displayName": title,
        "parentReference": {"siteId": site_id},
    }


def row_value(number: int, tag: str, times: tuple[float, float], web_url: str, site_id: str, kind: Json) -> Json:
    """Return a list item without its columns; `times` are those of creation and last change."""
    return {
        "@odata.etag": tag,
        "createdDateTime": utc(times[0]),
        "eTag": tag,
        "id": str(number),
        "lastModifiedDateTime": utc(times[1]),
        "webUrl": web_url,
        "parentReference": {"siteId": site_id},
        "contentType": kind,
    }


def deleted_row(number: int, site_id: str, kind: Json, knobs: SharePointKnobs) -> Json:
    """Return the marker of a deleted list item (reference 7), in the shape the knobs ask for."""
    state: Json = {} if knobs.delete_shape == "empty_state" else {"state": "deleted"}
    value: Json = {"id": str(number), "contentType": kind, "parentReference": {"siteId": site_id}, "deleted": state}
    if knobs.delete_shape == "no_parent":
        del value["parentReference"]
    return value


def columns_of(table: ListTable) -> list[Json]:
    """Return all columns of a list in their order: the title, the user's, the system's."""
    named = {str(column["name"]) for column in table.columns}
    (title, *system) = [
        column_value(name, text, facets, editable=editable, group="Base Columns")
        for name, text, facets, editable in _BASE
    ]
    own = [
        column_value(str(c["name"]), str(c.get("displayName", c["name"])), c, editable=True, group="Custom Columns")
        for c in table.columns
    ]
    return [*([] if "Title" in named else [title]), *own, *system]


def shown_columns(table: ListTable, view: View, knobs: SharePointKnobs) -> list[Json]:
    """Return the user's columns that `$expand=fields` shows, hidden ones only by name.

    Of more lookups than `lookup_limit`, the last are missing (msgraph-sdk-powershell issue 2711).
    """
    left, shown = knobs.lookup_limit if view.many else None, []
    for column in table.columns:
        if column.get("hidden") and column["name"] not in (view.columns or ()):
            continue
        if left is not None and _is_lookup(column):
            left -= 1
            if left < 0:
                continue
        shown.append(column)
    return shown


def fields_of(row: Row, columns: Iterable[Json], view: View, knobs: SharePointKnobs) -> Json:
    """Return the columns of a row as `$expand=fields` shows them.

    A lookup or a person shows its id under `<name>LookupId`, its text only where the view names the column.
    """
    title = row.fields.get("Title")
    fields: Json = {"@odata.etag": row.etag}
    if title is not None:
        fields["Title"] = title
    for column in columns:
        fields |= _shown(column, row.fields.get(column["name"]), view, knobs)
    person = row.fields.get("AuthorLookupId", "6")
    return fields | {
        "id": str(row.id),
        "ContentType": row.fields.get("ContentType", "Item"),
        "Modified": utc(row.changed_at),
        "Created": utc(row.created_at),
        "AuthorLookupId": person,
        "EditorLookupId": row.fields.get("EditorLookupId", person),
        "_UIVersionString": f"{row.version}.0",
        "Attachments": bool(row.fields.get("Attachments", False)),
        "Edit": "",
        "LinkTitleNoMenu": title or "",
        "LinkTitle": title or "",
        "ItemChildCount": "0",
        "FolderChildCount": "0",
        "_ComplianceFlags": "",
        "_ComplianceTag": "",
        "_ComplianceTagWrittenTime": "",
        "_ComplianceTagUserId": "",
        "AppEditorLookupId": "5",
    }


def _shown(column: Json, value: object, view: View, knobs: SharePointKnobs) -> Json:
    name = str(column["name"])
    if value is None:
        return {}
    if isinstance(value, list):
        return {name: value} if _is_lookup(column) else {f"{name}@odata.type": "Collection(Edm.String)", name: value}
    if not _is_lookup(column):
        return {name: value}
    number, text = (value.get("LookupId"), value.get("LookupValue")) if isinstance(value, dict) else (value, None)
    shown: Json = {f"{name}LookupId": number if knobs.lookup_ids == "number" else str(number)}
    if view.columns is not None and name in view.columns and text is not None:
        shown[name] = text
    return shown


def _is_lookup(column: Json) -> bool:
    return "lookup" in column or "personOrGroup" in column
