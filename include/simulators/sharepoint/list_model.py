"""The simulator's picture of one list: its columns and rows, and what of a row's values its columns show."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Json = dict[str, Any]
BUILT_IN = frozenset({"Title", "AuthorLookupId", "EditorLookupId", "ContentType", "Attachments"})
"""Values that every row may set although no column of the user's stands for them."""


@dataclass(slots=True)
class Row:
    """One list item, alive or remembered as deleted.

    `version` grows with every change (eTag). `change` is the number of the last change in the change log, `changed_at`
    its time (epoch seconds), `restored` the number of the change by which the row came back last, 0 when it never did.
    """

    id: int
    guid: str
    fields: Json
    version: int = 1
    change: int = 0
    changed_at: float = 0.0
    created_at: float = 0.0
    deleted: bool = False
    restored: int = 0

    @property
    def etag(self) -> str:
        """Tag of the item, as lists write it: no braces, no upper case."""
        return f'"{self.guid},{self.version}"'


@dataclass(slots=True)
class ListTable:
    """One list. `name` is the last part of its address and never changes, `title` may.

    `columns` are columnDefinitions as Graph has them: a name, a facet that says the type, and what is not usual.
    `from_file` says that it is published from a file; `gone` that the file, and with it the list, is not there now.
    """

    name: str
    guid: uuid.UUID
    title: str
    columns: list[Json] = field(default_factory=list)
    template: str = "genericList"
    hidden: bool = False
    system: bool = False
    created_at: float = 0.0
    from_file: bool = False
    gone: bool = False
    last_id: int = 0
    rows: dict[int, Row] = field(default_factory=dict)

    def column_names(self) -> frozenset[str]:
        """Return the names under which a row may hold values that are shown."""
        return BUILT_IN | {str(column["name"]) for column in self.columns}

    def settings(self) -> Json:
        """Return everything but the rows, as JSON has it."""
        kept = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "rows"}
        return kept | {"guid": str(self.guid)}

    def guid_of(self, row_id: int) -> str:
        """Return the GUID of a row, the same after any restart."""
        return str(uuid.uuid5(self.guid, str(row_id)))


def seen(values: Mapping[str, Any], names: Collection[str]) -> Json:
    """Return the values that these columns show; an empty one is no value."""
    return {name: value for name, value in values.items() if name in names and value is not None}
