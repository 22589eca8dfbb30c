"""Write the report of one run: the lines pass by once, and three files appear, each of them whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from spfc.reporting.document import document
from spfc.reporting.model import LineOutcome, RunSummary, Verdict
from spfc.reporting.page import write_page
from spfc.reporting.redaction import redact, redact_line
from spfc.reporting.samples import Samples
from spfc.reporting.story import story
from spfc.reporting.tally import Tally
from spfc.reporting.totals import Totals, verdict
from spfc.reporting.writers import (
    CSV_NAME,
    HTML_NAME,
    JSON_NAME,
    csv_lines,
    replacing,
    report_folder,
    write_json,
)


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """What a report came to, and where its files lie."""

    totals: Totals
    verdict: Verdict
    story: str
    csv: Path
    json: Path
    html: Path


def write_report(folder: Path, summary: RunSummary, lines: Callable[[], Iterable[LineOutcome]]) -> ReportFiles:
    """Write CSV, HTML and JSON of a run below ``<folder>/<route>/<safe run id>/`` and return its totals.

    ``lines`` is called once and read once, in ascending ``seq``; memory does not grow with it. The JSON
    comes last: where it is, the report is complete. Writing again replaces the files, each at once. Sums
    that do not add up are *shown* (verdict failed) rather than raised, so that there is something to look
    at; call ``totals.check()`` on the result to raise. Errors: ``OSError`` when the folder cannot be written,
    :class:`~spfc.errors.RouteInvalid` for a route name that is no plain name.
    """
    where = report_folder(folder, summary.route, summary.run_id)
    clean = replace(
        summary,
        error=redact(summary.error),
        guard=redact(summary.guard),
        overwrite_guard=redact(summary.overwrite_guard),
    )
    tally, samples = Tally(), Samples()
    with csv_lines(where / CSV_NAME) as csv:
        for line in lines():
            line = redact_line(line)
            tally.add(line)
            samples.add(line)
            csv.write(line)
    totals = tally.totals_of(clean)
    with replacing(where / HTML_NAME) as page:
        write_page(page, clean, totals, samples)
    write_json(where / JSON_NAME, document(clean, totals, samples))
    return ReportFiles(
        totals=totals,
        verdict=verdict(clean, totals),
        story=story(clean, totals),
        csv=where / CSV_NAME,
        json=where / JSON_NAME,
        html=where / HTML_NAME,
    )
