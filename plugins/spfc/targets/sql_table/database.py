"""A connection to the database of one table: transactions that are retried when others are in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from spfc.errors import RequestRefused
from spfc.ledger.engines import WRITE, make_engine
from spfc.targets.sql_table.trouble import explained, is_contention

log = logging.getLogger("spfc.sql_table")

TRIES = 4
"""How often a transaction is begun in all when others are in its way."""

PATIENCE = 15.0
"""Seconds that one statement waits for a lock. An ALTER TABLE that waits keeps all new readers out: not for long."""

T = TypeVar("T")


class Session:
    """Transactions on one database. ``calls`` and ``refusals`` count them; errors are ours (see ``trouble``)."""

    def __init__(self, url: str | URL, table: str, patience: float = PATIENCE) -> None:
        self._table, self._patience = table, patience
        self._url = _parsed(url)
        self._opened: Engine | None = None
        self.calls = 0
        self.refusals = 0

    @property
    def is_missing_file(self) -> bool:
        """Say whether this is an SQLite database whose file is not there: connecting would make it."""
        database = self._url.database
        return self._url.get_backend_name() == "sqlite" and bool(database) and not Path(str(database)).exists()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returns in a write transaction; begun anew when others are in its way."""
        with self._guarded():
            engine = self._engine().execution_options(**{WRITE: True})
            for _ in range(TRIES - 1):
                try:
                    return self._once(engine, work)
                except SQLAlchemyError as error:
                    if not is_contention(error):
                        raise
                    self.refusals += 1
                    log.info("%s: somebody else's transaction was in the way, trying again", self._table)
            return self._once(engine, work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returns in a read transaction."""
        with self._guarded(), self._engine().connect() as connection:
            self.calls += 1
            return work(connection)

    @contextmanager
    def streaming(self) -> Iterator[Connection]:
        """A read transaction whose results come in pieces, not whole into memory."""
        with self._guarded(), self._engine().connect() as connection:
            self.calls += 1
            yield connection.execution_options(stream_results=True, yield_per=1000)

    def close(self) -> None:
        """Give connections back."""
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None

    def _once(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        self.calls += 1
        with engine.begin() as connection:
            return work(connection)

    def _engine(self) -> Engine:
        if self._opened is None:
            self._opened = _make(self._url, self._patience)
        return self._opened

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, ImportError) as error:
            raise explained(error, self._url, self._table) from None


def _make(url: URL, patience: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        return make_engine(url, busy=patience)
    engine = make_engine(url, isolation_level="READ COMMITTED")
    settings = ("SET TIME ZONE 'UTC'", f"SET lock_timeout = {int(patience * 1000)}")

    def prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            for setting in settings:
                cursor.execute(setting)
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):  # their text may repeat the address, with its password
        raise RequestRefused("The address of the database cannot be read.", hint=_ADDRESS) from None
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("postgresql", "sqlite"):
        raise RequestRefused(f"Lists are not kept in databases of type {parsed.get_backend_name()!r}.", hint=_ADDRESS)
    return parsed


_ADDRESS = "Use an Airflow connection of type postgres or sqlite."
