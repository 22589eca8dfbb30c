"""Many rows at once: the driver's own prepared statements, without a dictionary or a compiled parameter set per row."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import ARRAY, Connection, String, Table, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ColumnElement

Values = Sequence[Any]
"""One row as plain values, in the order of its columns."""


@cache
def upsert_statement(dialect: str, table: Table, update: tuple[str, ...] | None) -> str:
    """Return the text of an insert of whole rows, values by position, for ``exec_driver_sql``.

    Where the primary key is taken, the ``update`` columns are overwritten (None: all; empty: the row is kept).
    """
    keys = [column.name for column in table.primary_key]
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    names = [column.name for column in table.c if column.name not in keys] if update is None else update
    if names:
        changes = {name: insert.excluded[name] for name in names}
        statement = insert.on_conflict_do_update(index_elements=keys, set_=changes)
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    return str(statement.compile(dialect=positional(dialect)))


def positional(dialect: str) -> Dialect:
    """Return a dialect whose statements take values by position, as the driver itself does."""
    if dialect == "postgresql":
        return cast(Dialect, PGDialect_psycopg(paramstyle="format"))  # type: ignore[no-untyped-call]
    return cast(Dialect, sqlite.dialect(paramstyle="qmark"))


def among(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that ``column`` is one of :func:`ids`: one parameter, however many they are."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam("ids", type_=ARRAY(String)))
    return column.in_(select(func.json_each(bindparam("ids", type_=String)).table_valued("value").c.value))


def ids(connection: Connection, values: Collection[str]) -> dict[str, Any]:
    """Return the parameter of :func:`among`."""
    return {"ids": list(values) if connection.dialect.name == "postgresql" else json.dumps(list(values))}
