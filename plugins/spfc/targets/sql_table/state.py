"""Between the row that says where a list stands and the values that the engine speaks of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spfc.records.model import Column, ColumnChange, ColumnFate, ColumnType, PlacedColumn
from spfc.records.schema import Schema
from spfc.targets.records import Applied, ListState, RowAction, Stage, Tally


@dataclass(frozen=True, slots=True)
class StateRow:
    """One row of ``spfc_lists``. ``revision`` counts the transactions that changed rows, ``snapshot_revision`` says
    which of them a snapshot holds. ``tally`` is of the run ``run_id``.
    """

    state: ListState
    schema: Schema
    fence: int
    living: int = 0
    marked: int = 0
    revision: int = 0
    snapshot_revision: int = 0
    run_id: str = ""
    tally: Tally = field(default_factory=Tally)

    def tally_of(self, run_id: str) -> Tally:
        """Return what a run has done, nothing when a later one has begun to write."""
        return self.tally if run_id == self.run_id else Tally()

    def moved(self, after: ListState, fence: int, run_id: str, tally: Tally, done: Applied) -> StateRow:
        """Return the row after ``done`` was done by a run whose sum is ``tally`` then."""
        lost = done[RowAction.DELETED] + done[RowAction.MARKED] + done[RowAction.HELD]
        born = done[RowAction.ADDED] + done[RowAction.RESTORED]
        marked = done[RowAction.MARKED] + done[RowAction.HELD] - done[RowAction.RESTORED] - done[RowAction.PURGED]
        return replace(
            self, state=after, fence=fence, run_id=run_id, tally=tally,
            living=self.living + born - lost, marked=self.marked + marked,
            revision=self.revision + bool(done.touched),
        )  # fmt: skip


def to_row(route: str, table: str, row: StateRow) -> dict[str, Any]:
    """Return the values of the columns of ``spfc_lists``."""
    state = row.state
    return {
        "route": route,
        "table_name": table,
        "stage": state.stage.value,
        "cursor": state.cursor,
        "page": state.page,
        "generation": state.generation,
        "binding": json.dumps(dict(state.binding)),
        "columns": _dump(row.schema.current),
        "kept_columns": _dump(row.schema.kept),
        "strangers": json.dumps(state.strangers),
        "full_at": state.full_at,
        "synced_at": state.synced_at,
        "fence": row.fence,
        "living": row.living,
        "marked": row.marked,
        "revision": row.revision,
        "snapshot_revision": row.snapshot_revision,
        "run_id": row.run_id,
        "tally": _dump_tally(row.tally),
    }


def from_row(values: Mapping[str, Any]) -> StateRow:
    """Return what :func:`to_row` made columns of."""
    schema = Schema(_load(values["columns"]), _load(values["kept_columns"]))
    state = ListState(
        stage=Stage(values["stage"]),
        cursor=values["cursor"],
        page=values["page"],
        generation=values["generation"],
        binding=json.loads(values["binding"]),
        columns=tuple(placed.column for placed in schema.current),
        full_at=values["full_at"],
        synced_at=values["synced_at"],
        strangers=tuple(json.loads(values["strangers"])),
    )
    counted = {name: values[name] for name in ("living", "marked", "revision", "snapshot_revision", "run_id")}
    return StateRow(state=state, schema=schema, fence=values["fence"], tally=_load_tally(values["tally"]), **counted)


def _dump(columns: Iterable[PlacedColumn]) -> str:
    rows = [[p.column.name, p.column.title, p.column.type.value, p.column.apart, p.sql_name] for p in columns]
    return json.dumps(rows)


def _load(text: str) -> tuple[PlacedColumn, ...]:
    return tuple(
        PlacedColumn(Column(name, title, ColumnType(kind), apart), sql)
        for name, title, kind, apart, sql in json.loads(text)
    )


def _dump_tally(tally: Tally) -> str:
    return json.dumps({
        "rows": dict(tally.applied.rows), "unconverted": dict(tally.applied.unconverted), "pages": tally.pages,
        "seen": tally.seen, "rounds": tally.rounds, "full": tally.full,
        "columns": [[change.name, change.sql_name, change.fate.value] for change in tally.columns],
    })  # fmt: skip


def _load_tally(text: str) -> Tally:
    values = json.loads(text)
    rows = {RowAction(action): number for action, number in values["rows"].items()}
    columns = tuple(ColumnChange(name, sql, ColumnFate(fate)) for name, sql, fate in values["columns"])
    applied = Applied(rows, values["unconverted"])
    return Tally(applied, values["pages"], values["seen"], values["rounds"], values["full"], columns)
