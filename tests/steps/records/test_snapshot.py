"""After a run that changed rows, a file at a target holds all living ones, whole or as it was before."""

from __future__ import annotations

import csv
import io
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.steps.records.book import AMOUNT, TITLE
from tests.steps.records.office import Office

from spfc.errors import QuotaFull, ServiceBusy
from spfc.records.model import Column, ColumnType
from spfc.reporting.model import Verdict
from spfc.steps.records import SnapshotDone, write_snapshot
from spfc.targets.base import PutSpec
from spfc.targets.memory import MemoryTarget
from spfc.targets.records import TableColumn
from spfc.targets.snapshots import GROUP, write_csv, write_parquet
from spfc.targets.storage.local import LocalFolderTarget

COLUMNS = (
    TITLE,
    AMOUNT,
    Column("Due", "Due", ColumnType.TIMESTAMP),
    Column("Done", "Done", ColumnType.BOOLEAN),
    Column("Who", "Who", ColumnType.JSON),
    Column("Owner", "Owner", ColumnType.INTEGER),
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.book.columns_now = COLUMNS
    wants(office, "csv")
    return office


def wants(office: Office, kind: str, **more: Any) -> None:
    target = {"type": "object_storage", "url": "/srv/snapshots"}
    office.fields = {"snapshot": {"target": target, "format": kind, **more}}


def snapshot(office: Office, target: MemoryTarget) -> SnapshotDone | None:
    run = office.context(office.run_id)
    with run.task("snapshot"):
        return write_snapshot(run, lambda: target)


def test_csv_tells_empty_from_missing_and_keeps_everything(office: Office) -> None:
    title = 'say "hi",\r\nStraße'
    office.book.add(Title=title, Amount=1.5, Due="2024-03-01T08:00:00Z", Done=True, Who=["a"], Owner="7")
    office.book.add(Title="", Done=False)
    office.book.add(Title=None)
    office.sync()
    target = MemoryTarget(64)
    done = snapshot(office, target)
    content = target.tree()["/office.csv"]
    assert content is not None
    assert done == SnapshotDone("/office.csv", 3, len(content))
    text = content.decode()
    header, *_ = text.split("\r\n", 1)
    assert header == (
        '"spfc_id","title","amount","due","done","who","owner","spfc_version","spfc_created_at","spfc_modified_at",'
        '"spfc_synced_at"'
    )
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows[0]["title"] == title
    assert [rows[0][name] for name in ("spfc_id", "amount", "due", "done", "who", "owner")] == [
        "1", "1.5", "2024-03-01T08:00:00Z", "true", '["a"]', "7",
    ]  # fmt: skip
    assert '\r\n2,"",,,false,,,"1",' in text
    assert "\r\n3,,,,,,," in text
    assert text.endswith("\r\n")


def test_parquet_is_typed(office: Office, tmp_path: Path) -> None:
    wants(office, "parquet", file="rows.parquet")
    office.book.add(Title="a", Amount=1.5, Due="0001-01-01T00:00:00Z", Done=True, Who={"b": None}, Owner=2**60)
    office.book.add(Title="b")
    office.sync()
    target = MemoryTarget(64)
    assert snapshot(office, target) is not None
    content = target.tree()["/rows.parquet"]
    assert content is not None
    table = pq.read_table(io.BytesIO(content))
    assert [str(field.type) for field in table.schema][:7] == [
        "int64", "string", "double", "timestamp[us, tz=UTC]", "bool", "string", "int64",
    ]  # fmt: skip
    first, second = table.to_pylist()
    assert first["owner"] == 2**60
    assert first["due"].replace(tzinfo=UTC) == datetime(1, 1, 1, tzinfo=UTC)
    assert first["who"] == '{"b":null}'
    assert second["due"] is None


def test_it_is_written_only_when_rows_have_changed(office: Office) -> None:
    office.book.add()
    office.sync()
    target = MemoryTarget()
    assert snapshot(office, target) is not None
    office.close()
    office.sync()
    assert snapshot(office, target) is None
    office.close()
    office.book.delete(1)
    office.sync()
    done = snapshot(office, target)
    assert done is not None
    assert done.rows == 0
    closed = office.close()
    assert (closed.verdict, closed.summary.snapshot) == (Verdict.GREEN, "/office.csv")


def test_one_that_failed_is_made_up_for_by_a_run_without_changes(office: Office) -> None:
    office.book.add()
    office.sync()
    target = MemoryTarget()
    target.fail_next = [QuotaFull("Full.")]
    with pytest.raises(QuotaFull):
        snapshot(office, target)
    assert office.close().verdict is Verdict.FAILED
    assert target.tree() == {}
    office.sync()
    assert snapshot(office, target) is not None
    assert office.close().verdict is Verdict.GREEN


def test_trouble_of_the_service_is_tried_again(office: Office) -> None:
    office.book.add()
    office.sync()
    target = MemoryTarget(8)
    target.fail_next = [ServiceBusy("Busy."), ServiceBusy("Busy.")]
    assert snapshot(office, target) is not None


def test_bytes_that_rot_are_found_and_written_again(office: Office) -> None:
    class Rotten(MemoryTarget):
        puts = 0

        def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> Any:
            entry = super().put_chunk(spec, offset, chunk, last=last)
            self.puts += 1
            if last and self.puts < 3:
                self.spoil(spec.path, b"x" * spec.size)
            return entry

    office.book.add()
    office.sync()
    target = Rotten()
    assert snapshot(office, target) is not None
    assert target.puts == 3
    always = Rotten()
    always.puts = -100
    office.close()
    office.book.add()
    office.sync()
    with pytest.raises(ServiceBusy):
        snapshot(office, always)


def test_nothing_is_written_before_everything_was_read_once(office: Office) -> None:
    for _ in range(8):
        office.book.add()
    office.book.trouble[4] = ServiceBusy("Broken.")
    with pytest.raises(ServiceBusy):
        office.sync("r")
    target = MemoryTarget()
    office.run_id = "r"
    assert snapshot(office, target) is None
    assert target.calls == 0


def test_a_local_folder_gets_it_whole(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    for number in range(1, 4):
        office.book.add(Title="x" * number * 1000)
        office.sync()
        target = LocalFolderTarget(str(folder), chunk_size=512)
        run = office.context(office.run_id)
        done = write_snapshot(run, lambda made=target: made)  # type: ignore[misc]
        run.target.close()
        assert done is not None
        assert (folder / "office.csv").stat().st_size == done.bytes
        office.close()
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == ["office.csv"]


def test_a_route_without_a_snapshot(office: Office) -> None:
    office.fields = {}
    office.book.add()
    office.sync()
    assert snapshot(office, MemoryTarget()) is None


class Text(str):
    """One that can be seen to be forgotten."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_rows_are_taken_a_few_at_a_time(tmp_path: Path, write: Any) -> None:
    living: weakref.WeakSet[Text] = weakref.WeakSet()
    most = 0

    def rows() -> Any:
        nonlocal most
        for number in range(3 * GROUP + 1):
            text = Text(f"row {number}")
            living.add(text)
            most = max(most, len(living))
            yield (number, text)

    columns = (TableColumn("spfc_id", ColumnType.INTEGER), TableColumn("title", ColumnType.TEXT))
    assert write(tmp_path / "file", columns, rows()) == 3 * GROUP + 1
    if write is write_parquet:
        assert pq.ParquetFile(tmp_path / "file").num_row_groups == 4
    assert most <= 2 * GROUP + 2


def test_an_empty_table_is_a_file_with_a_header(tmp_path: Path) -> None:
    columns = (TableColumn("spfc_id", ColumnType.INTEGER),)
    assert write_csv(tmp_path / "c", columns, []) == 0
    assert (tmp_path / "c").read_bytes() == b'"spfc_id"\r\n'
    assert write_parquet(tmp_path / "p", columns, []) == 0
    assert pq.read_table(tmp_path / "p").num_rows == 0
