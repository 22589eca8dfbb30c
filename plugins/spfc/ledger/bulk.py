"""Many rows at once: the driver's own prepared statements, without a dictionary or a compiled parameter set per row."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import ARRAY, Connection, String, Table, any_, bindparam, func, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ColumnElement

from spfc.ledger.schema import plan_lines

Values = Sequence[Any]
"""One row as plain values, in the order of its columns."""


@cache
def upsert_statement(dialect: str, table: Table, update: tuple[str, ...] | None) -> str:
    """Return the text of an insert of whole rows, values by position, for ``exec_driver_sql``.

    Where the primary key is taken, the ``update`` columns are overwritten (None: all; empty: the row is kept).
    """
    keys = [column.name for column in table.primary_key]
    adding = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    names = [column.name for column in table.c if column.name not in keys] if update is None else update
    if names:
        changes = {name: adding.excluded[name] for name in names}
        statement = adding.on_conflict_do_update(index_elements=keys, set_=changes)
    else:
        statement = adding.on_conflict_do_nothing(index_elements=keys)
    return str(statement.compile(dialect=positional(dialect)))


@cache
def insert_statement(dialect: str, table: Table) -> str:
    """Return the text of a plain insert of whole rows, values by position, for ``exec_driver_sql``."""
    return str(insert(table).compile(dialect=positional(dialect)))


@cache
def batch_statement(dialect: str) -> str:
    """Return the text that gives a line its batch; its values are batch, plan and line number."""
    return _on_line(dialect, batch=bindparam("value"))


@cache
def outcome_statement(dialect: str) -> str:
    """Return the text that ends a line; its values are outcome, code, detail, hint, time, plan and line number."""
    names = ("outcome", "code", "detail", "hint", "ended_at")
    ends = {name: bindparam(f"new_{name}", type_=plan_lines.c[name].type) for name in names}
    # Ordered, because the values are given by position; the one without a value comes first.
    return _on_line(dialect, attempts=plan_lines.c.attempts + literal_column("1"), **ends)


def _on_line(dialect: str, **changes: ColumnElement[Any]) -> str:
    mine = (plan_lines.c.plan_id == bindparam("plan")) & (plan_lines.c.seq == bindparam("number"))
    ordered = [(plan_lines.c[name], value) for name, value in changes.items()]
    return str(update(plan_lines).where(mine).ordered_values(*ordered).compile(dialect=positional(dialect)))


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
