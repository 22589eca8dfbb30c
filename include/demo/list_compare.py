"""Judges a list route: does the table hold exactly the rows and values of the list, and the snapshot as many?"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.sample_lists import CONTRACTS

Cell = Callable[[Any], object]
"""What the table must hold for a value of the list."""


def _as_is(value: Any) -> object:
    return value


def _instant(value: Any) -> object:
    return str(value).replace("T", " ").replace("Z", ".000000")


def _looked_up(value: Any) -> object:
    return value["LookupId"]


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    in_table: str
    cell: Cell = _as_is
    is_json: bool = False


_COLUMNS = (
    _Column("Title", "title"),
    _Column("ContractNo", "contractno"),
    _Column("Amount", "amount"),
    _Column("Discount_x0020__x0025_", "discount"),
    _Column("StartDate", "startdate", _instant),
    _Column("SignedAt", "signedat", _instant),
    _Column("Renews", "renews", int),
    _Column("Status", "status"),
    _Column("Topics", "topics", is_json=True),
    _Column("Owner", "ownerlookupid", _looked_up),
    _Column("Supplier", "supplierlookupid", _looked_up),
    _Column("Document", "document", is_json=True),
    _Column("Remarks", "remarks"),
    _Column("PerMonth", "permonth"),
    _Column("Risk", "risk"),
)
"""The sample's columns as docs/lists.md says that they lie in a table of SQLite: written down here once more, so that a
mistake of the product does not judge itself."""


@dataclass(frozen=True, slots=True)
class ListComparison:
    """What was compared, and every difference as a sentence."""

    rows: int
    columns: int
    differences: list[str]

    @property
    def equal(self) -> bool:
        """True when the table is the list and there was something to compare."""
        return not self.differences and self.rows > 0

    @property
    def verdict(self) -> str:
        """The judgement in one sentence."""
        if self.equal:
            return f"EQUAL: {self.rows:,} rows with {self.columns} columns each compared value by value"
        return f"NOT EQUAL: {len(self.differences)} difference(s) in {self.rows:,} rows."


def compare_list(folder: Path, database: Path, table: str, snapshot: Path) -> ListComparison:
    """Compare the published list with the living rows of a table in SQLite, and with the snapshot of it."""
    document = json.loads((folder / f"{CONTRACTS}.json").read_text(encoding="utf-8"))
    wanted: dict[int, Mapping[str, Any]] = {item["id"]: item["fields"] for item in document["items"]}
    known = {"Title", *(column["name"] for column in document["columns"])}
    columns = [column for column in _COLUMNS if column.name in known]
    found = _rows(database, table)
    differences = [f"row {row_id} is missing" for row_id in sorted(wanted.keys() - found.keys())]
    differences += [f"row {row_id} is not in the list" for row_id in sorted(found.keys() - wanted.keys())]
    for row_id in sorted(wanted.keys() & found.keys()):
        differences += _differences(row_id, columns, wanted[row_id], found[row_id])
    differences += _snapshot_differences(snapshot, set(wanted))
    return ListComparison(len(wanted), len(columns), differences)


def _rows(database: Path, table: str) -> dict[int, sqlite3.Row]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(f'SELECT * FROM "{table}" WHERE spfc_deleted_at IS NULL')  # noqa: S608 - our own name
        return {row["spfc_id"]: row for row in rows}


def _differences(row_id: int, columns: list[_Column], fields: Mapping[str, Any], row: sqlite3.Row) -> Iterator[str]:
    for column in columns:
        raw = fields.get(column.name)
        wanted = None if raw is None else column.cell(raw)
        if column.in_table not in row.keys():  # noqa: SIM118 - a Row holds values, not names
            yield f"row {row_id}: there is no column {column.in_table}"
            continue
        cell = row[column.in_table]
        found = json.loads(cell) if column.is_json and cell is not None else cell
        if found != wanted and not (wanted in (None, []) and found in (None, [])):
            yield f"row {row_id}, {column.name}: {found!r} in the table, {wanted!r} in the list"


def _snapshot_differences(snapshot: Path, wanted: set[int]) -> Iterator[str]:
    import pyarrow.parquet

    if not snapshot.is_file():
        yield f"there is no snapshot {snapshot.name}"
        return
    ids = pyarrow.parquet.read_table(snapshot, columns=["spfc_id"])["spfc_id"].to_pylist()
    if set(ids) != wanted or len(ids) != len(wanted):
        yield f"the snapshot has {len(ids):,} rows, the list {len(wanted):,}"
