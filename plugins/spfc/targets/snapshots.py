"""Write rows to a file on disk, as CSV or Parquet, in constant memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from spfc.records.model import ColumnType
from spfc.targets.records import TableColumn

GROUP = 10_000
"""Rows of one row group of Parquet: what is held in memory at once."""

Rows = Iterable[tuple[object, ...]]


def write_csv(path: Path, columns: Sequence[TableColumn], rows: Rows) -> int:
    """Write RFC 4180 with a header, UTF-8 without byte order mark; return the number of rows.

    Texts are always quoted, so that an empty text (``""``) is not a missing value (nothing). Times are ISO 8601 in UTC,
    booleans ``true`` and ``false``, JSON is its text. Nothing is done to texts that spreadsheets take for formulas.
    """
    number = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(",".join(_quoted(column.sql_name) for column in columns) + "\r\n")
        for row in rows:
            fields = (_field(value, column.type) for value, column in zip(row, columns, strict=True))
            stream.write(",".join(fields) + "\r\n")
            number += 1
    return number


def write_parquet(path: Path, columns: Sequence[TableColumn], rows: Rows) -> int:
    """Write typed columns, times as microseconds in UTC, JSON as text; return the number of rows."""
    # Imported here: it takes longer than a run without changes, and only snapshots need it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        ColumnType.TEXT: pa.string(),
        ColumnType.INTEGER: pa.int64(),
        ColumnType.NUMBER: pa.float64(),
        ColumnType.BOOLEAN: pa.bool_(),
        ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
        ColumnType.JSON: pa.string(),
    }
    schema = pa.schema([(column.sql_name, types[column.type]) for column in columns])
    number = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(rows):
            values = [
                pa.array([_plain(row[index], column.type) for row in group], schema.field(index).type)
                for index, column in enumerate(columns)
            ]
            writer.write_table(pa.Table.from_arrays(values, schema=schema))
            number += len(group)
    return number


def _groups(rows: Rows) -> Iterator[list[tuple[object, ...]]]:
    iterator = iter(rows)
    while group := list(islice(iterator, GROUP)):
        yield group


def _plain(value: object, kind: ColumnType) -> Any:
    return _json(value) if kind is ColumnType.JSON and value is not None else value


def _field(value: object, kind: ColumnType) -> str:
    if value is None:
        return ""
    if kind is ColumnType.JSON:
        return _quoted(_json(value))
    if isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds")
        return text.replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
