"""Keeps lists, their rows and their change numbers in one SQLite file, so that a restart forgets nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

from simulators.sharepoint.list_model import Json, ListTable, Row
from simulators.sharepoint.rounds import Rounds

_SCHEMA = """
create table if not exists lists (name primary key, body);
create table if not exists list_rows (
    list, id, guid, fields, version, change, changed_at, created_at, deleted, restored, primary key (list, id)
);
"""


class ListStore:
    """All lists in memory, written through to SQLite by `flush`. Not thread safe: whoever owns it holds a lock."""

    def __init__(self, state_dir: Path) -> None:
        self.rounds = Rounds(state_dir / "lists.sqlite")
        self._db = self.rounds.db
        self._db.executescript(_SCHEMA)
        self.change = int(self.rounds.setting("change", "0"))
        self.tables: dict[str, ListTable] = {}
        self._dirty: dict[tuple[str, int], Row] = {}
        self._dirty_tables: set[str] = set()
        for (body,) in self._db.execute("select body from lists order by rowid").fetchall():
            values = json.loads(body)
            table = ListTable(**values | {"guid": uuid.UUID(values["guid"])})
            table.rows = {row.id: row for row in self._load(table.name)}
            self.tables[table.name] = table
        self.flush()

    def _load(self, name: str) -> Iterator[Row]:
        query = (
            "select id, guid, fields, version, change, changed_at, created_at, deleted, restored "
            "from list_rows where list = ? order by id"
        )
        for row_id, guid, fields, version, change, changed_at, created_at, deleted, restored in self._db.execute(
            query, (name,)
        ):
            values = json.loads(fields)
            yield Row(row_id, guid, values, version, change, changed_at, created_at, bool(deleted), restored)

    def put_table(self, table: ListTable) -> None:
        """Take in a list, or note that it must be written."""
        self.tables[table.name] = table
        self._dirty_tables.add(table.name)

    def add_row(self, table: ListTable, row_id: int, fields: Json, now: float) -> None:
        """Add a row under an id that no row had before."""
        row = Row(row_id, table.guid_of(row_id), fields, created_at=now)
        table.rows[row_id] = row
        table.last_id = max(table.last_id, row_id)
        self._log(table, row, now)

    def change_row(self, table: ListTable, row: Row, now: float, *, deleted: bool = False) -> None:
        """Give a row its next version: its values were changed, or it was deleted, or it came back."""
        row.version += 1
        restored = row.deleted and not deleted
        row.deleted = deleted
        self._log(table, row, now)
        if restored:
            row.restored = row.change

    def _log(self, table: ListTable, row: Row, now: float) -> None:
        self.change += 1
        row.change, row.changed_at = self.change, now
        self._dirty[(table.name, row.id)] = row
        self._dirty_tables.add(table.name)

    def flush(self) -> None:
        """Write everything that changed, in one transaction."""
        statement = "insert into lists values (?, ?) on conflict (name) do update set body = excluded.body"
        for name in self._dirty_tables:
            self._db.execute(statement, (name, json.dumps(self.tables[name].settings())))
        marks = ", ".join("?" * 10)
        self._db.executemany(f"insert or replace into list_rows values ({marks})", self._rows())  # noqa: S608
        self._dirty.clear()
        self._dirty_tables.clear()
        self.rounds.change_setting("change", str(self.change))
        self._db.commit()

    def _rows(self) -> Iterator[tuple[object, ...]]:
        for (name, _), row in self._dirty.items():
            fields = json.dumps(row.fields, ensure_ascii=False)
            yield (
                name, row.id, row.guid, fields, row.version, row.change, row.changed_at, row.created_at, row.deleted,
                row.restored,
            )  # fmt: skip

    def close(self) -> None:
        """Write and close."""
        self.flush()
        self._db.close()
