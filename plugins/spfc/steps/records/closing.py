"""Last step of a list's run: add up, write the list of changed rows, judge, give the route back."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spfc.errors import SpfcError
from spfc.ledger.leases import fence_of, release_lease
from spfc.ledger.runs import RunRow, load_run, recent_runs, run_costs, update_run
from spfc.records.model import ColumnChange, ColumnFate
from spfc.reporting.lists import INCIDENT, ListSummary, Streak, incident_text, story_of, verdict_of
from spfc.reporting.model import Verdict
from spfc.reporting.redaction import redact
from spfc.reporting.writers import CSV_NAME, replacing, report_folder
from spfc.routes import ListRoute
from spfc.routes.lists import RowRemovals
from spfc.steps.context import ListRun
from spfc.steps.records.totals import HELD_TEXT, QUIET, SNAPSHOT, counters, rows_of
from spfc.targets.records import RecordTable, RowAction, RowChange, Standing
from spfc.wording import timestamp

log = logging.getLogger("spfc.report")

KEPT_DAYS = 90
"""How long the table of changed rows remembers."""

SILENT = "The run ended before it was done, and did not say why; see the task logs."


@dataclass(frozen=True, slots=True)
class ClosedList:
    """A closed run: how it is judged, its story, and everything that a report may want."""

    verdict: Verdict
    story: str
    summary: ListSummary


def close_list(run: ListRun, folder: Path, *, airflow_url: str | None = None, dag_id: str = "") -> ClosedList:
    """Judge a run, write the CSV of changed rows below ``folder``, give the route back. May be repeated.

    Works for runs that failed at any place, also when the database of the table cannot be reached any more.
    """
    with run.database.reading() as connection:
        row = load_run(connection, run.route.name, run.run_id)
        # A run that failed in its first task never handed its lease on.
        run.fence = fence_of(connection, run.route.name, run.run_id)
        costs = run_costs(connection, run.route.name, run.run_id)
        failures = _failures(recent_runs(connection, run.route.name), run, row)
    row = row or RunRow(run.route.name, run.run_id, run.now(), mode=run.options.mode_name, error=SILENT)
    totals, now, changes = _from_table(run, row, folder)
    error = row.error.partition(INCIDENT)[0] or ("" if QUIET in totals else SILENT)
    incident = bool(error) and failures.runs >= run.route.limits.incident_after
    summary = ListSummary(
        route=run.route.name, source_label=run.route.ends[0], target_label=run.route.ends[1], run_id=run.run_id,
        mode=row.mode, started_at=row.started_at, ended_at=run.now(),
        error=redact(error) + (incident_text(failures) if incident else ""),
        applied=rows_of(totals), columns=_columns(totals), seen=totals.get("seen", 0), pages=totals.get("pages", 0),
        rounds=totals.get("rounds", 0), full=totals.get("full", 0), quiet=bool(totals.get(QUIET, 0)), now=now,
        held=_held(run.route, now, totals), guard=totals.get(HELD_TEXT, ""), failures=failures if error else Streak(),
        incident=incident, changes=changes, snapshot=totals.get(SNAPSHOT, {}).get("path", ""),
        snapshot_bytes=totals.get(SNAPSHOT, {}).get("bytes", 0), costs=costs, airflow_url=airflow_url, dag_id=dag_id,
    )  # fmt: skip
    summary = replace(summary, verdict=verdict_of(summary), story=story_of(summary))
    with run.database.writing() as connection:
        update_run(
            connection, run.route.name, run.run_id, ended_at=summary.ended_at, verdict=summary.verdict.value,
            error=summary.error, totals=totals,
        )  # fmt: skip
        if run.fence is not None:
            release_lease(connection, run.route.name, run.fence)
    log.info("%s: %s", summary.verdict.value, summary.story)
    return ClosedList(summary.verdict, summary.story, summary)


def _from_table(run: ListRun, row: RunRow, folder: Path) -> tuple[dict[str, Any], Standing | None, Path | None]:
    """Return the exact counters, how many rows there are, and the file of changed rows; what is known without them
    when the table cannot be asked.
    """
    totals = dict(row.totals)
    try:
        table = run.target
        if table.load() is None:
            return totals, None, None
        totals |= counters(table.tally(run.run_id))
        now = table.standing()
        changes = _write_changes(run, table, folder) if totals.get("touched") else None
    except SpfcError as error:
        log.warning("The table could not be asked what the run did to it: %s", error)
        return totals, None, None
    return totals, now, changes


def _write_changes(run: ListRun, table: RecordTable, folder: Path) -> Path:
    path = report_folder(folder, run.route.name, run.run_id) / CSV_NAME
    with replacing(path, encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(("id", "action", "why", "at"))
        writer.writerows(_lines(table.changes(run.run_id)))
    table.forget_changes(run.now() - KEPT_DAYS * 86_400.0)
    return path


def _lines(changes: Iterator[RowChange]) -> Iterator[tuple[int, str, str, str]]:
    return ((line.id, line.action.value, line.evidence, timestamp(line.at)) for line in changes)


def _columns(totals: dict[str, Any]) -> tuple[ColumnChange, ...]:
    return tuple(ColumnChange(name, sql, ColumnFate(fate)) for name, sql, fate in totals.get("columns", ()))


def _held(route: ListRoute, now: Standing | None, totals: dict[str, Any]) -> int:
    """Return how many rows wait for somebody: every marked one, unless the route wants its rows marked."""
    if route.policies.removals is RowRemovals.MARK:
        return 0
    return now.marked if now is not None else int(totals.get(RowAction.HELD.value, 0))


def _failures(runs: list[RunRow], run: ListRun, row: RunRow | None) -> Streak:
    """Return this run, taken for failed, and the failed runs before it without a better one between them."""
    since, number = (row.started_at if row else run.now()), 1
    for earlier in runs:
        if earlier.run_id == run.run_id or earlier.ended_at is None:
            continue
        if earlier.verdict != Verdict.FAILED.value:
            break
        since, number = earlier.started_at, number + 1
    return Streak(number, since)
