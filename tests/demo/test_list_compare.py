"""The judge of the list demo finds every kind of difference, and none where there is none."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from demo.list_compare import ListComparison, compare_list
from demo.sample_lists import CONTRACTS, build

ROWS = 40
COLUMNS = (
    "title", "contractno", "amount", "discount", "startdate", "signedat", "renews", "status", "topics",
    "ownerlookupid", "supplierlookupid", "document", "remarks", "permonth",
)  # fmt: skip


def row_of(item: dict[str, Any]) -> tuple[Any, ...]:
    """Return a row as docs/lists.md says that it lies in SQLite."""
    f = item["fields"]

    def instant(name: str) -> str | None:
        return f[name].replace("T", " ").replace("Z", ".000000") if name in f else None

    def as_json(name: str) -> str | None:
        return json.dumps(f[name], ensure_ascii=False) if f.get(name) else None

    return (
        item["id"], None, f["Title"], f["ContractNo"], f["Amount"], f.get("Discount_x0020__x0025_"),
        instant("StartDate"), instant("SignedAt"), int(f["Renews"]), f["Status"], as_json("Topics"),
        f["Owner"]["LookupId"], f["Supplier"]["LookupId"], as_json("Document"), f.get("Remarks"), f["PerMonth"],
    )  # fmt: skip


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., ListComparison]:
    build(tmp_path / "lists", rows=ROWS)
    items = json.loads((tmp_path / "lists" / f"{CONTRACTS}.json").read_text(encoding="utf-8"))["items"]
    with closing(sqlite3.connect(tmp_path / "w.db")) as connection:
        names = ", ".join(("spfc_id", "spfc_deleted_at", *COLUMNS))
        connection.execute(f"CREATE TABLE contracts ({names})")
        marks = ", ".join("?" * (len(COLUMNS) + 2))
        connection.executemany(f"INSERT INTO contracts VALUES ({marks})", map(row_of, items))
        connection.commit()

    def compared(*statements: str, ids: range = range(1, ROWS + 1)) -> ListComparison:
        with closing(sqlite3.connect(tmp_path / "w.db")) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        pa.parquet.write_table(pa.table({"spfc_id": list(ids)}), tmp_path / "s.parquet")
        return compare_list(tmp_path / "lists", tmp_path / "w.db", "contracts", tmp_path / "s.parquet")

    return compared


def test_a_table_that_is_the_list(judge: Callable[..., ListComparison]) -> None:
    found = judge("INSERT INTO contracts (spfc_id, spfc_deleted_at, title) VALUES (99, '2026-01-01', 'gone')")
    assert found.differences == []
    assert found.verdict == f"EQUAL: {ROWS} rows with 14 columns each compared value by value"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM contracts WHERE spfc_id = 7", "row 7 is missing"),
        ("UPDATE contracts SET spfc_deleted_at = 'now' WHERE spfc_id = 7", "row 7 is missing"),
        ("INSERT INTO contracts (spfc_id) VALUES (99)", "row 99 is not in the list"),
        ("UPDATE contracts SET amount = amount + 0.01 WHERE spfc_id = 3", "row 3, Amount"),
        ("UPDATE contracts SET title = title || ' ' WHERE spfc_id = 3", "row 3, Title"),
        ("UPDATE contracts SET startdate = '2000-01-01 00:00:00.000000' WHERE spfc_id = 3", "row 3, StartDate"),
        ("UPDATE contracts SET topics = '[1]' WHERE spfc_id = 3", "row 3, Topics"),
        ("UPDATE contracts SET ownerlookupid = 999 WHERE spfc_id = 3", "row 3, Owner"),
        ("ALTER TABLE contracts DROP COLUMN status", "there is no column status"),
    ],
)
def test_a_difference_is_found(judge: Callable[..., ListComparison], statement: str, said: str) -> None:
    found = judge(statement)
    assert not found.equal
    assert said in found.differences[0]


def test_a_snapshot_that_is_not_the_table(judge: Callable[..., ListComparison]) -> None:
    assert "the snapshot has 39 rows" in judge(ids=range(1, ROWS)).differences[0]
