"""Counts the lines of a run in one pass and constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from spfc.planning.model import Action, Kind, Outcome, Reason
from spfc.reporting.model import LineOutcome, RunSummary
from spfc.reporting.totals import Counters, Share, Totals

_CONTENT_ACTIONS = frozenset(Action) - {Action.MOVE, Action.REMOVE}
_COPYING = frozenset({Action.UPLOAD, Action.UPDATE})
_NEWER = frozenset({Reason.CONTENT_CHANGED, Reason.NEWER_AT_SOURCE})
_WAITING = frozenset({Outcome.PENDING, Outcome.HELD, Outcome.DEFERRED})


def _share(line: LineOutcome) -> Share:
    if line.action not in _CONTENT_ACTIONS or line.kind is Kind.LINK:
        return Share.OTHER
    if line.kind is not Kind.FILE:
        return Share.FOLDER
    if line.outcome is Outcome.FAILED:
        return Share.FAILED
    if line.outcome in _WAITING:
        return Share.WAITING
    if line.outcome is Outcome.DONE and line.action in _COPYING:
        return Share.NEW if line.action is Action.UPLOAD else Share.UPDATED
    return Share.SKIPPED


class Tally:
    """Counts lines one at a time, in constant memory; :meth:`totals` gives the sums so far."""

    def __init__(self) -> None:
        self._lines = self._strange = self._disorder = 0
        self._bytes_copied = self._bytes_waiting = 0
        self._last_seq: int | None = None
        self._matrix: Counter[tuple[Action, Outcome]] = Counter()
        self._shares: Counter[str] = Counter()
        self._parts: Counter[str] = Counter()

    def add(self, line: LineOutcome) -> None:
        """Count one line; lines come in ascending ``seq``."""
        self._lines += 1
        if self._last_seq is not None and line.seq <= self._last_seq:
            self._disorder += 1
        self._last_seq = line.seq
        if not _well_formed(line):
            self._strange += 1
            return
        self._matrix[line.action, line.outcome] += 1
        self._shares[_share(line)] += 1
        self._count_bytes(line)
        self._count_parts(line)

    def _count_bytes(self, line: LineOutcome) -> None:
        if line.action not in _COPYING:
            return
        if line.outcome is Outcome.DONE:
            self._bytes_copied += line.size
        elif line.outcome is not Outcome.SKIPPED:
            self._bytes_waiting += line.size

    def _count_parts(self, line: LineOutcome) -> None:
        if line.outcome is Outcome.FAILED:
            self._parts["errors"] += 1
        if line.outcome is not Outcome.DONE:
            return
        if line.kind is Kind.FILE and line.action is Action.ADOPT:
            self._parts["skipped_same_date"] += 1
        elif line.kind is Kind.FILE and line.action is Action.UPDATE and line.reason in _NEWER:
            self._parts["updated_newer_source"] += 1
        elif line.action is Action.CREATE_FOLDER and line.reason is Reason.EMPTY_FOLDER:
            self._parts["empty_folders_created"] += 1

    def totals(
        self,
        *,
        unchanged_documents: int = 0,
        unchanged_folders: int = 0,
        planned_lines: int | None = None,
        may_be_pending: bool = False,
    ) -> Totals:
        """Return the sums of the lines added so far; the arguments are explained at :class:`RunSummary`."""
        shares, parts = self._shares, self._parts
        documents = sum(number for share, number in shares.items() if share not in {Share.FOLDER, Share.OTHER})
        return Totals(
            lines=self._lines,
            matrix=dict(self._matrix),
            shares=dict(shares),
            counters=Counters(
                total_documents=documents + unchanged_documents,
                total_folders=shares[Share.FOLDER] + unchanged_folders,
                new_uploads=shares[Share.NEW],
                updated_files=shares[Share.UPDATED],
                skipped_files=shares[Share.SKIPPED] + unchanged_documents,
                skipped_same_date=parts["skipped_same_date"] + unchanged_documents,
                updated_newer_source=parts["updated_newer_source"],
                empty_folders_created=parts["empty_folders_created"],
                errors=parts["errors"],
            ),
            bytes_copied=self._bytes_copied,
            bytes_waiting=self._bytes_waiting,
            disorder=self._disorder,
            strange=self._strange,
            planned_lines=planned_lines,
            may_be_pending=may_be_pending,
        )

    def totals_of(self, summary: RunSummary) -> Totals:
        """Return the sums with everything the summary knows about the run."""
        return self.totals(
            unchanged_documents=summary.unchanged_documents,
            unchanged_folders=summary.unchanged_folders,
            planned_lines=summary.planned_lines,
            may_be_pending=summary.dry_run or bool(summary.error),
        )


def _well_formed(line: LineOutcome) -> bool:
    pairs = ((line.action, Action), (line.outcome, Outcome), (line.kind, Kind), (line.reason, Reason))
    if not all(isinstance(value, closed_set) for value, closed_set in pairs):
        return False
    return line.kind is Kind.FILE or line.action not in _COPYING


def count_lines(lines: Iterable[LineOutcome], summary: RunSummary | None = None) -> Totals:
    """Return the totals of ``lines`` in one pass and constant memory."""
    tally = Tally()
    for line in lines:
        tally.add(line)
    return tally.totals_of(summary) if summary is not None else tally.totals()
