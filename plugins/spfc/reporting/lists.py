"""Everything that there is to say about one run of a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spfc.ledger.runs import Cost
from spfc.records.model import ColumnChange
from spfc.reporting.model import Verdict
from spfc.targets.records import Applied, RowAction, Standing
from spfc.wording import duration, moment, plural


@dataclass(frozen=True, slots=True)
class Streak:
    """Failed runs of a route without a success between them, the newest included. ``since``: start of the first."""

    runs: int = 0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class ListSummary:
    """What the run was, did and left behind; times are seconds since 1970 UTC.

    ``applied`` is exact whatever crashed: it is counted in the transactions that changed the rows. ``now`` is None when
    the database could not be asked. ``quiet``: everything was read, else the next run goes on. ``guard`` is its
    sentence when it held deletions, else empty. ``held`` are rows that wait for somebody to decide, of this run and of
    earlier ones. ``failures`` is empty after a good run; ``incident``: so many that the route calls it one. ``changes``
    is the CSV with a line for every changed row, None when there are none. ``snapshot`` names the file that was
    written, empty for none. ``costs`` are by task.
    """

    route: str
    source_label: str
    target_label: str
    run_id: str
    mode: str
    started_at: float
    ended_at: float
    verdict: Verdict = Verdict.GREEN
    story: str = ""
    error: str = ""
    applied: Applied = field(default_factory=Applied)
    columns: tuple[ColumnChange, ...] = ()
    seen: int = 0
    pages: int = 0
    rounds: int = 0
    full: int = 0
    quiet: bool = True
    now: Standing | None = None
    held: int = 0
    guard: str = ""
    failures: Streak = field(default_factory=Streak)
    incident: bool = False
    changes: Path | None = None
    snapshot: str = ""
    snapshot_bytes: int = 0
    costs: Mapping[str, Cost] = field(default_factory=dict)
    airflow_url: str | None = None
    dag_id: str = ""

    @property
    def seconds(self) -> float:
        """Wall time of the run, never negative."""
        return max(0.0, self.ended_at - self.started_at)


def verdict_of(summary: ListSummary) -> Verdict:
    """Judge a run: failed, something for a person to look at, or all well."""
    if summary.error:
        return Verdict.FAILED
    waits = not summary.quiet or summary.held or summary.applied.unconverted
    return Verdict.ATTENTION if waits else Verdict.GREEN


INCIDENT = " This is an incident: "
"""What stands between the error of a run and how long this has gone on."""


def incident_text(failures: Streak) -> str:
    """Return the sentence that makes a failure an incident."""
    return f"{INCIDENT}{failures.runs} failed runs in a row, since {moment(failures.since)}."


def story_of(summary: ListSummary) -> str:
    """Return what happened, in one or two sentences."""
    took = duration(summary.seconds)
    if summary.error:
        return f"The run stopped after {took}: {summary.error}"
    deeds = _deeds(summary.applied)
    left = _left(summary)
    if not deeds and not left:
        return "Nothing had changed in the list: the table is in sync."
    rows = "" if summary.now is None else f"; the table has {plural(summary.now.living, 'row')}"
    done = f"{deeds[0].upper()}{deeds[1:]} in {took}{rows}." if deeds else f"Nothing was changed in {took}{rows}."
    return " ".join([*left, done])


_DEEDS = (
    (RowAction.ADDED, "added"),
    (RowAction.UPDATED, "updated"),
    (RowAction.RESTORED, "restored"),
    (RowAction.DELETED, "deleted"),
    (RowAction.MARKED, "marked as deleted"),
    (RowAction.PURGED, "purged"),
)


def _deeds(applied: Applied) -> str:
    numbers = [(applied[action], verb) for action, verb in _DEEDS if applied[action]]
    parts = [f"{verb} {plural(number, 'row')}" if not index else f"{verb} {number:,}"
             for index, (number, verb) in enumerate(numbers)]  # fmt: skip
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""


def _left(summary: ListSummary) -> list[str]:
    left = []
    if summary.guard:
        left.append(summary.guard)
    if summary.held:
        left.append(
            f"{plural(summary.held, 'row')} gone from the list wait as marked rows: look at them, and run with the "
            "parameter purge to delete them."
        )
    if not summary.quiet:
        left.append("The time box ended before everything was read; the next run goes on there.")
    if summary.applied.unconverted:
        names = ", ".join(f"{name} ({number:,})" for name, number in sorted(summary.applied.unconverted.items()))
        left.append(f"Values that do not fit their columns are in spfc_unconverted: {names}.")
    return left
