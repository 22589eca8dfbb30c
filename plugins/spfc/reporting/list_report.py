"""Write the report of a run that kept a list: a page, and the same for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from spfc import wording
from spfc.ledger.runs import Cost
from spfc.records.model import ColumnFate
from spfc.reporting.lists import ListSummary
from spfc.reporting.page import BACK_MARKER, VERDICTS, environment
from spfc.reporting.writers import CSV_NAME, HTML_NAME, JSON_NAME, replacing, report_folder, write_json
from spfc.targets.records import RowAction

ROW_MEANINGS = {
    RowAction.ADDED: "rows of items that were not in the table",
    RowAction.UPDATED: "rows whose item changed",
    RowAction.RESTORED: "rows that were marked as deleted and live again",
    RowAction.UNCHANGED: "rows that were shown and are as they were",
    RowAction.DELETED: "rows deleted because their item is gone from the list",
    RowAction.MARKED: "rows marked as deleted, as the route wants it",
    RowAction.HELD: "rows marked instead of deleted, because the removal guard held them",
    RowAction.PURGED: "marked rows that were deleted for good, because the run was told to purge",
    RowAction.ABSENT: "deletions of items that never were in the table",
}

COLUMN_MEANINGS = {
    ColumnFate.ADDED: "new in the list: a column was added to the table, and all rows were read again",
    ColumnFate.KEPT: "gone from the list: the column stays with what it holds, and gets no new values",
    ColumnFate.RETYPED: "of another type now: this column takes the values, the former one stays as it is",
}


def write_list_report(reports: Path, summary: ListSummary) -> Path:
    """Write ``report.html`` and ``report.json`` into the run's folder below ``reports``; return the page's path."""
    folder = report_folder(reports, summary.route, summary.run_id)
    write_json(folder / JSON_NAME, list_document(summary))
    with replacing(folder / HTML_NAME) as stream:
        for piece in environment().get_template("list_report.html.j2").generate(_view(summary)):
            stream.write(piece)
    return folder / HTML_NAME


def list_document(summary: ListSummary) -> dict[str, Any]:
    """Return the report as JSON-able values; docs/reports.md names its keys."""
    now = summary.now
    return {
        "kind": "list",
        "verdict": str(summary.verdict),
        "story": summary.story,
        "run": {
            "route": summary.route,
            "source": summary.source_label,
            "target": summary.target_label,
            "run_id": summary.run_id,
            "dag_id": summary.dag_id or summary.route,
            "mode": summary.mode,
            "started_at": wording.timestamp(summary.started_at),
            "ended_at": wording.timestamp(summary.ended_at),
            "seconds": round(summary.seconds, 3),
            "error": summary.error,
            "incident": summary.incident,
            "failures_in_a_row": summary.failures.runs,
            "quiet": summary.quiet,
            "pages": summary.pages,
            "rounds": summary.rounds,
            "full_readings": summary.full,
            "items_seen": summary.seen,
            "debt_left": summary.held,
            "airflow_url": summary.airflow_url,
        },
        "rows": {
            **{action.value: summary.applied[action] for action in RowAction},
            "touched": summary.applied.touched,
            "living": None if now is None else now.living,
            "waiting": summary.held,
        },
        "guard": summary.guard,
        "unconverted": dict(sorted(summary.applied.unconverted.items())),
        "columns": [
            {"name": change.name, "sql_name": change.sql_name, "fate": change.fate.value} for change in summary.columns
        ],
        "snapshot": {"path": summary.snapshot, "bytes": summary.snapshot_bytes} if summary.snapshot else None,
        "spending": {
            **_amounts(_total(summary)),
            "by_task": {task: _amounts(cost) for task, cost in sorted(summary.costs.items())},
        },
        "files": {"csv": CSV_NAME if summary.changes else None, "html": HTML_NAME},
    }


def list_result(summary: ListSummary, page: Path) -> dict[str, Any]:
    """Return the small values of a closed run that may travel through XCom and to the terminal."""
    total = _total(summary)
    rows = {action.value: summary.applied[action] for action in RowAction if summary.applied[action]}
    return {
        "verdict": summary.verdict.value,
        "story": summary.story,
        "totals": {"rows_in_table": summary.now.living if summary.now else 0, **rows},
        "debt": summary.held,
        "requests": total.requests,
        "units": total.units,
        "calls": total.calls,
        "html": str(page),
        "json": str(page.with_name(JSON_NAME)),
        "csv": str(summary.changes) if summary.changes else "",
    }


def _total(summary: ListSummary) -> Cost:
    costs = summary.costs.values()
    return Cost(sum(c.requests for c in costs), sum(c.units for c in costs), sum(c.calls for c in costs))


def _amounts(cost: Cost) -> dict[str, int]:
    return {"source_requests": cost.requests, "source_units": cost.units, "target_calls": cost.calls}


def _view(summary: ListSummary) -> dict[str, Any]:
    return {
        "run": summary,
        "verdict": summary.verdict,
        "verdict_words": VERDICTS[summary.verdict],
        "tiles": _tiles(summary),
        "rows": [(action.value, summary.applied[action], meaning) for action, meaning in ROW_MEANINGS.items()],
        "columns": [(change, COLUMN_MEANINGS[change.fate]) for change in summary.columns],
        "unconverted": sorted(summary.applied.unconverted.items()),
        "total": _total(summary),
        "csv_name": CSV_NAME if summary.changes else "",
        "json_name": JSON_NAME,
        "back_marker": Markup(BACK_MARKER),  # noqa: S704 - our own constant
    }


def _tiles(summary: ListSummary) -> list[tuple[str, str, str, str]]:
    """Return (label, number, note, tone) of the figures at the top."""
    applied, count = summary.applied, wording.count
    gone = applied[RowAction.DELETED] + applied[RowAction.PURGED]
    living = "unknown" if summary.now is None else count(summary.now.living)
    return [
        ("Rows added", count(applied[RowAction.ADDED]), f"{count(applied[RowAction.RESTORED])} restored", ""),
        ("Rows updated", count(applied[RowAction.UPDATED]), f"{count(applied[RowAction.UNCHANGED])} as they were", ""),
        ("Rows deleted", count(gone), f"{count(applied[RowAction.MARKED])} marked", ""),
        ("Waiting", count(summary.held), "marked rows to be looked at", "warn" if summary.held else ""),
        ("In the table", living, "living rows", ""),
    ]
