"""What happened and why, in one sentence."""

from __future__ import annotations

from spfc.planning.audit import Drift
from spfc.planning.model import Action, Outcome
from spfc.reporting.model import RunSummary
from spfc.reporting.totals import Totals
from spfc.wording import duration, plural, size


def story(summary: RunSummary, totals: Totals) -> str:
    """Return one or two sentences for the top of the page and for the log."""
    if summary.error:
        return f"The run stopped after {duration(summary.seconds)}: {summary.error}"
    if totals.problems():
        return "The sums of this report do not add up, so it must not be trusted: " + " ".join(totals.problems())
    if summary.dry_run:
        return _rehearsal(totals)
    done, left = _deeds(totals), _leftovers(summary, totals)
    if not done and not left:
        return _calm(summary)
    took = duration(summary.seconds)
    if not left:
        return f"{_sentence(done)} in {took}; nothing is owed."
    deeds = f"{_sentence(done)} in {took}." if done else f"Nothing else was done in {took}."
    return f"{_sentence(left)}. {deeds}"


def _calm(summary: RunSummary) -> str:
    """Return what a run says that had nothing to do; one that looked at the target says what it saw there."""
    audit, scrub = summary.audit, summary.scrub
    if scrub:
        found = [f"{number:,} {name}" for name, number in scrub.items() if name != "read" and number]
        return f"Read {plural(scrub['read'], 'old copy', 'old copies')} back: {', '.join(found) or 'no difference'}."
    if not audit:
        return "Nothing had changed at the source: the target is in sync."
    seen = f"{plural(audit['entries'], 'entry', 'entries')} in {plural(audit['folders'], 'folder')}"
    found = [f"{audit[drift]:,} {drift}" for drift in Drift if drift is not Drift.RETAGGED and audit[drift]]
    return f"Compared {seen} at the target: {', '.join(found) or 'no difference'}. There was nothing to do."


def _rehearsal(totals: Totals) -> str:
    copies = totals.count(Action.UPLOAD) + totals.count(Action.UPDATE)
    return (
        f"Rehearsal only, nothing was changed: the plan holds {plural(totals.lines, 'line')}, would copy "
        f"{plural(copies, 'file')} ({size(totals.bytes_waiting)}), move {totals.count(Action.MOVE):,} "
        f"and remove {totals.count(Action.REMOVE):,}."
    )


def _deeds(totals: Totals) -> list[str]:
    def done(action: Action) -> int:
        return totals.count(action, Outcome.DONE)

    copies = done(Action.UPLOAD) + done(Action.UPDATE)
    deeds = (
        (copies, f"copied {plural(copies, 'file')} ({size(totals.bytes_copied)})"),
        (done(Action.CREATE_FOLDER), f"created {plural(done(Action.CREATE_FOLDER), 'folder')}"),
        (done(Action.MOVE), f"moved {plural(done(Action.MOVE), 'item')}"),
        (done(Action.REMOVE), f"removed {plural(done(Action.REMOVE), 'item')}"),
        (done(Action.ADOPT), f"adopted {plural(done(Action.ADOPT), 'item')} already there"),
        (done(Action.RECORD), f"recorded {plural(done(Action.RECORD), 'change')} of properties"),
    )
    return [text for number, text in deeds if number]


def _leftovers(summary: RunSummary, totals: Totals) -> list[str]:
    failed, held, deferred = (
        totals.count(outcome=outcome) for outcome in (Outcome.FAILED, Outcome.HELD, Outcome.DEFERRED)
    )
    items = (
        (failed, f"{plural(failed, 'line')} failed"),
        (held, f"{plural(held, 'line')} held until somebody decides"),
        (deferred, f"{plural(deferred, 'line')} left to the next run"),
        (
            0 if failed or held or deferred else summary.debt_left,
            f"{plural(summary.debt_left, 'item')} still owed",
        ),
    )
    return [text for number, text in items if number]


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _sentence(parts: list[str]) -> str:
    text = _join(parts)
    return text[0].upper() + text[1:]
