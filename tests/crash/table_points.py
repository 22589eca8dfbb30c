"""Every write transaction on the table of a list is a side effect: before its commit, and after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import URL, Connection, Engine, event
from tests.crash.points import STATEMENTS, Points

from spfc.targets.sql_table import database
from spfc.targets.sql_table.database import Session


@contextmanager
def watched_table(points: Points) -> Iterator[None]:
    """Name each transaction of a :class:`~spfc.targets.sql_table.SqlTable` after the method that asked for it."""
    make = database._make
    perform = Session._once

    def once(self: Session, engine: Engine, work: Callable[[Connection], Any]) -> Any:
        name = ""

        def working(connection: Connection) -> Any:
            nonlocal name
            result = work(connection)
            name = points.begin(f"table {work.__qualname__.split('.')[1]}")
            return result

        result = perform(self, engine, working)
        points.end(name)
        return result

    def made(url: URL, patience: float) -> Engine:
        engine = make(url, patience)
        engine._compiled_cache = STATEMENTS  # type: ignore[assignment]
        if url.get_backend_name() == "sqlite":  # as in WatchedDatabase
            event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        return engine

    with patch.object(Session, "_once", once), patch.object(database, "_make", made):
        yield
