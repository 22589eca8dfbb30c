"""The machine-readable report: one JSON document per run, its keys in a fixed order."""

from __future__ import annotations

from typing import Any

from spfc.planning.model import Action, Outcome
from spfc.reporting.model import RunSummary, Spending
from spfc.reporting.samples import Problem, Samples
from spfc.reporting.story import story
from spfc.reporting.totals import Totals, counters_by_name, verdict
from spfc.reporting.writers import CSV_NAME, HTML_NAME
from spfc.wording import timestamp

FORMAT = 1
"""Raised when a key changes its meaning or goes away; new keys do not raise it."""

PATHS_PER_PROBLEM = 10


def document(summary: RunSummary, totals: Totals, samples: Samples) -> dict[str, Any]:
    """Return the JSON document of a run: bounded in size, free of lines (those are in the CSV)."""
    return {
        "format": FORMAT,
        "verdict": str(verdict(summary, totals)),
        "story": story(summary, totals),
        "run": _run(summary),
        "counters": counters_by_name(totals),
        "totals": {
            "lines": totals.lines,
            "bytes_copied": totals.bytes_copied,
            "bytes_waiting": totals.bytes_waiting,
            "by_action": {
                str(action): {str(outcome): totals.matrix.get((action, outcome), 0) for outcome in Outcome}
                for action in Action
            },
            "by_outcome": {str(outcome): totals.count(outcome=outcome) for outcome in Outcome},
            "mistakes": totals.problems(),
        },
        "audit": dict(summary.audit) or None,
        "scrub": dict(summary.scrub) or None,
        "problems": [_problem(problem) for problem in samples.problems],
        "spending": _spending(summary.spending),
        "files": {"csv": CSV_NAME, "html": HTML_NAME},
    }


def _run(summary: RunSummary) -> dict[str, Any]:
    return {
        "route": summary.route,
        "source": summary.source_label,
        "target": summary.target_label,
        "run_id": summary.run_id,
        "dag_id": summary.dag_id or summary.route,
        "mode": summary.mode,
        "dry_run": summary.dry_run,
        "started_at": timestamp(summary.started_at),
        "ended_at": timestamp(summary.ended_at),
        "seconds": round(summary.seconds, 3),
        "plan_id": summary.plan_id,
        "digest": summary.digest,
        "guard": summary.guard,
        "overwrite_guard": summary.overwrite_guard,
        "error": summary.error,
        "pages": summary.pages,
        "items_seen": summary.items_seen,
        "unchanged_documents": summary.unchanged_documents,
        "unchanged_folders": summary.unchanged_folders,
        "debt_left": summary.debt_left,
        "oldest_debt_age": summary.oldest_debt_age,
        "airflow_url": summary.airflow_url,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "outcome": str(problem.outcome),
        "code": problem.code,
        "lines": problem.count,
        "meaning": problem.meaning,
        "next_step": problem.step,
        "paths": [line.path for line in problem.lines[:PATHS_PER_PROBLEM]],
    }


def _spending(spending: Spending) -> dict[str, Any]:
    def amounts(of: Spending) -> dict[str, int]:
        return {
            "source_requests": of.source_requests,
            "source_units": of.source_units,
            "target_calls": of.target_calls,
        }

    return amounts(spending) | {"by_task": {task: amounts(share) for task, share in sorted(spending.by_task.items())}}
