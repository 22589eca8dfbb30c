"""Where a route stands in its change feed, and where its source was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from spfc.ledger.rows import upsert
from spfc.ledger.schema import cursors


@dataclass(frozen=True, slots=True)
class Cursor:
    """The state of a route's feed.

    ``link`` is what to ask next: None before the first page. ``round_complete`` says that ``link`` begins a round.
    ``full_round`` says that the round under way enumerates everything and ends with a sweep. ``generation`` numbers
    the full enumerations. ``full_at`` is when the last one ended.
    """

    binding: Mapping[str, str] = field(default_factory=dict)
    link: str | None = None
    round_complete: bool = False
    full_round: bool = True
    generation: int = 1
    updated_at: float = 0.0
    full_at: float | None = None
    scope: str = ""


def load_cursor(connection: Connection, route: str) -> Cursor | None:
    """Return the stored cursor, None for a route that never ran."""
    row = connection.execute(select(cursors).where(cursors.c.route == route)).mappings().one_or_none()
    if row is None:
        return None
    fields = {name: value for name, value in row.items() if name not in {"route", "binding"}}
    return Cursor(binding=json.loads(row["binding"]), **fields)


def store_cursor(connection: Connection, route: str, cursor: Cursor) -> None:
    """Store the cursor within the caller's transaction, together with what it stands for."""
    row = {
        "route": route,
        "binding": json.dumps(dict(cursor.binding), sort_keys=True),
        "link": cursor.link,
        "round_complete": cursor.round_complete,
        "full_round": cursor.full_round,
        "generation": cursor.generation,
        "updated_at": cursor.updated_at,
        "full_at": cursor.full_at,
        "scope": cursor.scope,
    }
    upsert(connection, cursors, [row])
