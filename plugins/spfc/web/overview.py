"""The list of runs as HTML, in the dress of the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from spfc.reporting.model import Verdict
from spfc.reporting.page import VERDICTS, environment
from spfc.web.shelf import Shelved


@cache
def _templates() -> Environment:
    shared = environment()
    loaders = [FileSystemLoader(Path(__file__).with_name("templates")), shared.loader]
    return shared.overlay(loader=ChoiceLoader([loader for loader in loaders if loader is not None]))


def overview(groups: Mapping[str, Sequence[Shelved]], top: str) -> str:
    """Return the page that lists runs by route; ``top`` leads from it to the list of all routes."""
    rows = {route: [_row(run) for run in runs] for route, runs in groups.items()}
    return _templates().get_template("runs.html.j2").render(groups=rows, top=top)


def _row(report: Shelved) -> dict[str, Any]:
    """Return what a row shows; what an older format lacks stays empty rather than failing the page."""
    run, totals = report.content["run"], report.content.get("totals", {})
    counters, rows = report.content.get("counters", {}), report.content.get("rows", {})
    calm_rehearsal = bool(run.get("dry_run")) and report.verdict is Verdict.GREEN
    return {
        "run": report.run,
        "tone": "blue" if calm_rehearsal else str(report.verdict),
        "verdict_words": "Rehearsal" if calm_rehearsal else VERDICTS[report.verdict],
        "story": str(report.content.get("story", "")),
        "started": str(run.get("started_at", "")).replace("T", " ").rstrip("Z"),
        "seconds": float(run.get("seconds") or 0),
        "mode": str(run.get("mode", "")),
        "dry_run": bool(run.get("dry_run")),
        "copied": int(counters.get("new_uploads", 0))
        + int(counters.get("updated_files", 0))
        + int(rows.get("touched", 0)),
        "bytes": int(totals.get("bytes_copied", 0)),
        "errors": int(counters.get("errors", 0)),
        "csv": bool(report.content.get("files", {}).get("csv", True)),
        "owed": int(run.get("debt_left") or 0),
    }
