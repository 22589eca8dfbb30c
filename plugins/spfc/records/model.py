"""The values that list routes speak of: columns and their types, records as the source tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ColumnType(StrEnum):
    """What a table column holds. A closed set; every SharePoint column becomes one of these."""

    TEXT = "text"
    INTEGER = "integer"
    """Whole numbers of 64 bits: ids of looked-up items and people."""
    NUMBER = "number"
    """A binary floating-point number of 64 bits, which is what SharePoint numbers are on the wire."""
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    """An instant, kept in UTC."""
    JSON = "json"
    """Anything that is not one plain value: several choices, several people, places, links with a description."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list.

    ``name`` is the internal name, the key in a record's ``values``; it never changes, ``title`` (what people see) may.
    ``apart``: the source leaves its values out where it tells of many rows, so each row has to be asked for by itself.
    """

    name: str
    title: str
    type: ColumnType
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """What the source last said of one list item.

    ``id`` is the list item id, a whole number, unique in its list and never given again. ``version`` changes with
    anything. ``values`` holds the raw JSON values by internal column name; a column without a value is missing or None.
    Times are whole seconds since 1970 UTC, None when unknown. A ``deleted`` record has nothing but its id.
    """

    id: int
    version: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    created: int | None = None
    modified: int | None = None
    deleted: bool = False


class ColumnFate(StrEnum):
    """What a look at the source's columns meant for the table. A closed set."""

    ADDED = "added"
    """New at the source, or back: a full reading follows, so that older rows get their values."""
    KEPT = "kept"
    """Gone from the source: the column stays with what it holds."""
    RETYPED = "retyped"
    """Of another type now: a second column takes the values (a full reading fills it), the old one stays."""


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One difference between the source's columns and the table. ``sql_name`` is the name in the table."""

    name: str
    sql_name: str
    fate: ColumnFate


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column of the list and its name in the table, which it keeps for ever."""

    column: Column
    sql_name: str
