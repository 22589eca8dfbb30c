"""A list route with a list in memory, a real table, a ledger on disk and a clock that tests move."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.steps.house import Clock
from tests.steps.records.book import Book

from spfc.errors import SpfcError
from spfc.ledger.database import Database
from spfc.ledger.leases import fence_of
from spfc.ledger.runs import RunRow, load_run
from spfc.records.convert import convert_row, instant
from spfc.records.model import PlacedColumn
from spfc.reporting.model import Verdict
from spfc.routes import parse_list_options, parse_route
from spfc.steps.context import ListRun
from spfc.steps.records import ClosedList, box_of, close_list, sync_list
from spfc.targets.records import RowChange, Standing
from spfc.targets.sql_table import SqlTable
from spfc.transfer.pool import StopSignal


@dataclass
class Office:
    folder: Path
    url: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    book: Book = field(default_factory=Book)
    clock: Clock = field(default_factory=Clock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    result: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""
    name: str = "office"

    def __post_init__(self) -> None:
        self.url = self.url or f"sqlite:///{self.folder / 'lists.db'}"
        self.database = Database(f"sqlite:///{self.folder / 'ledger.db'}")

    def fill(self, rows: int = 8) -> None:
        """Let the list have rows and the route have run."""
        for _ in range(rows):
            self.book.add()
        assert self.run().verdict is Verdict.GREEN
        self.book.asked.clear()

    def table(self) -> SqlTable:
        """Return the table as a new process opens it."""
        return SqlTable(self.url, route=self.name, table="items", patience=1.0)

    def context(self, run_id: str, **options: Any) -> ListRun:
        fields = {
            "source": {"type": "sharepoint_list", "hostname": "h", "site": "/s", "list": "Items"},
            "target": {"type": "sql_table", "connection": "db", "table": "items"},
        }
        route = parse_route(self.name, {**fields, **self.fields})
        run: ListRun = ListRun(
            route=route,  # type: ignore[arg-type]
            run_id=run_id,
            options=parse_list_options(options),
            database=self.database,
            make_source=lambda: self.book,
            make_target=self.table,
            clock=self.clock,
        )
        with self.database.reading() as connection:
            run.fence = fence_of(connection, self.name, run_id)
        return run

    def sync(self, run_id: str = "", stop: StopSignal | None = None, **options: Any) -> dict[str, Any]:
        """The first task of a run, as the DAG does it; the lease stays until :meth:`close`."""
        self.run_id = run_id or f"run{next(self.numbers)}"
        run = self.context(self.run_id, **options)
        with run.task("sync"):
            self.result = sync_list(run, stop or box_of(run))
        return self.result

    def close(self) -> ClosedList:
        """The last task of a run."""
        run = self.context(self.run_id)
        closed = close_list(run, self.folder / "reports")
        run.target.close()
        return closed

    def run(self, **options: Any) -> ClosedList:
        """A whole run, whatever becomes of it."""
        try:
            self.sync(**options)
        except SpfcError:
            self.result = {}
        return self.close()

    # What there is to see

    def rows(self) -> dict[int, dict[str, object]]:
        """Return the living rows by id, without what only says when they were written."""
        table = self.table()
        if table.load() is None:
            table.close()
            return {}
        names = [column.sql_name for column in table.layout()]
        found = {}
        for row in table.scan():
            values = dict(zip(names, row, strict=True))
            values.pop("spfc_synced_at")
            found[int(str(values.pop("spfc_id")))] = values
        table.close()
        return found

    def titles(self) -> dict[int, object]:
        return {number: row["title"] for number, row in self.rows().items()}

    def wanted(self, placed: tuple[PlacedColumn, ...]) -> dict[int, dict[str, object]]:
        """Return what the table should show of these columns."""
        rows = {}
        for number, record in self.book.items.items():
            values, _ = convert_row(record.values, placed)
            rows[number] = {
                **values,
                "spfc_version": record.version,
                "spfc_created_at": instant(record.created),
                "spfc_modified_at": instant(record.modified),
            }
        return rows

    def standing(self) -> Standing:
        table = self.table()
        standing = table.standing()
        table.close()
        return standing

    def log(self, run_id: str = "") -> list[RowChange]:
        table = self.table()
        lines = list(table.changes(run_id or self.run_id))
        table.close()
        return lines

    def told(self) -> list[tuple[int, str]]:
        """Return id and action of every line of the last run's log."""
        return [(line.id, line.action.value) for line in self.log()]

    def ledger_row(self) -> RunRow:
        with self.database.reading() as connection:
            row = load_run(connection, self.name, self.run_id)
        assert row is not None
        return row

    def csv_lines(self, closed: ClosedList) -> list[list[str]]:
        assert closed.summary.changes is not None
        with closed.summary.changes.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.reader(stream))
