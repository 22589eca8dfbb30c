"""Every test of the ledger runs on both databases that it supports; neither is a double."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import URL, make_url
from tests.ledger.postgres import NoPostgresError, administer, running_postgres

from spfc.ledger.database import Database
from spfc.ledger.schema import metadata


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """The address of a real PostgreSQL server. Under CI=true a missing one fails, elsewhere it skips."""
    try:
        with running_postgres() as server:
            yield server
    except NoPostgresError as missing:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(params=["sqlite", "postgresql"], scope="session")
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'ledger.db'}"
        return
    yield from _fresh(request.getfixturevalue("postgres"))


@pytest.fixture(scope="session")
def migrated(dialect: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database: a SQLite file that tests get copies of, or the address of a PostgreSQL database."""
    if dialect == "sqlite":
        path = tmp_path_factory.mktemp("ledger") / "migrated.db"
        _migrate(f"sqlite:///{path}")
        yield str(path)
        return
    server: URL = request.getfixturevalue("postgres")
    for url in _fresh(server):
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


def _fresh(server: URL) -> Iterator[str]:
    name = f"spfc_{uuid4().hex[:12]}"
    administer(server, f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _migrate(url: str) -> None:
    database = Database(url)
    with database.reading():
        pass
    database.close()
