"""Leases, plans, outcomes, runs and costs: who may write, what was wanted, how it ended, what it cost."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select
from tests.planning.trees import ROOT, file, folder, synced

from spfc.errors import LeaseHeld, LeaseLost, LedgerUnavailable
from spfc.ledger.cursors import Cursor, load_cursor, store_cursor
from spfc.ledger.database import Database
from spfc.ledger.debts import debt_summary
from spfc.ledger.leases import LEASE_SECONDS, release_lease, renew_lease, take_lease
from spfc.ledger.observations import load_synced, store_items
from spfc.ledger.outcomes import (
    LineResult,
    count_outcomes,
    end_open_lines,
    has_misplaced_below,
    record_results,
)
from spfc.ledger.plans import (
    LineDigest,
    add_lines,
    copy_sizes,
    discard_lines,
    item_history,
    load_manifest,
    new_plan_id,
    seal,
    set_batches,
    stored_lines,
    verify_seal,
)
from spfc.ledger.rows import synced_row, upsert
from spfc.ledger.runs import Cost, RunRow, add_cost, begin_run, load_run, recent_runs, run_costs, total_cost, update_run
from spfc.ledger.schema import debt, plan_lines, synced_items
from spfc.planning.model import Action, Kind, Outcome, PlanLine, Reason, SourceItem

R, PLAN = "route", "route.1.1"
A, FILE = folder("a", "root", "A"), file("1", "a", "f.txt")


# -- leases ----------------------------------------------------------------------------------------------------


def test_a_held_route_is_refused_and_its_holder_may_come_again(database: Database) -> None:
    with database.writing() as connection:
        fence = take_lease(connection, R, "one", 100.0)
        assert take_lease(connection, R, "one", 200.0) == fence
        with pytest.raises(LeaseHeld, match="one"):
            take_lease(connection, R, "two", 200.0 + LEASE_SECONDS - 1)
        assert take_lease(connection, "another", "two", 100.0) == 1


def test_an_expired_lease_is_taken_over_with_a_higher_number(database: Database) -> None:
    with database.writing() as connection:
        old = take_lease(connection, R, "one", 100.0)
        new = take_lease(connection, R, "two", 100.0 + LEASE_SECONDS + 1)
        assert new > old
        with pytest.raises(LeaseLost):
            renew_lease(connection, R, old, 3000.0)
        release_lease(connection, R, old)
        with pytest.raises(LeaseHeld):
            take_lease(connection, R, "three", 2000.0)


def test_a_released_route_is_free_at_once_and_numbers_only_grow(database: Database) -> None:
    with database.writing() as connection:
        fences = []
        for holder in ("one", "two", "one"):
            fences.append(take_lease(connection, R, holder, 1.0))
            release_lease(connection, R, fences[-1])
        assert fences == sorted(set(fences))


def test_renewing_keeps_others_out(database: Database) -> None:
    with database.writing() as connection:
        fence = take_lease(connection, R, "one", 0.0)
        renew_lease(connection, R, fence, LEASE_SECONDS)
        with pytest.raises(LeaseHeld):
            take_lease(connection, R, "two", 2 * LEASE_SECONDS - 1)


def test_only_one_of_many_first_runs_wins(database: Database) -> None:
    won: list[int] = []
    lost: list[LeaseHeld] = []
    start = threading.Barrier(6)

    def compete(name: str) -> None:
        start.wait(10)
        try:
            with database.writing() as connection:
                won.append(take_lease(connection, R, name, 1.0))
        except LeaseHeld as error:
            lost.append(error)

    threads = [threading.Thread(target=compete, args=(f"run {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(won), len(lost)) == (1, 5)


# -- cursors and runs ------------------------------------------------------------------------------------------


def test_a_cursor_comes_back_as_it_went(database: Database) -> None:
    cursor = Cursor({"drive_id": "b!x", "site": "ü"}, "https://x?token=1", True, False, 3, 5.5, 4.5, "scope")
    with database.writing() as connection:
        assert load_cursor(connection, R) is None
        store_cursor(connection, R, Cursor())
        assert load_cursor(connection, R) == Cursor()
        store_cursor(connection, R, cursor)
        assert load_cursor(connection, R) == cursor


def test_a_retried_task_keeps_the_start_of_its_run(database: Database) -> None:
    with database.writing() as connection:
        begin_run(connection, RunRow(R, "run", 1.0, mode="full"))
        update_run(connection, R, "run", verdict="green", totals={"errors": 0}, items_seen=7)
        begin_run(connection, RunRow(R, "run", 9.0))
        begin_run(connection, RunRow(R, "later", 10.0))
        expected = RunRow(R, "run", 1.0, mode="full", verdict="green", totals={"errors": 0}, items_seen=7)
        assert load_run(connection, R, "run") == expected
        assert load_run(connection, R, "nobody") is None
        assert [run.run_id for run in recent_runs(connection, R)] == ["later", "run"]


def test_costs_of_retried_tasks_add_up(database: Database) -> None:
    with database.writing() as connection:
        add_cost(connection, R, "run", "enumerate", Cost(1, 2, 0))
        add_cost(connection, R, "run", "enumerate", Cost(3, 4, 5))
        add_cost(connection, R, "run", "transfer[0]", Cost(10, 10, 10))
        assert run_costs(connection, R, "run") == {"enumerate": Cost(4, 6, 5), "transfer[0]": Cost(10, 10, 10)}
        assert total_cost(connection, R, "run") == Cost(14, 16, 15)
        assert total_cost(connection, R, "nobody") == Cost()


# -- plans -----------------------------------------------------------------------------------------------------


def upload(item: SourceItem, size: int = 3) -> PlanLine:
    path = f"/A/{item.name}"
    return PlanLine(Action.UPLOAD, Reason.NEW, item.id, item.kind, path, path, parent_id="a", size=size,
                    evidence={"b": 1, "a": None, "ü": "é"})  # fmt: skip


def planned(connection: Connection, *lines: PlanLine, plan_id: str = PLAN) -> None:
    digest = LineDigest()
    for seq, line in enumerate(lines):
        digest.add(seq, line)
    add_lines(connection, R, plan_id, [(seq, line, Outcome.PENDING) for seq, line in enumerate(lines)])
    manifest = {"digest": digest.value(), "counts": {"upload": len(lines)}}
    seal(connection, plan_id=plan_id, route=R, run_id="run", now=1.0, manifest=manifest)


def test_lines_come_back_as_they_were_planned(database: Database) -> None:
    lines = [upload(FILE), PlanLine(Action.MOVE, Reason.MOVED, "a", Kind.FOLDER, "/B", "/B", "root", "/A")]
    with database.writing() as connection:
        planned(connection, *lines)
        assert [stored.line for stored in stored_lines(connection, PLAN)] == lines
        assert [stored.seq for stored in stored_lines(connection, PLAN, actions=(Action.MOVE,))] == [1]
        assert list(stored_lines(connection, PLAN, outcomes=(Outcome.DONE,))) == []
        assert load_manifest(connection, PLAN)["counts"] == {"upload": 2}
        with pytest.raises(LedgerUnavailable, match="no plan"):
            load_manifest(connection, "unknown")


@pytest.mark.parametrize(
    "change", [{"target_path": "/elsewhere"}, {"action": "remove"}, {"size": 4}, {"evidence": "{}"}, {"seq": 5}]
)
def test_the_seal_breaks_when_a_line_is_changed(database: Database, change: dict[str, object]) -> None:
    with database.writing() as connection:
        planned(connection, upload(FILE), upload(file("2", "a", "g")))
        assert verify_seal(connection, PLAN)
        connection.execute(plan_lines.update().where(plan_lines.c.seq == 0).values(**change))
        assert not verify_seal(connection, PLAN)


def test_the_seal_breaks_when_a_line_is_added_or_taken(database: Database) -> None:
    with database.writing() as connection:
        planned(connection, upload(FILE), upload(file("2", "a", "g")))
        add_lines(connection, R, PLAN, [(9, upload(file("3", "a", "h")), Outcome.PENDING)])
        assert not verify_seal(connection, PLAN)
        connection.execute(plan_lines.delete().where(plan_lines.c.seq >= 1))
        assert not verify_seal(connection, PLAN)


def test_how_a_line_ends_does_not_touch_the_seal(database: Database) -> None:
    with database.writing() as connection:
        planned(connection, upload(FILE))
        record(connection, LineResult(0, "1", Outcome.FAILED, code="x"))
        set_batches(connection, PLAN, [(0, 3)])
        assert verify_seal(connection, PLAN)


def test_plan_ids_count_sealed_plans_of_a_lease(database: Database) -> None:
    with database.writing() as connection:
        assert new_plan_id(connection, "a_b", 1) == "a_b.1.1"
        planned(connection, upload(FILE), plan_id="axb.1.1")
        planned(connection, upload(FILE), plan_id="a_b.1.1")
        planned(connection, upload(FILE), plan_id="a_b.11.1")
        assert new_plan_id(connection, "a_b", 1) == "a_b.1.2", "'_' in a route name is no wildcard"
        assert new_plan_id(connection, "a_b", 2) == "a_b.2.1"


def test_batches_and_the_sizes_they_are_packed_by(database: Database) -> None:
    with database.writing() as connection:
        lines = [upload(file(str(n), "a", f"{n}"), size) for n, size in enumerate([5, 9, 5, 1])]
        planned(connection, *lines)
        assert list(copy_sizes(connection, PLAN)) == [(1, 9), (0, 5), (2, 5), (3, 1)]
        set_batches(connection, PLAN, [(0, 0), (1, 1), (2, 0), (3, 1)])
        assert [stored.seq for stored in stored_lines(connection, PLAN, batch=1)] == [1, 3]
        discard_lines(connection, PLAN)
        assert list(stored_lines(connection, PLAN)) == []


def test_the_history_of_an_item(database: Database) -> None:
    with database.writing() as connection:
        planned(connection, upload(FILE), plan_id="p1")
        planned(connection, upload(FILE), upload(file("2", "a", "g")), plan_id="p2")
        assert [run for run, _, stored in item_history(connection, R, "1")] == ["run", "run"]
        assert item_history(connection, R, "nobody") == []


# -- outcomes --------------------------------------------------------------------------------------------------


def record(connection: Connection, *results: LineResult, now: float = 10.0) -> None:
    record_results(connection, route=R, plan_id=PLAN, run_id="run", now=now, results=results)


def owing(database: Database, *items: SourceItem) -> None:
    with database.writing() as connection:
        store_items(connection, R, items, 1, 1.0)
        planned(connection, *(upload(item) for item in items if item.kind is Kind.FILE))


def debts(connection: Connection) -> dict[str, tuple[int, str, float]]:
    return {row.id: (row.attempts, row.last_code, row.next_try) for row in connection.execute(select(debt))}


def test_a_done_line_its_copy_and_its_debt_change_together(database: Database) -> None:
    owing(database, FILE)
    with database.writing() as connection:
        for _ in range(2):
            record(connection, LineResult(0, "1", Outcome.DONE, synced=synced(FILE)))
            assert load_synced(connection, R, ["1"]) == {"1": synced(FILE)}
            assert debts(connection) == {}
        (line,) = stored_lines(connection, PLAN)
        assert (line.outcome, line.attempts, line.ended_at) == (Outcome.DONE, 2, 10.0)
        assert count_outcomes(connection, PLAN) == {("upload", "done"): (1, 3)}


def test_a_failure_in_the_middle_leaves_neither_outcome_nor_copy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    owing(database, FILE)

    def broken(*_: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr("spfc.ledger.outcomes._settle", broken)
    with pytest.raises(RuntimeError), database.writing() as connection:
        record(connection, LineResult(0, "1", Outcome.DONE, synced=synced(FILE)))
    with database.reading() as connection:
        assert load_synced(connection, R, ["1"]) == {}
        assert debts(connection).keys() == {"1"}
        (line,) = stored_lines(connection, PLAN)
        assert line.outcome is Outcome.PENDING


def test_a_copy_of_an_older_version_stays_owed(database: Database) -> None:
    owing(database, FILE)
    with database.writing() as connection:
        store_items(connection, R, [file("1", "a", "f.txt", "newer")], 1, 2.0)
        record(connection, LineResult(0, "1", Outcome.DONE, synced=synced(FILE)))
        assert debts(connection).keys() == {"1"}


def test_failed_items_wait_longer_each_time(database: Database) -> None:
    owing(database, FILE)
    with database.writing() as connection:
        for attempt, wait in enumerate([0, 600, 3600, 21600, 86400, 86400], 1):
            record(connection, LineResult(0, "1", Outcome.FAILED, code="busy"), now=100.0)
            assert debts(connection) == {"1": (attempt, "busy", 100.0 + wait)}


def test_what_was_deferred_is_tried_again_next_time(database: Database) -> None:
    owing(database, FILE)
    with database.writing() as connection:
        record(connection, LineResult(0, "1", Outcome.DEFERRED, code="target_locked"))
        assert debts(connection) == {"1": (0, "target_locked", 0.0)}


def test_what_a_person_must_settle_waits_an_hour_at_once(database: Database) -> None:
    owing(database, FILE)
    with database.writing() as connection:
        record(connection, LineResult(0, "1", Outcome.HELD, code="target_exists"))
        assert debts(connection) == {"1": (1, "target_exists", 10.0 + 3600)}


def test_skipped_items_are_owed_nothing(database: Database) -> None:
    owing(database, FILE)
    with database.writing() as connection:
        record(connection, LineResult(0, "1", Outcome.SKIPPED))
        assert debts(connection) == {}


def test_a_removed_tree_is_forgotten_with_its_debt(database: Database) -> None:
    inside, elsewhere = file("2", "a", "g", deleted=True), file("3", "root", "h")
    with database.writing() as connection:
        store_items(connection, R, [ROOT, A, FILE, replace(inside, deleted=False), elsewhere], 1, 1.0)
        rows = [synced_row(R, synced(item), "run", 1.0) for item in (ROOT, A, FILE, inside)]
        upsert(connection, synced_items, [*rows, synced_row("other route", synced(FILE), "run", 1.0)])
        store_items(connection, R, [replace(A, deleted=True), inside], 1, 2.0)
        planned(connection, PlanLine(Action.REMOVE, Reason.DELETED_AT_SOURCE, "a", Kind.FOLDER, "/A", "/A"))
        record(connection, LineResult(0, "a", Outcome.DONE, removed=True))
        assert load_synced(connection, R, ["root", "a", "1", "2"]).keys() == {"root"}
        assert load_synced(connection, "other route", ["1"]).keys() == {"1"}
        assert debts(connection).keys() == {"root", "1", "3"}, "what lives stays owed"


def test_a_removal_of_what_left_the_scope_pays_its_debt(database: Database) -> None:
    with database.writing() as connection:
        store_items(connection, R, [ROOT, A, FILE], 1, 1.0)
        upsert(connection, synced_items, [synced_row(R, synced(item), "run", 1.0) for item in (ROOT, A, FILE)])
        store_items(connection, R, [replace(FILE, parent_id="excluded")], 1, 2.0)
        planned(connection, PlanLine(Action.REMOVE, Reason.OUT_OF_SCOPE, "1", Kind.FILE, "/A/f", "/A/f"))
        record(connection, LineResult(0, "1", Outcome.DONE, removed=True))
        assert "1" not in debts(connection)


def test_a_tree_that_holds_something_to_be_moved_out_is_known(database: Database) -> None:
    sub = folder("s", "a", "S")
    with database.writing() as connection:
        store_items(connection, R, [ROOT, A, sub, file("1", "s", "f")], 1, 1.0)
        rows = [synced_row(R, synced(item), "run", 1.0) for item in (ROOT, A, sub, file("1", "s", "f"))]
        upsert(connection, synced_items, rows)
        store_items(connection, R, [replace(A, deleted=True), replace(sub, deleted=True)], 1, 2.0)
        assert not has_misplaced_below(connection, R, "a")
        store_items(connection, R, [file("1", "root", "f")], 1, 3.0)
        assert has_misplaced_below(connection, R, "a")
        assert has_misplaced_below(connection, R, "s")


def test_two_names_that_differ_in_case_cannot_be_written_down(database: Database) -> None:
    owing(database, FILE, file("2", "a", "F.TXT"))
    with pytest.raises(LedgerUnavailable), database.writing() as connection:
        twins = [LineResult(0, "1", Outcome.DONE, synced=synced(FILE)),
                 LineResult(1, "2", Outcome.DONE, synced=synced(file("2", "a", "F.TXT")))]  # fmt: skip
        record(connection, *twins)
    with database.reading() as connection:
        assert load_synced(connection, R, ["1", "2"]) == {}


def test_open_lines_end_as_deferred(database: Database) -> None:
    owing(database, FILE, file("2", "a", "g"))
    with database.writing() as connection:
        record(connection, LineResult(0, "1", Outcome.DONE, synced=synced(FILE)))
        assert end_open_lines(connection, PLAN, 20.0) == 1
        assert end_open_lines(connection, PLAN, 21.0) == 0
        ended = {stored.seq: (stored.outcome, stored.code) for stored in stored_lines(connection, PLAN)}
        assert ended == {0: (Outcome.DONE, ""), 1: (Outcome.DEFERRED, "not_reached")}
        assert debt_summary(connection, R)[0] == 1
