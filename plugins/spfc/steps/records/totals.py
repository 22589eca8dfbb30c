"""What a list's run came to, as plain counters: for the ledger, for XCom, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spfc.targets.records import Applied, RowAction, Tally

QUIET = "quiet"
"""Key that says (1 or 0) whether everything was read; it is missing while nobody knows."""
HELD_TEXT = "guard"
"""Key of the guard's sentence, empty when it held nothing."""
SNAPSHOT = "snapshot"
"""Key of what :mod:`spfc.steps.records.snapshot` has written."""


def counters(tally: Tally) -> dict[str, Any]:
    """Return the counters of a run: every row action, ``touched`` (rows changed), ``seen``, ``pages``, ``rounds``,
    ``full`` (full readings ended), ``unconverted`` (by column) and ``columns`` (name, SQL name, fate).
    """
    return {
        **of_rows(tally.applied),
        "seen": tally.seen,
        "pages": tally.pages,
        "rounds": tally.rounds,
        "full": tally.full,
        "columns": [[change.name, change.sql_name, change.fate.value] for change in tally.columns],
    }


def of_rows(applied: Applied) -> dict[str, Any]:
    """Return the counters of rows and values."""
    rows = {action.value: applied[action] for action in RowAction}
    return {**rows, "touched": applied.touched, "unconverted": dict(applied.unconverted)}


def rows_of(totals: Mapping[str, Any]) -> Applied:
    """Return what :func:`of_rows` was made of."""
    rows = {action: int(totals[action.value]) for action in RowAction if totals.get(action.value)}
    return Applied(rows, dict(totals.get("unconverted", {})))
