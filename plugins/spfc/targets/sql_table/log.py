"""The log of changed rows: written in the transactions that change them, read for the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, inspect, literal, select
from sqlalchemy.sql.elements import ColumnElement

from spfc.targets.records import RowAction, RowChange
from spfc.targets.sql_table.rows import Page, Stamp, chunked


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """The lines of one route in ``changes``."""

    changes: Table
    route: str

    def write(self, connection: Connection, page: Page, stamp: Stamp, *, first: bool) -> None:
        """Write what a page did; of the very first full reading (``first``) not the rows that it added."""
        lines = [
            {"route": self.route, "run_id": stamp.run_id, "row_id": row_id, "action": action.value,
             "evidence": evidence, "at": stamp.now}
            for row_id, action, evidence in page.log
            if not (first and action is RowAction.ADDED)
        ]  # fmt: skip
        for piece in chunked(lines):
            connection.execute(insert(self.changes), piece)

    def write_all(
        self, connection: Connection, table: Table, which: ColumnElement[bool], action: RowAction, evidence: str,
        stamp: Stamp,
    ) -> None:  # fmt: skip
        """Write one line for each row of ``table`` that fulfils ``which``, without fetching them."""
        same: dict[str, Any] = {
            "route": self.route, "run_id": stamp.run_id, "action": action.value, "evidence": evidence, "at": stamp.now,
        }  # fmt: skip
        told = [literal(value, self.changes.c[name].type) for name, value in same.items()]
        lines = select(table.c.spfc_id, *told).where(which).order_by(table.c.spfc_id)
        connection.execute(insert(self.changes).from_select(["row_id", *same], lines))

    def read(self, connection: Connection, run_id: str) -> Iterator[RowChange]:
        """Yield the lines of a run in order; none when there is no log yet."""
        if not inspect(connection).has_table(self.changes.name, schema=self.changes.schema):
            return
        columns = self.changes.c
        query = select(columns.row_id, columns.action, columns.evidence, columns.at)
        mine = query.where(columns.route == self.route, columns.run_id == run_id).order_by(columns.seq)
        for row_id, action, evidence, at in connection.execute(mine):
            yield RowChange(row_id, RowAction(action), evidence, at)

    def forget(self, connection: Connection, before: float) -> int:
        """Remove lines from before a moment; return how many there were."""
        old = delete(self.changes).where(self.changes.c.route == self.route, self.changes.c.at < before)
        return int(connection.execute(old).rowcount)
