"""Make tables and columns, and refuse tables that are not ours."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Table, inspect, select
from sqlalchemy.schema import CreateColumn

from spfc.errors import TargetExists


def make_tables(connection: Connection, tables: Collection[Table]) -> None:
    """Make those of the tables that are not there."""
    inspector = inspect(connection)
    for table in tables:
        if not inspector.has_table(table.name, schema=table.schema):
            table.create(connection)


def check_free(
    connection: Connection, lists: Table, name: str, db_schema: str | None, route: str, *, ours: bool
) -> tuple[str, ...] | None:
    """Return the names of the columns of the table, None when it is not there. Raises TargetExists when it is not ours.

    ``ours`` says whether the state speaks of the route.
    """
    owners = connection.execute(select(lists.c.route, lists.c.table_name)).all()
    same = str.casefold if connection.dialect.name == "sqlite" else str
    owner = next((row.route for row in owners if row.route != route and same(row.table_name) == same(name)), None)
    if owner is not None:
        raise TargetExists(
            f"Route {owner!r} keeps the table {name}.", item=name, hint=f"Give route {route!r} a table of its own."
        )
    inspector = inspect(connection)
    there = inspector.has_table(name, schema=db_schema)
    if there and not ours:
        raise TargetExists(
            f"There is a table or view {name} that spfc did not make.", item=name,
            hint="Name another table in the route, or rename or drop that one: tables of others are never written to.",
        )  # fmt: skip
    return tuple(column["name"] for column in inspector.get_columns(name, schema=db_schema)) if there else None


def add_columns(connection: Connection, table: Table, names: Sequence[str]) -> None:
    """Add columns to a table that is there."""
    prepare = connection.dialect.identifier_preparer
    for name in names:
        column = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {prepare.format_table(table)} ADD COLUMN {column}")
