"""How the values of records lie in each database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Double, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from spfc.records.model import ColumnType


class Instant(TypeDecorator[datetime]):
    """An aware moment in UTC: ``timestamptz`` in PostgreSQL, ``YYYY-MM-DD HH:MM:SS.ffffff`` (UTC) in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """See the base class."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """See the base class."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonValue(TypeDecorator[Any]):
    """Any JSON value: ``jsonb`` in PostgreSQL, its text in SQLite, which has no type for it."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """See the base class."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: object, dialect: Dialect) -> object:
        """See the base class."""
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """See the base class. A text that is no JSON (somebody edited the row) is returned as it is."""
        if value is None or dialect.name == "postgresql":
            return value
        try:
            return json.loads(value)
        except ValueError:
            return value


TYPES: Mapping[ColumnType, type[TypeEngine[Any]]] = {
    ColumnType.TEXT: Text,
    ColumnType.INTEGER: BigInteger,
    ColumnType.NUMBER: Double,
    ColumnType.BOOLEAN: Boolean,
    ColumnType.TIMESTAMP: Instant,
    ColumnType.JSON: JsonValue,
}
"""The SQL type of each kind of column."""
