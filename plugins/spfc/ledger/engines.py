"""Make database engines that behave alike: SQLite with honest transactions, texts of errors without their data."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

SQLITE_BUSY_SECONDS = 60
"""How long a writer waits for another one: tasks of one run write at the same time."""

WRITE = "spfc_write"
"""The execution option of connections that are going to write: SQLite takes its lock at the beginning then."""


def make_engine(url: URL, *, busy: float = SQLITE_BUSY_SECONDS, **options: Any) -> Engine:
    """Return an engine for SQLite or any server. Nothing is connected yet.

    SQLite gets write-ahead logging (readers and the one writer do not wait for each other) and transactions that begin
    where we say so, DDL included; its writers wait ``busy`` seconds for each other. Raises what
    SQLAlchemy and missing drivers raise.
    """
    # hide_parameters: what a statement carried (links of the feed, names) does not belong in an error text.
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, **options)
    arguments = {"timeout": busy, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def first_line(error: SQLAlchemyError) -> str:
    """Return what the database itself said, without details that may hold values of rows, without a full stop."""
    origin = getattr(error, "orig", None) or error
    lines = str(origin).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(origin).__name__


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by us, below, and not guessed by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA cache_size=-32000")
    # In pages of 4 KiB: ids are random, so each commit touches the same pages again; ten times the default saves
    # most of the copying back.
    cursor.execute("PRAGMA wal_autocheckpoint=10000")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get(WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
