"""The table of a SQL database keeps the promises of a table of records, on PostgreSQL and SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.targets.databases import table_url
from tests.targets.record_contract import OpenTable, RecordTableContract

from spfc.targets.sql_table import SqlTable

__all__ = ["table_url"]


class TestSqlTable(RecordTableContract):
    @pytest.fixture
    def open_table(self, table_url: str) -> Iterator[OpenTable]:
        opened: list[SqlTable] = []

        def open_one(route: str = "house", table: str = "items") -> SqlTable:
            opened.append(SqlTable(table_url, route=route, table=table))
            return opened[-1]

        yield open_one
        for table in opened:
            table.close()
