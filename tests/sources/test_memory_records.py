"""MemoryRecordSource: the contract, and what tests need of a double."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from tests.sources.record_contract import RecordContract, Values, one_round, told

from spfc.errors import CursorExpired, ServiceBusy
from spfc.records.model import Column, ColumnType, Record
from spfc.sources.memory_records import MemoryRecordSource

TITLE = Column("Title", "Title", ColumnType.TEXT)
AMOUNT = Column("Amount", "Amount", ColumnType.NUMBER)


class MemoryWorld:
    """Implements RecordWorld: every edit is a round of the script. One service, whose calls each reader counts."""

    def __init__(self) -> None:
        self.service = MemoryRecordSource([TITLE, AMOUNT], page_size=3)
        self.all: dict[int, Record] = {}
        self.versions = itertools.count(1)
        rows = [self._row(n, {"Title": f"row {n}", "Amount": n}) for n in range(1, 8)]
        self.service.publish(rows[:3], rows[3:6], rows[6:])

    def source(self) -> MemoryRecordSource:
        self.service.counts.clear()
        return self.service

    def add(self, values: Values) -> int:
        row = self._row(max(self.all) + 1, values)
        self.service.publish([row])
        return row.id

    def update(self, row_id: int, values: Values) -> None:
        self.service.publish([self._row(row_id, {**self.all[row_id].values, **values})])

    def delete(self, row_id: int) -> None:
        self.service.publish([Record(row_id, deleted=True)])

    def restore(self, row_id: int) -> None:
        self.service.publish([self._row(row_id, self.all[row_id].values)])

    def delete_and_restore(self, row_id: int) -> None:
        self.service.publish([Record(row_id, deleted=True), self._row(row_id, self.all[row_id].values)])

    def add_column(self, name: str) -> None:
        self.service.table.append(Column(name, name, ColumnType.TEXT))

    def expire(self) -> None:
        self.service.fail_next["changes"] = [CursorExpired("expired", restart="fresh")]

    def _row(self, row_id: int, values: Values) -> Record:
        row = Record(row_id, f"v{next(self.versions)}", dict(values), created=1, modified=2)
        self.all[row_id] = row
        return row


class TestMemoryRecords(RecordContract):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()


def test_errors_and_counts() -> None:
    source = MemoryRecordSource([TITLE])
    source.fail_next["changes"] = [ServiceBusy("declared")]
    source.bind(None)
    with pytest.raises(ServiceBusy):
        source.changes(None)
    assert source.changes(None).complete
    assert source.columns() == (TITLE,)
    assert source.counts == {"bind": 1, "changes": 2, "columns": 1}
    assert source.usage.requests == 3
    with pytest.raises(CursorExpired):
        source.changes("99")


def test_a_reading_may_keep_rows_back() -> None:
    source = MemoryRecordSource([TITLE], page_size=2)
    source.publish([Record(n, "1") for n in range(1, 6)])
    _, cursor = one_round(source, None)
    source.unlisted.add(3)
    assert sorted(told(one_round(source, "fresh")[0])) == [1, 2, 4, 5]
    source.publish([Record(1, deleted=True)], [replace(Record(2), version="2")])
    pages, _ = one_round(source, cursor)
    assert [len(page.records) for page in pages] == [1, 1]
