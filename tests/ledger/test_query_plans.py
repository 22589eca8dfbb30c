"""What planning reads when little is owed: SQLite must begin with the debt, never with the whole library."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.engine import Engine
from tests.planning.trees import ROOT, file

from spfc.ledger import debts, owing, surroundings
from spfc.ledger.database import Database
from spfc.ledger.observations import find_base, store_items
from spfc.ledger.overwrites import changed_rows, count_changed
from spfc.ledger.schema import source_items

R = "r"
READS: dict[str, Callable[[Connection], object]] = {
    "expand_new_folders": lambda c: owing.expand_new_folders(c, R, 1.0),
    "strike_off_unowed_ghosts": lambda c: debts.strike_off_unowed_ghosts(c, R),
    "structure_rows": lambda c: debts.structure_rows(c, R),
    "owed_parents": lambda c: surroundings.owed_parents(c, R),
    "copy_rows": lambda c: list(debts.copy_rows(c, R)),
    "count_changed": lambda c: count_changed(c, R),
    "changed_rows": lambda c: list(changed_rows(c, R)),
    "occupants": lambda c: surroundings.occupants(c, R, [("root", "a.txt"), ("root", "b.txt")]),
    "find_base": lambda c: find_base(c, R, "/"),
}
_WHOLE_LIBRARY = re.compile(r"SCAN (source_items|synced_items)|(source_items|synced_items)\S* USING .*\(route=\?\)")
"""A step that visits every row of a route."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    with database.writing() as opened:
        store_items(opened, R, [ROOT, file("1", "root", "a.txt")], 1, 1.0)
        yield opened
    database.close()


def steps_of(connection: Connection, read: Callable[[Connection], object]) -> list[str]:
    """Return the steps of SQLite's plans for all statements of ``read``."""
    found: list[str] = []

    def explain(_conn: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if not many:
            rows = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found.extend(row[3] for row in rows)

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        read(connection)
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
    return found


@pytest.mark.parametrize("name", READS)
def test_little_debt_is_planned_without_reading_the_library(connection: Connection, name: str) -> None:
    steps = steps_of(connection, READS[name])
    assert steps
    whole = [step for step in steps if _WHOLE_LIBRARY.search(step) and "source_items_root" not in step]
    assert whole == []


def test_the_pattern_finds_a_walk_through_the_library(connection: Connection) -> None:
    query = select(source_items.c.name).where(source_items.c.route == R, source_items.c.kind == "file")
    steps = steps_of(connection, lambda c: c.execute(query).all())
    assert any(_WHOLE_LIBRARY.search(step) for step in steps)
