"""What others do to the database of a table, and how it is told: names, locks, permissions, full disks."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from tests.postgres import administer, fresh_database
from tests.targets.databases import table_url
from tests.targets.record_writer import COLUMNS, START, Writer, at, gone, image, record, titles

from spfc.errors import (
    AuthenticationRefused,
    PermissionMissing,
    PlaceNotFound,
    QuotaFull,
    RequestRefused,
    ServiceBusy,
    SpfcError,
    TargetExists,
    Unreachable,
)
from spfc.records.model import Column, ColumnType
from spfc.targets.records import Standing
from spfc.targets.sql_table import SqlTable
from spfc.targets.sql_table.database import TRIES

__all__ = ["table_url"]

OpenTable = Callable[..., SqlTable]


@pytest.fixture
def open_table(table_url: str) -> Iterator[OpenTable]:
    opened: list[SqlTable] = []

    def open_one(url: str | URL = table_url, *, table: str = "items", route: str = "house", **more: object) -> SqlTable:
        opened.append(SqlTable(url, route=route, table=table, patience=0.3, **more))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for table in opened:
        table.close()


@contextmanager
def others(url: str) -> Iterator[Callable[[str], None]]:
    """Yield what runs statements of somebody else, committed at once."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield lambda statement: connection.exec_driver_sql(statement) and None  # type: ignore[func-returns-value]
    engine.dispose()


@pytest.fixture
def pg(postgres: URL) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


# Names


@pytest.mark.parametrize(
    "name", ['a"; DROP TABLE spfc_lists; --', "Straße 中", "select", "per%cent%s", "MixedCase", "q:x"]
)
def test_no_table_name_is_sql(open_table: OpenTable, name: str) -> None:
    writer = Writer(open_table(table=name))
    writer.start(at(cursor="c"))
    writer.page(record(1), record(2))
    more = (*COLUMNS, Column("More", "More", ColumnType.TEXT))
    writer.table.prepare(at(cursor="c"), at(cursor="c", columns=more), 1, run_id="r")
    writer.page(gone(1), record(2, "2", More="x"))
    assert image(writer.table)[2]["more"] == "x"
    assert len(writer.log()) == 4


def test_no_column_name_is_sql(open_table: OpenTable) -> None:
    nasty = ['x"; DROP TABLE items; --', "a:b", "a%b", "a)b", "SELECT", "", "'", "😀", "x" * 300, "X" * 300, "spfc_id",
             "xmin", "rowid"]  # fmt: skip
    columns = tuple(Column(name, name, ColumnType.TEXT) for name in nasty)
    writer = Writer(open_table())
    writer.start(at(cursor="c", columns=()))
    writer.table.prepare(writer.table.load(), at(cursor="c", columns=columns), 1, run_id="r")
    writer.page(record(1, **{name: f"value of {name[:20]}" for name in nasty}))
    row = image(writer.table)[1]
    names = [column.sql_name for column in writer.table.layout()][1 : len(nasty) + 1]
    assert [row[name] for name in names] == [f"value of {name[:20]}" for name in nasty]
    writer.page(record(1, **{name: f"value of {name[:20]}" for name in nasty}))
    assert len(writer.log()) == 1


def test_a_schema_of_its_own(pg: str, open_table: OpenTable) -> None:
    with others(pg) as run:
        run('CREATE SCHEMA "Lists of ""us"""')
    one = Writer(open_table(pg, schema='Lists of "us"'))
    two = Writer(open_table(pg))
    for writer, number in ((one, 1), (two, 2)):
        writer.start(at(cursor="c"))
        writer.page(record(number))
    assert (set(titles(one.table)), set(titles(two.table))) == ({1}, {2})
    missing = open_table(pg, schema="nowhere")
    assert missing.load() is None
    with pytest.raises(PlaceNotFound) as caught:
        missing.prepare(None, START, 1, run_id="r")
    assert "db_schema" in caught.value.hint


# Tables of others


@pytest.mark.parametrize("kind", ["TABLE items (a INTEGER)", "VIEW items AS SELECT 1 AS a"])
def test_what_is_there_already_is_not_touched(open_table: OpenTable, table_url: str, kind: str) -> None:
    with others(table_url) as run:
        run(f"CREATE {kind}")
    table = open_table()
    assert table.load() is None
    with pytest.raises(TargetExists) as caught:
        table.prepare(None, START, 1, run_id="r")
    assert "did not make" in str(caught.value)
    assert table.load() is None


def test_columns_of_others_are_left_alone_and_missing_ones_come_back(open_table: OpenTable, table_url: str) -> None:
    writer = Writer(open_table())
    writer.start(at(cursor="c"))
    writer.page(record(1))
    with others(table_url) as run:
        run("ALTER TABLE items ADD COLUMN more TEXT")
        run("UPDATE items SET more = 'theirs'")
        run("ALTER TABLE items DROP COLUMN amount")
    with pytest.raises(RequestRefused) as caught:
        writer.page(record(1, "2", Amount=5))
    assert "mode full" in caught.value.hint
    more = (*COLUMNS, Column("More", "More", ColumnType.TEXT))
    changes = writer.table.prepare(writer.table.load(), at(cursor="c", columns=more), 1, run_id="r")
    assert {change.sql_name for change in changes} == {"amount", "more_2"}
    writer.page(record(1, "2", Amount=5, More="ours"))
    assert image(writer.table)[1]["more_2"] == "ours"
    with others(table_url) as run:
        run("UPDATE items SET title = more")  # what others wrote is still there
    assert titles(writer.table) == {1: "theirs"}


def test_a_constraint_of_others_refuses_and_nothing_is_done(open_table: OpenTable, table_url: str) -> None:
    writer = Writer(open_table())
    writer.start(at(cursor="c"))
    with others(table_url) as run:
        run("CREATE UNIQUE INDEX theirs ON items (title)")
    with pytest.raises(RequestRefused) as caught:
        writer.page(record(1, Title="secret value"), record(2, Title="secret value"))
    assert "secret value" not in str(caught.value)
    assert writer.table.standing() == Standing(0, 0)
    assert titles(writer.table) == {}


# Others at the same time


def test_a_reader_with_an_open_transaction_is_not_in_the_way(open_table: OpenTable, table_url: str) -> None:
    writer = Writer(open_table())
    writer.start(at(cursor="c"))
    writer.page(*map(record, range(1, 11)))
    reader = create_engine(table_url)
    with reader.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        count = text("SELECT COUNT(*) FROM items")
        assert connection.execute(count).scalar() == 10
        writer.page(*map(gone, range(1, 6)))
        assert connection.execute(count).scalar() == 10
        connection.rollback()
        assert connection.execute(count).scalar() == 5
        connection.rollback()
    reader.dispose()


def test_a_scan_is_of_one_moment(open_table: OpenTable) -> None:
    writer = Writer(open_table())
    writer.start(at(cursor="c"))
    writer.page(*map(record, range(1, 3001)))
    scan = writer.table.scan()
    seen = [next(scan)[0]]
    other = Writer(open_table(), fence=1)
    other.page(*map(gone, range(1, 3001)))
    seen += [row[0] for row in scan]
    assert seen == list(range(1, 3001))


def test_a_lock_of_others_is_waited_for_and_then_told(open_table: OpenTable, table_url: str) -> None:
    writer = Writer(open_table())
    writer.start(at(cursor="c"))
    holder = create_engine(table_url)
    with holder.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("LOCK TABLE items")
        before = writer.table.load()
        with pytest.raises(ServiceBusy) as caught:
            writer.table.apply(
                [record(1)], START if before is None else before, at(cursor="d"), 1, now=1.0, run_id="r",
                doom=lambda _doomed, _living: pytest.fail("nothing is doomed"),
            )  # fmt: skip
        assert "Nothing was lost" in caught.value.hint
        assert writer.table.refusals == 3
        connection.rollback()
    holder.dispose()
    writer.page(record(1))
    assert set(titles(writer.table)) == {1}


def test_a_deadlock_is_settled_by_trying_again(pg: str, open_table: OpenTable) -> None:
    writer = Writer(SqlTable(pg, route="house", table="items", patience=30))
    writer.start(at(cursor="c"))
    writer.page(record(1), record(2))
    engine = create_engine(pg)
    got_two, done = threading.Event(), threading.Event()

    def other() -> None:
        with engine.begin() as connection:
            connection.execute(text("SET deadlock_timeout = '10s'"))  # so that ours is the one that is broken off
            connection.execute(text("UPDATE items SET spfc_run_id = spfc_run_id WHERE spfc_id = 2"))
            got_two.set()
            connection.execute(text("SELECT * FROM spfc_lists FOR UPDATE"))
        done.set()

    thread = threading.Thread(target=other)

    def doom(_doomed: int, _living: Callable[[], int]) -> object:
        if not thread.is_alive() and not done.is_set():
            thread.start()
            assert got_two.wait(10)
        return "delete"

    from spfc.targets.records import Doomed

    writer.page(gone(2), record(1, "2"), doom=lambda doomed, living: Doomed(str(doom(doomed, living))))
    thread.join(20)
    refusals, left = writer.table.refusals, set(titles(writer.table))
    writer.table.close()
    engine.dispose()
    assert 1 <= refusals < TRIES, "on a busy machine ours may be faster to try again than the other one to go on"
    assert left == {1}


def test_two_first_runs_at_once_make_one_table(open_table: OpenTable) -> None:
    tables = [open_table(route=f"house{number}", table=f"items{number}") for number in range(4)]
    failures: list[BaseException] = []

    def make(table: SqlTable) -> None:
        try:
            table.prepare(None, START, 1, run_id="r")
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=make, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(table.load() == START for table in tables)


# What the database refuses


def errors_of(table: SqlTable) -> SpfcError:
    with pytest.raises(SpfcError) as caught:
        table.prepare(None, START, 1, run_id="r")
    return caught.value


def test_a_server_that_is_down_is_unreachable_and_no_password_is_told() -> None:
    url = "postgresql+psycopg://ann:hunter2@127.0.0.1:1/lists"
    table = SqlTable(url, route="house", table="items")
    for attempt in (table.load, table.standing, lambda: table.prepare(None, START, 1, run_id="r")):
        with pytest.raises(Unreachable) as caught:
            attempt()
        assert "hunter2" not in str(caught.value)
        assert "***" in str(caught.value)
        assert "host and port" in caught.value.hint
    table.close()


def test_a_database_that_is_not_there(postgres: URL) -> None:
    table = SqlTable(postgres.set(database="nowhere"), route="house", table="items")
    assert isinstance(errors_of(table), PlaceNotFound)
    table.close()


def test_a_user_that_may_not_log_in(postgres: URL) -> None:
    table = SqlTable(postgres.set(username="nobody_knows", password="hunter2"), route="house", table="items")
    error = errors_of(table)
    assert isinstance(error, (AuthenticationRefused, PlaceNotFound))
    assert "hunter2" not in str(error)
    table.close()


def test_a_user_that_may_not_create_or_write(pg: str, postgres: URL) -> None:
    role = f"reader_{make_url(pg).database}"
    administer(postgres, f"CREATE ROLE {role} LOGIN")
    with others(pg) as run:
        run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    table = SqlTable(make_url(pg).set(username=role), route="house", table="items")
    error = errors_of(table)
    assert isinstance(error, PermissionMissing)
    assert "docs/lists.md" in error.hint
    writer = Writer(SqlTable(pg, route="house", table="items"))
    writer.start(at(cursor="c"))
    with pytest.raises(PermissionMissing):
        table.load()
    table.close()
    writer.table.close()
    with others(pg) as run:
        run(f"DROP OWNED BY {role}")
        run(f"DROP ROLE {role}")


def test_a_server_connection_that_breaks_is_told_and_the_next_call_works(pg: str, postgres: URL) -> None:
    writer = Writer(SqlTable(pg, route="house", table="items"))
    writer.start(at(cursor="c"))
    database = make_url(pg).database

    def cut(_doomed: int, _living: Callable[[], int]) -> object:
        administer(postgres, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
        return pytest.fail

    writer.page(record(1))
    before = writer.table.load()
    assert before is not None
    with pytest.raises(Unreachable):
        writer.table.apply([gone(1)], before, before, 1, now=1.0, run_id="r", doom=cut)  # type: ignore[arg-type]
    assert set(titles(writer.table)) == {1}
    writer.table.close()


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'lists.db'}"
    writer = Writer(SqlTable(url, route="house", table="items"))
    writer.start(at(cursor="c"))
    writer.page(record(1))

    def full(work: object) -> object:
        def limited(connection: object) -> object:
            connection.exec_driver_sql("PRAGMA max_page_count = 20")  # type: ignore[attr-defined]
            return work(connection)  # type: ignore[operator]

        return original(limited)

    original = writer.table._session.write
    writer.table._session.write = full  # type: ignore[method-assign, assignment]
    with pytest.raises(QuotaFull) as caught:
        writer.page(*(record(number, Title="x" * 4000) for number in range(2, 100)))
    assert "goes on" in caught.value.hint
    assert set(titles(writer.table)) == {1}
    writer.table.close()


def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    file = tmp_path / "lists.db"
    with sqlite3.connect(file) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE theirs (a)")
    made.close()
    table = SqlTable(f"sqlite:///file:{file}?mode=ro&uri=true", route="house", table="items")
    assert isinstance(errors_of(table), PermissionMissing)
    table.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    table = SqlTable(f"sqlite:///{tmp_path / 'nowhere' / 'lists.db'}", route="house", table="items")
    assert table.load() is None
    assert isinstance(errors_of(table), PlaceNotFound)
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "lists.db"
    file.write_bytes(b"no database at all" * 1000)
    table = SqlTable(f"sqlite:///{file}", route="house", table="items")
    assert isinstance(errors_of(table), RequestRefused)
    table.close()


@pytest.mark.parametrize(
    "url", ["nonsense://ann:hunter2@x/y", "mysql://ann:hunter2@x/y", "://hunter2", "oracle+x://hunter2"]
)
def test_other_databases_are_refused_without_repeating_the_address(url: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        SqlTable(url, route="house", table="items")
    assert "hunter2" not in str(caught.value)


def test_a_postgres_address_gets_our_driver() -> None:
    for scheme in ("postgres", "postgresql"):
        table = SqlTable(f"{scheme}://ann:hunter2@127.0.0.1:1/lists", route="house", table="items")
        with pytest.raises(Unreachable):
            table.load()
