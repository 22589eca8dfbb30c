"""Honest sums: the counts of a run, whether they add up, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from spfc.errors import RunError
from spfc.planning.model import Action, Outcome
from spfc.reporting.model import RunSummary, Verdict


class TotalsMismatch(RunError):
    """The sums of a report do not add up: some line has no outcome, two, or one that cannot be."""

    code = "totals_mismatch"


@dataclass(frozen=True, slots=True)
class Counters:
    """The nine counters of the predecessor of spfc, each with a stated meaning.

    A *document line* is a plan line of kind file that looks at content: every action but ``move`` and
    ``remove`` (a moved file keeps its content; a removed one is no longer in scope). A *folder line*
    likewise, of kind folder or package. They add up: ``total_documents = new_uploads + updated_files +
    skipped_files`` + documents that failed + documents that wait (held, deferred or pending).
    """

    total_documents: int = 0
    """Documents in scope that the run looked at: document lines, and documents found unchanged."""
    total_folders: int = 0
    """Folders in scope that the run looked at: folder lines, and folders found unchanged."""
    new_uploads: int = 0
    """Documents that were not at the target and were copied: ``upload``, done."""
    updated_files: int = 0
    """Documents whose older copy was replaced: ``update``, done."""
    skipped_files: int = 0
    """Documents looked at for which no byte had to move: excluded, there already, other metadata."""
    skipped_same_date: int = 0
    """The part of ``skipped_files`` whose copy has the same size and date: ``adopt``, done, or unchanged."""
    updated_newer_source: int = 0
    """The part of ``updated_files`` that was replaced because the source is newer: ``content_changed`` (than
    the version we copied) or ``newer_at_source`` (than a file that was there before us)."""
    empty_folders_created: int = 0
    """Folders without any file that were created because the route wants them."""
    errors: int = 0
    """Lines that failed, whatever they wanted to do, folders and removals included."""


class Share(StrEnum):
    """Where a line belongs in the sums: every line has exactly one share."""

    NEW = "new_uploads"
    UPDATED = "updated_files"
    SKIPPED = "skipped_files"
    FAILED = "documents_failed"
    WAITING = "documents_waiting"
    FOLDER = "folders"
    OTHER = "other"


_IMPOSSIBLE = frozenset(
    {(Action.SKIP, outcome) for outcome in (Outcome.DONE, Outcome.HELD, Outcome.DEFERRED, Outcome.FAILED)}
    | {(Action.HOLD, outcome) for outcome in (Outcome.DONE, Outcome.SKIPPED, Outcome.FAILED)}
)
"""A skip changes nothing and can only end skipped; a hold waits for somebody, so it cannot be done or
fail.
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of one run. ``matrix`` counts lines by (action, outcome); sizes are bytes."""

    lines: int
    matrix: Mapping[tuple[Action, Outcome], int]
    shares: Mapping[str, int]
    counters: Counters
    bytes_copied: int = 0
    bytes_waiting: int = 0
    disorder: int = 0
    """Lines whose ``seq`` did not ascend: reported twice, or out of order."""
    strange: int = 0
    """Lines with a value outside its closed set, and copies of something that is no file."""
    planned_lines: int | None = None
    may_be_pending: bool = False
    """True for a dry run and a run that was stopped: there, pending lines are no mistake."""

    def count(self, action: Action | None = None, outcome: Outcome | None = None) -> int:
        """Return how many lines have this action and this outcome; None stands for any."""
        return sum(
            number for (one, other), number in self.matrix.items() if action in (None, one) and outcome in (None, other)
        )

    def problems(self) -> list[str]:
        """Return one sentence for each sum that does not add up; empty when the report is honest."""
        rules = (
            (self.strange, "{} lines have an action, reason, kind or outcome that cannot be."),
            (self.disorder, "{} lines were reported twice or out of order."),
            (self.lines - self.count() - self.strange, "{} lines are missing in the table of outcomes."),
            (self.lines - sum(self.shares.values()) - self.strange, "{} lines belong to no counter."),
            (
                0 if self.planned_lines is None else self.planned_lines - self.lines,
                "{} lines of the plan are missing.",
            ),
            (
                sum(self.matrix.get(pair, 0) for pair in _IMPOSSIBLE),
                "{} lines have an outcome their action cannot have.",
            ),
            (0 if self.may_be_pending else self.count(outcome=Outcome.PENDING), "{} lines have no outcome."),
            (self._documents_off(), "The document counters are off by {}."),
            (self._copies_off(), "The copy counters are off by {}."),
            (self.counters.errors - self.count(outcome=Outcome.FAILED), "The error counter is off by {}."),
        )
        return [sentence.format(number) for number, sentence in rules if number]

    def check(self) -> None:
        """Raise :class:`TotalsMismatch` unless every line has exactly one outcome and all sums add up."""
        if found := self.problems():
            raise TotalsMismatch(
                "The sums of the report do not add up: " + " ".join(found),
                hint="Nothing is lost at the target. Keep CSV and ledger, and report this as a bug of spfc.",
            )

    def _documents_off(self) -> int:
        waiting = self.shares.get(Share.WAITING, 0) + self.shares.get(Share.FAILED, 0)
        known = self.counters.new_uploads + self.counters.updated_files + self.counters.skipped_files
        return abs(self.counters.total_documents - known - waiting)

    def _copies_off(self) -> int:
        """A part larger than its whole, or copies that the table of outcomes does not show."""
        counters = self.counters
        return (
            abs(counters.new_uploads - self.count(Action.UPLOAD, Outcome.DONE))
            + abs(counters.updated_files - self.count(Action.UPDATE, Outcome.DONE))
            + max(0, counters.updated_newer_source - counters.updated_files)
            + max(0, counters.skipped_same_date - counters.skipped_files)
            + max(0, counters.empty_folders_created - self.count(Action.CREATE_FOLDER, Outcome.DONE))
        )


def verdict(summary: RunSummary, totals: Totals) -> Verdict:
    """Return the run at a glance; green means no failure and no debt beyond policy (design, promise 5)."""
    if summary.error or totals.counters.errors or totals.problems():
        return Verdict.FAILED
    waiting = totals.count(outcome=Outcome.HELD) + totals.count(outcome=Outcome.DEFERRED)
    owed = 0 if summary.dry_run else summary.debt_left + totals.count(outcome=Outcome.PENDING)
    if waiting or owed or summary.guard or summary.overwrite_guard or totals.count(Action.HOLD):
        return Verdict.ATTENTION
    return Verdict.GREEN


def counters_by_name(totals: Totals) -> dict[str, int]:
    """Return the nine counters under their names, in their order."""
    return asdict(totals.counters)
