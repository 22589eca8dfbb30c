"""A run that writes pages of records into a table, and pictures of what the table holds then."""

from __future__ import annotations

from dataclasses import replace

from spfc.records.model import Column, ColumnType, Record
from spfc.targets.records import (
    Applied,
    Doom,
    Doomed,
    ListState,
    RecordTable,
    Stage,
)

COLUMNS = (
    Column("Title", "Title", ColumnType.TEXT),
    Column("Due_x0020_Date", "Due Date", ColumnType.TIMESTAMP),
    Column("Amount", "Amount", ColumnType.NUMBER),
    Column("OwnerLookupId", "Owner", ColumnType.INTEGER, apart=True),
    Column("Done", "Done", ColumnType.BOOLEAN),
    Column("Choices", "Choices", ColumnType.JSON),
)
START = ListState(columns=COLUMNS, binding={"identity": "list-1"})


def record(number: int, version: str = "1", **values: object) -> Record:
    return Record(number, version, values or {"Title": f"row {number}"}, 1_700_000_000, 1_700_000_100)


def gone(number: int) -> Record:
    return Record(number, deleted=True)


def always(fate: Doomed) -> Doom:
    return lambda _doomed, _living: fate


def at(page: str | None = None, *, cursor: str | None = None, **more: object) -> ListState:
    """Return a state on the way: reading until there is a cursor."""
    stage = Stage.FOLLOWING if cursor else Stage.READING
    state = replace(START, page=page, cursor=cursor, stage=stage, full_at=1.0 if cursor else None)
    return replace(state, **more)  # type: ignore[arg-type]


class Writer:
    """A run that writes pages one after another."""

    def __init__(self, table: RecordTable, run_id: str = "run1", fence: int = 1) -> None:
        self.table, self.run_id, self.fence = table, run_id, fence
        self.now = 1_700_000_000.0

    def start(self, state: ListState = START) -> ListState:
        self.table.prepare(self.table.load(), state, self.fence, run_id=self.run_id)
        return state

    def page(
        self, *records: Record, to: ListState | None = None, fate: Doomed = Doomed.DELETE, doom: Doom | None = None
    ) -> Applied:
        before = self.table.load()
        assert before is not None
        self.now += 1
        return self.table.apply(
            records, before, to or before, self.fence, now=self.now, run_id=self.run_id, doom=doom or always(fate)
        )

    def sweep(self, to: ListState, fate: Doomed = Doomed.DELETE, doom: Doom | None = None) -> Applied:
        before = self.table.load()
        assert before is not None
        self.now += 1
        return self.table.sweep(before, to, self.fence, now=self.now, run_id=self.run_id, doom=doom or always(fate))

    def purge(self) -> Applied:
        before = self.table.load()
        assert before is not None
        return self.table.purge(before, self.fence, now=self.now, run_id=self.run_id)

    def log(self) -> list[tuple[int, str, str]]:
        return [(line.id, line.action.value, line.evidence) for line in self.table.changes(self.run_id)]


def image(table: RecordTable) -> dict[int, dict[str, object]]:
    """Return the living rows, without what differs from run to run."""
    names = [column.sql_name for column in table.layout()]
    rows = [dict(zip(names, row, strict=True)) for row in table.scan()]
    return {int(str(row.pop("spfc_id"))): {k: v for k, v in row.items() if k != "spfc_synced_at"} for row in rows}


def titles(table: RecordTable) -> dict[int, object]:
    return {row_id: row["title"] for row_id, row in image(table).items()}
