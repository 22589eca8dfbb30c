"""The tables: the user's own with its columns, the state of all lists beside it, and the log of changed rows."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text
from sqlalchemy.sql.elements import quoted_name

from spfc.records.model import ColumnType
from spfc.records.schema import Schema
from spfc.targets.records import TableColumn
from spfc.targets.sql_table.types import TYPES, Instant

LISTS = "spfc_lists"
"""Name of the table that says where each list stands."""
CHANGES = "spfc_list_changes"
"""Name of the table with one line for each row that a run has changed."""

_KEY = BigInteger().with_variant(Integer(), "sqlite")  # only this makes it the row id of SQLite

BEHIND = (
    TableColumn("spfc_version", ColumnType.TEXT),
    TableColumn("spfc_created_at", ColumnType.TIMESTAMP),
    TableColumn("spfc_modified_at", ColumnType.TIMESTAMP),
    TableColumn("spfc_synced_at", ColumnType.TIMESTAMP),
)
"""Our columns that a scan yields behind the user's own."""


def quoted(name: str) -> quoted_name:
    """Return a name that is always written in quotes, so that none is a key word and none changes its case."""
    return quoted_name(name, quote=True)


@lru_cache(maxsize=32)  # statements are compiled once per table object
def rows_table(name: str, db_schema: str | None, schema: Schema) -> Table:
    """Return the table that keeps a list, with all columns that we know of."""
    users = [Column(quoted(placed.sql_name), TYPES[placed.column.type]()) for placed in schema.every]
    return Table(
        quoted(name),
        MetaData(schema=None if db_schema is None else quoted(db_schema)),
        Column("spfc_id", _KEY, primary_key=True, autoincrement=False),
        *users,
        Column("spfc_version", Text, nullable=False),
        Column("spfc_created_at", Instant),
        Column("spfc_modified_at", Instant),
        Column("spfc_synced_at", Instant, nullable=False),
        Column("spfc_run_id", Text, nullable=False),
        Column("spfc_generation", BigInteger, nullable=False),
        Column("spfc_deleted_at", Instant),
        Column("spfc_unconverted", Text),
    )


def scanned(schema: Schema) -> tuple[TableColumn, ...]:
    """Return the columns that a scan yields: the id, the user's, and what says how fresh the row is."""
    users = (TableColumn(placed.sql_name, placed.column.type) for placed in schema.every)
    return (TableColumn("spfc_id", ColumnType.INTEGER), *users, *BEHIND)


@lru_cache(maxsize=32)
def state_tables(db_schema: str | None) -> tuple[Table, Table]:
    """Return the tables of states and of changed rows."""
    metadata = MetaData(schema=None if db_schema is None else quoted(db_schema))
    lists = Table(
        LISTS,
        metadata,
        Column("route", Text, primary_key=True),
        Column("table_name", Text, nullable=False),
        Column("stage", Text, nullable=False),
        Column("cursor", Text),
        Column("page", Text),
        Column("generation", BigInteger, nullable=False),
        Column("binding", Text, nullable=False),
        Column("columns", Text, nullable=False),
        Column("kept_columns", Text, nullable=False),
        Column("strangers", Text, nullable=False),
        Column("full_at", Double),
        Column("synced_at", Double),
        Column("fence", BigInteger, nullable=False),
        Column("living", BigInteger, nullable=False),
        Column("marked", BigInteger, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("snapshot_revision", BigInteger, nullable=False),
        Column("run_id", Text, nullable=False),
        Column("tally", Text, nullable=False),
    )
    changes = Table(
        CHANGES,
        metadata,
        Column("seq", _KEY, primary_key=True),
        Column("route", Text, nullable=False),
        Column("run_id", Text, nullable=False),
        Column("row_id", BigInteger, nullable=False),
        Column("action", Text, nullable=False),
        Column("evidence", Text, nullable=False),
        Column("at", Double, nullable=False),
        Index("spfc_list_changes_by_run", "route", "run_id", "seq"),
        Index("spfc_list_changes_by_time", "route", "at"),
    )
    return lists, changes
