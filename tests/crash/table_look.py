"""Look at a list, its table and its snapshot in forms that can be compared."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, inspect, select

from spfc.targets.sql_table.layout import state_tables

NAMES = {"Title": "title", "Amount": "amount", "Due": "due", "Done": "done", "Kinds": "kinds", "Risk": "risk"}
"""The columns of the list, by the names that they have in the table."""

Row = tuple[object, ...]


def state_of(engine: Engine) -> dict[str, object] | None:
    """Return the table's own account of itself, None before there is one."""
    lists = state_tables(None)[0]
    if not inspect(engine).has_table(lists.name):
        return None
    with engine.connect() as connection:
        found = connection.execute(select(lists)).mappings().one_or_none()
    return None if found is None else dict(found)


def log_of(engine: Engine) -> Counter[tuple[int, str, str]]:
    """Return the lines of the change log, of all runs: row, action, evidence."""
    changes = state_tables(None)[1].c
    with engine.connect() as connection:
        lines = connection.execute(select(changes.row_id, changes.action, changes.evidence))
        return Counter((number, action, evidence) for number, action, evidence in lines)


def as_kept(name: str, value: Any) -> object:
    """Return a value of the list as a table shows it, in a form that can be compared."""
    if name == "Due" and value is not None:
        return datetime.fromisoformat(value).timestamp()
    return plain(value)


def plain(value: object) -> object:
    """Return a value in a form that can be compared, whatever it was read with."""
    if isinstance(value, datetime):
        return value.timestamp()
    return json.dumps(value) if isinstance(value, list | dict) else value


def cell(name: str, said: str | None) -> object:
    """Return what a cell of the snapshot says. The scenes know no empty texts, which it tells from missing ones."""
    if not said:
        return None
    readers = {"Amount": float, "Done": lambda word: word == "true", "Kinds": lambda text: json.dumps(json.loads(text))}
    return as_kept(name, readers.get(name, str)(said))
