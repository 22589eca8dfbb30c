"""What a page of records means for the rows of a table, and how they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from spfc.records.convert import convert_row, instant, raw_json, same
from spfc.records.model import Record
from spfc.records.schema import Schema
from spfc.targets.records import Applied, Doomed, RowAction

CHUNK = 1000
"""Most ids in one statement: far below the 32,766 variables of SQLite and the 65,535 of PostgreSQL."""

EVIDENCE = {
    RowAction.ADDED: "new at the source",
    RowAction.RESTORED: "there again at the source",
    RowAction.DELETED: "deleted at the source",
    RowAction.MARKED: "deleted at the source",
    RowAction.HELD: "deleted at the source; held by the guard",
}
"""Why a page did something to a row."""

NEW_VERSION, OTHER_VALUES = "new version", "other values under the same version"
"""Why a row was updated."""

FATE = {Doomed.DELETE: RowAction.DELETED, Doomed.MARK: RowAction.MARKED, Doomed.HOLD: RowAction.HELD}
"""What becomes of the rows that are doomed."""

_OURS = ("spfc_version", "spfc_created_at", "spfc_modified_at", "spfc_unconverted")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is written into every row that is written: when, by whom, in which full reading."""

    now: float
    run_id: str
    generation: int

    def values(self) -> dict[str, Any]:
        """Return the columns."""
        return {"spfc_synced_at": instant(self.now), "spfc_run_id": self.run_id}


@dataclass(slots=True)
class Page:
    """The rows of a page, sorted by what they mean. ``shown`` are unchanged ones that a full reading shows first."""

    write: list[dict[str, Any]] = field(default_factory=list)
    doomed: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    log: list[tuple[int, RowAction, str]] = field(default_factory=list)
    counts: Counter[RowAction] = field(default_factory=Counter)
    unconverted: Counter[str] = field(default_factory=Counter)

    def doom(self, fate: Doomed) -> None:
        """Say what becomes of the doomed rows."""
        action = FATE[fate]
        self.counts[action] += len(self.doomed)
        self.log += [(row_id, action, EVIDENCE[action]) for row_id in self.doomed]

    def applied(self) -> Applied:
        """Return the sums."""
        return Applied({a: n for a, n in self.counts.items() if n}, dict(self.unconverted))


def sort_page(connection: Connection, table: Table, schema: Schema, records: Sequence[Record], stamp: Stamp) -> Page:
    """Compare records with their rows. Reads only. Of several records with one id the last counts."""
    page = Page()
    by_id = {record.id: record for record in records}
    for ids in chunked(sorted(by_id)):
        rows = _existing(connection, table, schema, ids)
        for row_id in ids:
            _sort(page, by_id[row_id], rows.get(row_id), schema, stamp)
    return page


def write_page(connection: Connection, table: Table, page: Page, fate: Doomed, stamp: Stamp) -> None:
    """Write what :func:`sort_page` found, with the ``fate`` of the doomed rows."""
    if page.write:
        upsert = _upsert(connection, table, list(page.write[0]))
        for rows in chunked(page.write):
            connection.execute(upsert, rows)
    key = table.c.spfc_id
    for ids in chunked(page.shown):
        connection.execute(update(table).where(key.in_(ids)).values(spfc_generation=stamp.generation))
    for ids in chunked(page.doomed):
        if fate is Doomed.DELETE:
            connection.execute(delete(table).where(key.in_(ids)))
        else:
            marks = {**stamp.values(), "spfc_deleted_at": instant(stamp.now)}
            connection.execute(update(table).where(key.in_(ids)).values(marks))


def chunked(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield lists of at most :data:`CHUNK` values."""
    iterator = iter(values)
    while piece := list(islice(iterator, CHUNK)):
        yield piece


def _existing(connection: Connection, table: Table, schema: Schema, ids: list[int]) -> dict[int, RowMapping]:
    names = ["spfc_id", "spfc_deleted_at", "spfc_generation", *_OURS, *(p.sql_name for p in schema.current)]
    query = select(*(table.c[name] for name in names)).where(table.c.spfc_id.in_(ids))
    return {row["spfc_id"]: row for row in connection.execute(query).mappings()}


def _sort(page: Page, record: Record, row: RowMapping | None, schema: Schema, stamp: Stamp) -> None:
    if record.deleted:
        _sort_deleted(page, record.id, row)
        return
    values, misfits = convert_row(record.values, schema.current)
    values |= {
        "spfc_version": record.version.replace("\x00", ""),
        "spfc_created_at": instant(record.created),
        "spfc_modified_at": instant(record.modified),
        "spfc_unconverted": raw_json(misfits) if misfits else None,
    }
    action, evidence = _judge(row, values)
    page.counts[action] += 1
    if action is RowAction.UNCHANGED:
        if row is not None and row["spfc_generation"] != stamp.generation:
            page.shown.append(record.id)
        return
    page.unconverted.update(misfits.keys())
    page.log.append((record.id, action, evidence))
    extra = {"spfc_generation": stamp.generation, "spfc_deleted_at": None}
    page.write.append({"spfc_id": record.id, **values, **stamp.values(), **extra})


def _sort_deleted(page: Page, row_id: int, row: RowMapping | None) -> None:
    if row is None:
        page.counts[RowAction.ABSENT] += 1
    elif row["spfc_deleted_at"] is not None:
        page.counts[RowAction.UNCHANGED] += 1
    else:
        page.doomed.append(row_id)


def _judge(row: RowMapping | None, values: dict[str, Any]) -> tuple[RowAction, str]:
    if row is None:
        return RowAction.ADDED, EVIDENCE[RowAction.ADDED]
    if row["spfc_deleted_at"] is not None:
        return RowAction.RESTORED, EVIDENCE[RowAction.RESTORED]
    if row["spfc_version"] != values["spfc_version"]:
        return RowAction.UPDATED, NEW_VERSION
    # Not the version alone: it stays when what a lookup shows is renamed, and somebody may have edited the row here.
    if not all(same(row[name], value) for name, value in values.items()):
        return RowAction.UPDATED, OTHER_VALUES
    return RowAction.UNCHANGED, ""


def _upsert(connection: Connection, table: Table, names: list[str]) -> Any:
    adding = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)
    changes = {name: adding.excluded[name] for name in names if name != "spfc_id"}
    return adding.on_conflict_do_update(index_elements=["spfc_id"], set_=changes)
