"""The ledger as a database: migrations, addresses, transactions, trouble told in one sentence."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from spfc.errors import LeaseLost, LedgerUnavailable
from spfc.ledger.database import HEAD, MIGRATIONS, Database
from spfc.ledger.leases import renew_lease, take_lease
from spfc.ledger.runs import Cost, RunRow, add_cost, begin_run, run_costs
from spfc.ledger.schema import metadata


def test_migrations_and_schema_say_the_same(empty_url: str) -> None:
    database = Database(empty_url)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "version_table": "spfc_version"})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_the_comparison_can_fail(empty_url: str) -> None:
    database = Database(empty_url)
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE debt ADD COLUMN stray INTEGER"))
        context = MigrationContext.configure(connection, opts={"version_table": "spfc_version"})
        (difference,) = compare_metadata(context, metadata)
        assert difference[0] == "remove_column"
    database.close()


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_migrating_twice_and_at_once_is_harmless(empty_url: str) -> None:
    failures: list[BaseException] = []

    def open_one() -> None:
        database = Database(empty_url)
        try:
            with database.writing() as connection:
                begin_run(connection, RunRow("r", threading.current_thread().name, 1.0))
        except BaseException as error:  # noqa: BLE001  # shown by the test
            failures.append(error)
        finally:
            database.close()

    together(open_one, 4)
    assert failures == []


def test_a_newer_ledger_is_left_alone(empty_url: str) -> None:
    newer = Database(empty_url)
    with newer.writing() as connection:
        connection.execute(text("UPDATE spfc_version SET version_num = '9999'"))
    newer.close()
    older = Database(empty_url)
    with pytest.raises(LedgerUnavailable, match="newer spfc"), older.reading():
        pass
    older.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://someone:hunter2@127.0.0.1:1/ledger?connect_timeout=2",
        "postgresql+psycopg://someone:hunter2@/ledger?host=/nowhere",
        "sqlite:///{file}/below/ledger.db",
        "postgresql+nodriver://someone:hunter2@host/ledger",
        "postgresql+psycopg://someone:hunter2@host:port/ledger",
        "hunter2",
        "",
    ],
)
def test_a_ledger_out_of_reach_is_told_in_one_sentence_without_password(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnavailable) as caught, Database(url.format(file=tmp_path / "file")).reading():
        pass
    told = str(caught.value)
    assert "hunter2" not in told
    assert "\n" not in told
    assert caught.value.hint
    assert caught.value.__cause__ is None, "the driver's own words may hold the address"


def test_the_label_hides_the_password() -> None:
    database = Database("postgresql+psycopg://someone:hunter2@127.0.0.1/ledger")
    assert database.label == "postgresql+psycopg://someone:***@127.0.0.1/ledger"
    assert database.dialect == "postgresql"
    database.close()


def test_a_refused_statement_does_not_show_what_it_carried(database: Database) -> None:
    with pytest.raises(LedgerUnavailable) as caught, database.writing() as connection:
        connection.execute(text("INSERT INTO cursors (route, link) VALUES ('r', :link)"), {"link": "https://secret"})
    shown = f"{caught.value} {caught.value.__cause__}"
    assert "https://secret" not in str(caught.value)
    assert "[SQL parameters hidden" in shown


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match="in the middle"), database.writing() as connection:
        begin_run(connection, RunRow("r", "run", 1.0))
        raise RuntimeError("in the middle")
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM runs")).scalar() == 0


def test_asking_for_the_version_makes_nothing(empty_url: str, tmp_path: Path) -> None:
    database = Database(empty_url)
    assert database.version() is None
    with database.writing():
        pass
    assert database.version() == HEAD
    database.close()
    absent = Database(f"sqlite:///{tmp_path / 'no' / 'ledger.db'}")
    assert absent.version() is None and absent.file == tmp_path / "no" / "ledger.db"
    assert not (tmp_path / "no").exists()


def test_the_folder_of_an_embedded_ledger_is_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "ledger.db"
    database = Database(f"sqlite:///{path}")
    with database.reading():
        assert path.exists()
    database.close()


def test_two_fenced_writers_never_wait_for_each_other_for_ever(database: Database) -> None:
    """Each checks the lease, works, and renews the lease: a shared lock at the start would deadlock here."""
    with database.writing() as connection:
        fence = take_lease(connection, "r", "run", 0.0)
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def write() -> None:
        start.wait(10)
        try:
            for turn in range(12):
                with database.writing("r", fence) as connection:
                    add_cost(connection, "r", "run", "transfer", Cost(1, 2, 3))
                    renew_lease(connection, "r", fence, float(turn))
        except BaseException as error:  # noqa: BLE001  # shown by the test
            failures.append(error)

    together(write, 4)
    assert failures == []
    with database.reading() as connection:
        assert run_costs(connection, "r", "run") == {"transfer": Cost(48, 96, 144)}


def test_a_writer_without_the_lease_writes_nothing(database: Database) -> None:
    with database.writing() as connection:
        old = take_lease(connection, "r", "one", 0.0)
        new = take_lease(connection, "r", "two", 1e9)
    assert new > old
    for fence in (old, None, new + 1):
        with pytest.raises(LeaseLost), database.writing("r", fence) as connection:
            begin_run(connection, RunRow("r", "one", 1.0))
    with pytest.raises(LeaseLost), database.writing("unknown", 1):
        pass
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM runs")).scalar() == 0


def together(work: object, threads: int) -> None:
    running = [threading.Thread(target=work, name=f"writer {n}") for n in range(threads)]  # type: ignore[arg-type]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
        assert not thread.is_alive(), "a writer hangs"
