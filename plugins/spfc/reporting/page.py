"""The page people read: one self-contained HTML file, without script or any outside resource."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import IO, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from spfc import __version__, wording
from spfc.planning.audit import Drift
from spfc.planning.model import Action, Outcome
from spfc.reporting.explanations import ACTIONS, explain
from spfc.reporting.markup import path_markup
from spfc.reporting.model import RunSummary, Verdict
from spfc.reporting.samples import Samples
from spfc.reporting.story import story
from spfc.reporting.totals import Totals, counters_by_name, verdict
from spfc.reporting.writers import CSV_NAME, JSON_NAME

TEMPLATES = Path(__file__).with_name("templates")

VERDICTS = {
    Verdict.GREEN: "In sync",
    Verdict.ATTENTION: "Needs attention",
    Verdict.FAILED: "Failed",
}

COUNTER_MEANINGS = {
    "total_documents": "documents in scope that the run looked at",
    "total_folders": "folders in scope that the run looked at",
    "new_uploads": "documents copied for the first time",
    "updated_files": "documents whose older copy was replaced",
    "skipped_files": "documents for which no byte had to move",
    "skipped_same_date": "of these: the copy has the same size and date",
    "updated_newer_source": "of the updated: the content at the source is newer",
    "empty_folders_created": "folders without files that were created",
    "errors": "lines that failed, whatever they wanted to do",
}

AUDIT_MEANINGS = {
    "folders": "folders of the target that were listed",
    "entries": "files and folders seen there",
    Drift.MISSING: "copies that are not there any more",
    Drift.CHANGED: "copies that somebody edited there",
    Drift.RENAMED: "copies whose name was changed there, in case or Unicode form only",
    Drift.RETAGGED: "the same files under another version tag; nothing to do",
    Drift.UNKNOWN: "what spfc did not put there and leaves alone; of a folder only the top",
}

SCRUB_MEANINGS = {
    "read": "old copies that were read back and have the bytes that were copied",
    "missing": "copies that are not there any more; they are brought again",
    "changed": "copies whose bytes, size or time differ from what was copied; they are settled as the policies say",
    "unread": "copies that could not be read this time; they come first in the next run",
}

BACK_MARKER = "<!--spfc:back-->"
"""Where the web plugin puts its link back to the list; in the file itself it is an empty comment."""


@cache
def environment() -> Environment:
    """Return the template environment of the reports: everything escaped, unknown names refused."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        count=wording.count,
        size=wording.size,
        duration=wording.duration,
        moment=wording.moment,
        visible=wording.visible,
        path=path_markup,
        plural=wording.plural,
    )
    made.globals["css"] = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    made.globals["version"] = __version__
    return made


def write_page(stream: IO[str], summary: RunSummary, totals: Totals, samples: Samples) -> None:
    """Write the page piece by piece; its size is bounded by :class:`Samples`, whatever the run did."""
    template = environment().get_template("report.html.j2")
    for piece in template.generate(_view(summary, totals, samples)):
        stream.write(piece)


def _view(summary: RunSummary, totals: Totals, samples: Samples) -> dict[str, Any]:
    copied = totals.counters.new_uploads + totals.counters.updated_files
    return {
        "run": summary,
        "totals": totals,
        "counters": [(name, number, COUNTER_MEANINGS[name]) for name, number in counters_by_name(totals).items()],
        "audit": [(name, summary.audit[name], meaning) for name, meaning in AUDIT_MEANINGS.items() if summary.audit],
        "scrub": [(name, summary.scrub[name], meaning) for name, meaning in SCRUB_MEANINGS.items() if summary.scrub],
        "verdict": verdict(summary, totals),
        "verdict_words": "Rehearsal" if _calm_rehearsal(summary, totals) else VERDICTS[verdict(summary, totals)],
        "story": story(summary, totals),
        "tiles": _tiles(summary, totals),
        "bar": [(outcome, totals.count(outcome=outcome)) for outcome in Outcome if totals.count(outcome=outcome)],
        "outcomes": [outcome for outcome in Outcome if totals.count(outcome=outcome)],
        "rows": [(action, totals.count(action)) for action in Action if totals.count(action)],
        "action_names": ACTIONS,
        "problems": samples.problems,
        "unnamed_problems": samples.unnamed_problems,
        "samples": samples.actions,
        "explain": explain,
        "files_per_second": wording.rate(copied, summary.seconds),
        "bytes_per_second": wording.rate(totals.bytes_copied, summary.seconds),
        "csv_name": CSV_NAME,
        "json_name": JSON_NAME,
        "back_marker": Markup(BACK_MARKER),  # noqa: S704 - our own constant
    }


def _calm_rehearsal(summary: RunSummary, totals: Totals) -> bool:
    return summary.dry_run and verdict(summary, totals) is Verdict.GREEN


def _tiles(summary: RunSummary, totals: Totals) -> list[tuple[str, str, str, str]]:
    """Return (label, number, note, tone) of the figures at the top."""
    counters = totals.counters
    copied = counters.new_uploads + counters.updated_files
    failed, held, deferred = (
        totals.count(outcome=outcome) for outcome in (Outcome.FAILED, Outcome.HELD, Outcome.DEFERRED)
    )
    folders, held_removals = (
        totals.count(Action.CREATE_FOLDER, Outcome.DONE),
        totals.count(Action.REMOVE, Outcome.HELD),
    )
    owed = "nothing" if summary.oldest_debt_age is None else f"oldest {wording.duration(summary.oldest_debt_age)}"
    return [
        (
            "Files copied",
            wording.count(copied),
            f"{counters.new_uploads:,} new, {counters.updated_files:,} updated",
            "",
        ),
        (
            "Data copied",
            wording.size(totals.bytes_copied),
            f"{wording.size(totals.bytes_waiting)} not copied",
            "",
        ),
        (
            "Moved",
            wording.count(totals.count(Action.MOVE, Outcome.DONE)),
            f"{wording.plural(folders, 'folder')} created",
            "",
        ),
        (
            "Removed",
            wording.count(totals.count(Action.REMOVE, Outcome.DONE)),
            f"{held_removals:,} held back",
            "",
        ),
        ("Failed", wording.count(failed), f"{held:,} held, {deferred:,} deferred", "bad" if failed else ""),
        ("Still owed", wording.count(summary.debt_left), owed, "warn" if summary.debt_left else ""),
    ]
