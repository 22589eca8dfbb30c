"""Every test of the ledger runs on both databases that it supports; neither is a double."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url
from tests.postgres import administer, fresh_database

from spfc.ledger.database import Database
from spfc.ledger.schema import metadata


@pytest.fixture(params=["sqlite", "postgresql"], scope="session")
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'ledger.db'}"
        return
    with fresh_database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(dialect: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database: a SQLite file that tests get copies of, or the address of a PostgreSQL database."""
    if dialect == "sqlite":
        path = tmp_path_factory.mktemp("ledger") / "migrated.db"
        _migrate(f"sqlite:///{path}")
        yield str(path)
        return
    server: URL = request.getfixturevalue("postgres")
    with fresh_database(server) as url:
        _migrate(url)
        yield url


@pytest.fixture
def database_url(dialect: str, migrated: str, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated, empty ledger of this test's own."""
    if dialect == "sqlite":
        shutil.copy(migrated, tmp_path / "ledger.db")
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    yield migrated
    administer(make_url(migrated), "TRUNCATE " + ", ".join(table.name for table in metadata.sorted_tables))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def _migrate(url: str) -> None:
    database = Database(url)
    with database.reading():
        pass
    database.close()
