"""One list in the hands of a test: each call is what a person might do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from simulators.common.clock import Clock
from simulators.sharepoint.list_model import Json, ListTable, Row
from simulators.sharepoint.list_store import ListStore


class ListHandle:
    """One list that a test changes by calls, each of them one entry of the change log. Thread safe.

    Values are what Graph shows under the column's name: lookups and people as `{"LookupId": 3, "LookupValue": "..."}`.
    """

    def __init__(self, opened: Callable[[], AbstractContextManager[ListStore]], name: str, clock: Clock) -> None:
        self._opened = opened
        self._clock = clock
        self.name = name

    @contextmanager
    def _table(self) -> Iterator[tuple[ListTable, ListStore]]:
        with self._opened() as store:
            yield store.tables[self.name], store
            store.put_table(store.tables[self.name])
            store.flush()

    @property
    def id(self) -> str:
        """The list's id."""
        with self._table() as (table, _):
            return str(table.guid)

    def rows(self) -> dict[int, Json]:
        """Return the values of the living rows by id."""
        with self._table() as (table, _):
            return {row.id: dict(row.fields) for row in table.rows.values() if not row.deleted}

    def add(self, fields: Mapping[str, Any]) -> int:
        """Add a row; return its id, which no row had before."""
        with self._table() as (table, store):
            store.add_row(table, table.last_id + 1, dict(fields), self._clock.now())
            return table.last_id

    def update(self, row_id: int, fields: Mapping[str, Any]) -> None:
        """Change some values of a living row; None empties one. Raises KeyError."""
        with self._table() as (table, store):
            row = self._living(table, row_id)
            row.fields = {**row.fields, **fields}
            store.change_row(table, row, self._clock.now())

    def delete(self, row_id: int) -> None:
        """Put a living row into the recycle bin. Raises KeyError."""
        with self._table() as (table, store):
            store.change_row(table, self._living(table, row_id), self._clock.now(), deleted=True)

    def restore(self, row_id: int) -> None:
        """Bring a deleted row back, with its id and its values. Raises KeyError."""
        with self._table() as (table, store):
            row = table.rows[row_id]
            if not row.deleted:
                raise KeyError(f"row {row_id} is not deleted")
            store.change_row(table, row, self._clock.now())

    def add_column(self, column: Mapping[str, Any]) -> None:
        """Add a column; rows that hold values of its name show them, without a change of their own."""
        with self._table() as (table, _):
            table.columns.append(dict(column))

    def remove_column(self, name: str) -> None:
        """Remove a column; no row is touched."""
        with self._table() as (table, _):
            table.columns.remove(_named(table.columns, name))

    def change_column(self, column: Mapping[str, Any]) -> None:
        """Give the column of that name another type or title; no row is touched."""
        with self._table() as (table, _):
            table.columns[table.columns.index(_named(table.columns, str(column["name"])))] = dict(column)

    def rename(self, title: str) -> None:
        """Give the list another title; its address and its id stay."""
        with self._table() as (table, _):
            table.title = title

    def _living(self, table: ListTable, row_id: int) -> Row:
        row = table.rows[row_id]
        if row.deleted:
            raise KeyError(f"row {row_id} is deleted")
        return row


def _named(columns: Sequence[Json], name: str) -> Json:
    return next(column for column in columns if column["name"] == name)
