"""Every line is counted once, the sums add up, and a wrong sum is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from spfc.planning.model import Action, Kind, Outcome, Reason
from spfc.reporting import LineOutcome, RunSummary, Totals, TotalsMismatch, Verdict, count_lines, verdict

POSSIBLE = {
    Action.SKIP: (Outcome.SKIPPED,),
    Action.HOLD: (Outcome.HELD, Outcome.DEFERRED),
}
ENDED = tuple(outcome for outcome in Outcome if outcome is not Outcome.PENDING)


@st.composite
def line_lists(draw: st.DrawFn) -> list[LineOutcome]:
    lines = []
    for seq in range(draw(st.integers(0, 30))):
        action = draw(st.sampled_from(Action))
        kind = Kind.FILE if action in (Action.UPLOAD, Action.UPDATE) else draw(st.sampled_from(Kind))
        lines.append(
            LineOutcome(
                seq, action, draw(st.sampled_from(Reason)), f"i{seq}", kind, "/p", "/p",
                size=draw(st.integers(0, 10**13)), outcome=draw(st.sampled_from(POSSIBLE.get(action, ENDED))),
            )
        )  # fmt: skip
    return lines


@seed(20261121)
@given(line_lists(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_sums_add_up_for_any_lines(lines: list[LineOutcome], documents: int, folders: int) -> None:
    summary = RunSummary(
        "r", "s", "t", "run", "full", 0, 1, unchanged_documents=documents, unchanged_folders=folders,
        planned_lines=len(lines),
    )  # fmt: skip
    totals = count_lines(iter(lines), summary)
    totals.check()
    assert totals.lines == len(lines) == sum(totals.count(outcome=outcome) for outcome in Outcome)
    content = [line for line in lines if line.action not in (Action.MOVE, Action.REMOVE)]
    assert totals.counters.total_documents - documents == sum(line.kind is Kind.FILE for line in content)
    assert totals.counters.total_folders - folders == sum(line.kind in (Kind.FOLDER, Kind.PACKAGE) for line in content)
    copying = [line for line in lines if line.action in (Action.UPLOAD, Action.UPDATE)]
    assert totals.bytes_copied == sum(line.size for line in copying if line.outcome is Outcome.DONE)
    assert (verdict(summary, totals) is Verdict.FAILED) == any(line.outcome is Outcome.FAILED for line in lines)


@pytest.mark.parametrize(
    ("counter", "fields"),
    [
        ("new_uploads", {"action": Action.UPLOAD}),
        ("updated_files", {"action": Action.UPDATE, "reason": Reason.PRESENT_AT_TARGET}),
        ("updated_newer_source", {"action": Action.UPDATE, "reason": Reason.CONTENT_CHANGED}),
        ("updated_newer_source", {"action": Action.UPDATE, "reason": Reason.NEWER_AT_SOURCE}),
        ("skipped_files", {"action": Action.SKIP, "outcome": Outcome.SKIPPED, "reason": Reason.EXCLUDED}),
        ("skipped_files", {"action": Action.RECORD, "reason": Reason.METADATA_ONLY}),
        ("skipped_same_date", {"action": Action.ADOPT, "reason": Reason.PRESENT_AT_TARGET}),
        ("total_folders", {"action": Action.CREATE_FOLDER, "kind": Kind.FOLDER}),
        (
            "empty_folders_created",
            {"action": Action.CREATE_FOLDER, "kind": Kind.FOLDER, "reason": Reason.EMPTY_FOLDER},
        ),
        ("errors", {"action": Action.REMOVE, "kind": Kind.FOLDER, "outcome": Outcome.FAILED}),
        ("total_documents", {"action": Action.UPLOAD, "outcome": Outcome.DEFERRED}),
    ],
)
def test_one_line_moves_its_counter(make: Any, counter: str, fields: dict[str, Any]) -> None:
    before = getattr(count_lines([]).counters, counter)
    line = make.line(**{"outcome": Outcome.DONE, **fields})
    totals = count_lines([line])
    totals.check()
    assert (before, getattr(totals.counters, counter)) == (0, 1)


def test_parts_count_in_their_whole(make: Any) -> None:
    make.line(Action.UPDATE, Outcome.DONE, reason=Reason.CONTENT_CHANGED)
    make.line(Action.ADOPT, Outcome.DONE)
    counters = count_lines(make.lines, make.summary(unchanged_documents=5, unchanged_folders=2)).counters
    assert (counters.total_documents, counters.updated_files, counters.updated_newer_source) == (7, 1, 1)
    assert (counters.skipped_files, counters.skipped_same_date, counters.total_folders) == (6, 6, 2)


def test_a_moved_or_removed_file_was_not_looked_at_for_content(make: Any) -> None:
    make.line(Action.MOVE, Outcome.DONE)
    make.line(Action.REMOVE, Outcome.DONE)
    assert count_lines(make.lines).counters.total_documents == 0


SABOTAGE: dict[str, Callable[[Totals], Totals]] = {
    "an outcome moved to another column": lambda t: replace(
        t, matrix={**t.matrix, (Action.UPLOAD, Outcome.DONE): 0, (Action.UPLOAD, Outcome.HELD): 1}
    ),
    "a lost cell": lambda t: replace(t, matrix={}),
    "one upload too many": lambda t: replace(t, counters=replace(t.counters, new_uploads=2)),
    "one document too few": lambda t: replace(t, counters=replace(t.counters, total_documents=2)),
    "a part above its whole": lambda t: replace(t, counters=replace(t.counters, updated_newer_source=9)),
    "a forgotten error": lambda t: replace(t, counters=replace(t.counters, errors=0)),
    "a lost line": lambda t: replace(t, planned_lines=4),
}


@pytest.mark.parametrize("change", SABOTAGE.values(), ids=SABOTAGE)
def test_check_finds_a_wrong_sum(make: Any, change: Callable[[Totals], Totals]) -> None:
    make.line(Action.UPLOAD, Outcome.DONE)
    make.line(Action.UPDATE, Outcome.DONE)
    make.line(Action.UPLOAD, Outcome.FAILED)
    honest = count_lines(make.lines)
    honest.check()
    with pytest.raises(TotalsMismatch, match="do not add up"):
        change(honest).check()


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "dnoe"},
        {"outcome": "done"},
        {"action": "upload"},
        {"kind": Kind.FOLDER},
        {"kind": "file"},
        {"reason": "because"},
        {"outcome": Outcome.PENDING},
        {"action": Action.SKIP},
        {"action": Action.HOLD},
        {"seq": 1},
    ],
)
def test_check_finds_a_mutated_line(make: Any, change: dict[str, Any]) -> None:
    make.line(Action.UPLOAD, Outcome.DONE)
    line = make.line(Action.UPLOAD, Outcome.DONE)
    totals = count_lines([make.lines[0], replace(line, **change)])
    with pytest.raises(TotalsMismatch):
        totals.check()
    assert verdict(make.summary(), totals) is Verdict.FAILED


def test_pending_lines_are_no_mistake_in_a_rehearsal_or_a_stopped_run(make: Any) -> None:
    make.line(Action.UPLOAD, Outcome.PENDING)
    for summary in (make.summary(dry_run=True), make.summary(error="The site is not there.")):
        count_lines(make.lines, summary).check()


@pytest.mark.parametrize(
    ("summary", "lines", "expected"),
    [
        ({}, [], Verdict.GREEN),
        ({}, [(Action.UPLOAD, Outcome.DONE)], Verdict.GREEN),
        ({}, [(Action.SKIP, Outcome.SKIPPED)], Verdict.GREEN),
        ({"dry_run": True, "debt_left": 7}, [(Action.UPLOAD, Outcome.PENDING)], Verdict.GREEN),
        ({"dry_run": True}, [(Action.HOLD, Outcome.PENDING)], Verdict.ATTENTION),
        ({"debt_left": 1}, [], Verdict.ATTENTION),
        ({"guard": "Too many removals."}, [], Verdict.ATTENTION),
        ({}, [(Action.UPLOAD, Outcome.DEFERRED)], Verdict.ATTENTION),
        ({}, [(Action.HOLD, Outcome.HELD)], Verdict.ATTENTION),
        ({}, [(Action.HOLD, Outcome.HELD), (Action.MOVE, Outcome.FAILED)], Verdict.FAILED),
        ({"error": "The site is not there."}, [], Verdict.FAILED),
    ],
)
def test_verdict(make: Any, summary: dict[str, Any], lines: list[Any], expected: Verdict) -> None:
    for action, outcome in lines:
        make.line(action, outcome)
    run = make.summary(**summary)
    assert verdict(run, count_lines(make.lines, run)) is expected
