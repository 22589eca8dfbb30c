"""One history of a list, told to SQLite and to PostgreSQL, leaves the same rows, the same log and the same counters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL
from tests.postgres import fresh_database
from tests.steps.records.book import AMOUNT, TITLE
from tests.steps.records.office import Office

from spfc.errors import ServiceBusy
from spfc.records.model import Column, ColumnType

GUARD = {"policies": {"removal_guard": {"max_items": 2, "max_share": 0.5, "min_items": 1}}}


@pytest.fixture
def offices(tmp_path: Path, postgres: URL) -> Iterator[list[Office]]:
    for name in ("sqlite", "postgresql"):
        (tmp_path / name).mkdir()
    with fresh_database(postgres) as url:
        yield [Office(tmp_path / "sqlite"), Office(tmp_path / "postgresql", url=url)]


def history(office: Office) -> Iterator[dict[str, Any]]:
    """Live through everything that a list can do; yield the options of each run."""
    book = office.book
    for number in range(12):
        book.add(Title=f"Größe {number}", Amount=number / 3, Due="2024-03-01T08:00:00Z")
    book.trouble[4] = ServiceBusy("In mid-reading.")
    yield {}
    yield {}
    book.columns_now = (TITLE, AMOUNT, Column("Due", "Due", ColumnType.TIMESTAMP))
    book.edit(1, Due="0001-01-01T00:00:00Z")
    yield {}
    for number in (2, 3, 4, 5, 6):
        book.delete(number)
    yield {}
    book.restore(5)
    yield {}
    yield {"purge": True}
    book.columns_now = (TITLE, Column("Amount", "Amount", ColumnType.JSON))
    book.edit(7, Amount={"of": [1, None, "ä"]})
    book.silent = {8}
    book.delete(8)
    yield {"mode": "full"}
    book.forget(offers="fresh")
    book.add(Title=None, Amount=[2.5e10, 10**15])
    yield {}


def test_both_tell_the_same(offices: list[Office]) -> None:
    told = []
    for office in offices:
        office.fields = GUARD
        runs = []
        for options in history(office):
            closed = office.run(**options)
            log = [(line.id, line.action, line.evidence) for line in office.log()]
            summary = closed.summary
            runs.append((closed.verdict, summary.applied, summary.columns, summary.now, log, office.rows()))
        told.append(runs)
    for number, (one, other) in enumerate(zip(*told, strict=True), 1):
        for part, (left, right) in enumerate(zip(one, other, strict=True)):
            assert left == right, f"run {number}, part {part}"
    actions = {str(action) for _, _, _, _, log, _ in told[0] for _, action, _ in log}
    assert actions >= {"added", "updated", "restored", "deleted", "held", "purged"}
