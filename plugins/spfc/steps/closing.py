"""Last step: close open lines, add everything up, write the report, give the route back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spfc.ledger.debts import debt_summary
from spfc.ledger.leases import fence_of, release_lease
from spfc.ledger.outcomes import count_outcomes, end_open_lines
from spfc.ledger.plans import load_manifest, stored_lines
from spfc.ledger.runs import RunRow, load_run, run_costs, update_run
from spfc.ledger.uploads import prune_uploads
from spfc.planning.model import Action, Outcome
from spfc.reporting.model import LineOutcome, RunSummary, Spending, Verdict
from spfc.reporting.report import ReportFiles, write_report
from spfc.reporting.totals import counters_by_name
from spfc.steps.context import RunContext
from spfc.steps.first_look import end_look
from spfc.steps.wreckage import discard_unsealed

log = logging.getLogger("spfc.report")


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed run: what the report came to, and the small values that may travel through XCom."""

    verdict: Verdict
    story: str
    files: ReportFiles
    summary: dict[str, Any]


def close_run(run: RunContext, folder: Path, *, airflow_url: str | None = None, dag_id: str = "") -> Closed:
    """Write the report of a run below ``folder`` and return what it came to. May be repeated.

    A run that failed before it had a plan gets a report too: its sums are zero and its error is shown.
    """
    route = run.route
    with run.database.reading() as connection:
        row = load_run(connection, route.name, run.run_id)
        # A run that failed in its first task never handed its lease on.
        run.fence = fence_of(connection, route.name, run.run_id)
    row = row or RunRow(
        route.name, run.run_id, run.now(), error="The run ended before it had begun; see the task logs."
    )
    if row.plan_id and run.fence is not None and not row.dry_run:
        with run.writing() as connection:
            end_open_lines(connection, row.plan_id, run.now())
            end_look(connection, route.name, row.plan_id)
    if row.error and run.fence is not None:
        with run.writing() as connection:
            discard_unsealed(connection, route.name, run.fence)
    summary = _summary(run, row, airflow_url, dag_id)
    files = write_report(folder, summary, lambda: _lines(run, row.plan_id))
    totals = counters_by_name(files.totals)
    with run.database.writing() as connection:
        update_run(
            connection, route.name, run.run_id, ended_at=summary.ended_at, verdict=files.verdict.value, totals=totals
        )
        if run.fence is not None:
            prune_uploads(connection, route.name, run.now())
            release_lease(connection, route.name, run.fence)
    log.info("%s: %s", files.verdict.value, files.story)
    log.info("Report: %s", files.html)
    spending = summary.spending
    return Closed(
        files.verdict,
        files.story,
        files,
        {
            "verdict": files.verdict.value,
            "story": files.story,
            "totals": totals,
            "debt": summary.debt_left,
            "requests": spending.source_requests,
            "units": spending.source_units,
            "calls": spending.target_calls,
            "html": str(files.html),
            "json": str(files.json),
            "csv": str(files.csv),
        },
    )


def _summary(run: RunContext, row: RunRow, airflow_url: str | None, dag_id: str) -> RunSummary:
    route = run.route
    manifest: dict[str, Any] = {}
    held: tuple[int, int] | None = None
    with run.database.reading() as connection:
        debt, oldest = debt_summary(connection, route.name)
        costs = run_costs(connection, route.name, run.run_id)
        if row.plan_id:
            manifest = load_manifest(connection, row.plan_id)
            held = count_outcomes(connection, row.plan_id).get((Action.REMOVE.value, Outcome.HELD.value))
    guard = manifest["guard"]["text"] if manifest and held else ""
    # A plan that was sealed by an older version knows no guard of overwrites.
    overwrites = manifest.get("overwrite_guard", {"tripped": False})
    return RunSummary(
        route=route.name,
        source_label=route.source.label,
        target_label=route.target.label,
        run_id=run.run_id,
        mode=row.mode,
        started_at=row.started_at,
        ended_at=run.now(),
        dry_run=row.dry_run,
        plan_id=row.plan_id,
        digest=manifest.get("digest", ""),
        guard=guard,
        overwrite_guard=overwrites["text"] if overwrites["tripped"] else "",
        items_seen=row.items_seen,
        pages=row.pages,
        debt_left=debt,
        oldest_debt_age=None if oldest is None else max(0.0, run.now() - oldest),
        spending=Spending.of_tasks(
            {task: Spending(cost.requests, cost.units, cost.calls) for task, cost in costs.items()}
        ),
        airflow_url=airflow_url,
        error=row.error,
        planned_lines=sum(manifest["counts"].values()) if manifest else None,
        dag_id=dag_id,
        audit=manifest.get("audit") or {},
        scrub=manifest.get("scrub") or {},
    )


def _lines(run: RunContext, plan_id: str | None) -> Iterator[LineOutcome]:
    if plan_id is None:
        return
    with run.database.reading() as connection:
        for stored in stored_lines(connection, plan_id):
            line = stored.line
            yield LineOutcome(
                seq=stored.seq,
                action=line.action,
                reason=line.reason,
                item_id=line.item_id,
                kind=line.kind,
                path=line.path,
                target_path=line.target_path,
                from_path=line.from_path,
                size=line.size,
                outcome=stored.outcome,
                code=stored.code,
                detail=stored.detail,
                hint=stored.hint,
                evidence=line.evidence,
                attempts=stored.attempts,
                ended_at=stored.ended_at,
            )
