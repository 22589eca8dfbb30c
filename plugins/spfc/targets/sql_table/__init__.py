"""A table of a SQL database (PostgreSQL or SQLite) that keeps a list, with its state beside it."""

from spfc.targets.sql_table.table import SqlTable

__all__ = ["SqlTable"]
