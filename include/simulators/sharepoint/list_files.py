"""Reads a list from the file that publishes it: JSON as Graph speaks of lists, or CSV (docs/simulators.md)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.sharepoint.list_model import Json

SUFFIXES = (".json", ".csv")
_FACETS: Mapping[str, Json] = {
    "text": {"text": {}},
    "number": {"number": {}},
    "boolean": {"boolean": {}},
    "dateTime": {"dateTime": {"displayAs": "standard", "format": "dateTime"}},
}
_VALUES: Mapping[str, Callable[[str], object]] = {
    "number": float,
    "boolean": lambda text: text.strip().casefold() in ("true", "yes", "1"),
}


class ListFileError(ValueError):
    """A file is no list; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Published:
    """What one file says: the list's settings, its columns, and the values of its rows by id."""

    title: str
    columns: Sequence[Json] = ()
    rows: Mapping[int, Json] = field(default_factory=dict)
    template: str = "genericList"
    hidden: bool = False
    system: bool = False


def read_list(path: Path) -> Published:
    """Read a file. Raises ListFileError when it is no list, OSError when it cannot be read."""
    try:
        return _from_csv(path) if path.suffix == ".csv" else _from_json(path)
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise ListFileError(f"{path.name}: {error}") from error


def _from_json(path: Path) -> Published:
    raw = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(raw, dict):
        raise ListFileError(f"{path.name}: an object with 'columns' and 'items' belongs here")
    columns, items = raw.get("columns", []), raw.get("items", [])
    if not isinstance(columns, list) or not all(isinstance(c, dict) and _is_name(c.get("name")) for c in columns):
        raise ListFileError(f"{path.name}: 'columns' must be a list of objects with a 'name'")
    if not isinstance(items, list):
        raise ListFileError(f"{path.name}: 'items' must be a list")
    rows: dict[int, Json] = {}
    for item in items:
        row_id, fields = _item(path, item)
        if row_id in rows:
            raise ListFileError(f"{path.name}: the id {row_id} stands twice")
        rows[row_id] = fields
    title, template = str(raw.get("title", path.stem)), str(raw.get("template", "genericList"))
    return Published(title, columns, rows, template, bool(raw.get("hidden")), bool(raw.get("system")))


def _item(path: Path, item: object) -> tuple[int, Json]:
    row_id = item.get("id") if isinstance(item, dict) else None
    fields = item.get("fields", {}) if isinstance(item, dict) else None
    whole = isinstance(row_id, int) and not isinstance(row_id, bool) and row_id > 0
    if not whole or not isinstance(row_id, int) or not isinstance(fields, dict):
        raise ListFileError(f"{path.name}: an item needs a whole number above 0 as 'id' and an object as 'fields'")
    return row_id, fields


def _from_csv(path: Path) -> Published:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, *lines = list(csv.reader(file)) or [[]]
    if not head or head[0] != "id":
        raise ListFileError(f"{path.name}: the first column must be 'id'")
    columns = [_column(path, cell) for cell in head[1:]]
    rows: dict[int, Json] = {}
    for line in lines:
        if not line:
            continue
        row_id, *cells = line
        if not row_id.isdecimal() or int(row_id) < 1 or int(row_id) in rows or len(cells) > len(columns):
            raise ListFileError(f"{path.name}: the line of id {row_id!r} is too long, or its id is no new whole number")
        rows[int(row_id)] = _cells(path, columns, cells)
    shown = [{"name": name, **_FACETS[kind]} for name, kind in columns if name != "Title"]
    return Published(path.stem, shown, rows)


def _column(path: Path, cell: str) -> tuple[str, str]:
    name, _, kind = cell.partition(":")
    kind = kind or "text"
    if not name or kind not in _FACETS:
        raise ListFileError(f"{path.name}: column {cell!r}: write name or name:type, types are {', '.join(_FACETS)}")
    return name, kind


def _cells(path: Path, columns: Sequence[tuple[str, str]], cells: Sequence[str]) -> Json:
    try:
        return {
            name: _VALUES[kind](cell) if kind in _VALUES else cell
            for (name, kind), cell in zip(columns, cells, strict=False)
            if cell
        }
    except ValueError as error:
        raise ListFileError(f"{path.name}: {error}") from error


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
