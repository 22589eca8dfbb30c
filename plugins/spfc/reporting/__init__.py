"""Outcomes become totals, CSV, JSON and HTML. Takes values, knows neither Airflow nor the ledger."""

from __future__ import annotations

from spfc.reporting.model import LineOutcome, RunSummary, Spending, Verdict
from spfc.reporting.places import reports_root
from spfc.reporting.report import ReportFiles, write_report
from spfc.reporting.tally import count_lines
from spfc.reporting.totals import Counters, Totals, TotalsMismatch, verdict
from spfc.reporting.writers import report_folder, safe_run_id

__all__ = [
    "Counters",
    "LineOutcome",
    "ReportFiles",
    "RunSummary",
    "Spending",
    "Totals",
    "TotalsMismatch",
    "Verdict",
    "count_lines",
    "report_folder",
    "reports_root",
    "safe_run_id",
    "verdict",
    "write_report",
]
