"""Runs of a list route: what they read, apply, hold back, and how they go on after anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.steps.records.book import Book
from tests.steps.records.office import Office

from spfc.errors import (
    AnswerUnreadable,
    Interrupted,
    LeaseHeld,
    PermissionMissing,
    RouteInvalid,
    ServiceBusy,
    SourceSuspicious,
)
from spfc.records.model import Record
from spfc.reporting.model import Verdict
from spfc.sources.records import RecordPage
from spfc.targets.records import Standing
from spfc.transfer.pool import StopSignal

TIGHT = {"policies": {"removal_guard": {"max_items": 3, "max_share": 0.5, "min_items": 1}}}


# Reading and following


def test_the_first_run_reads_everything_and_then_what_changed_meanwhile(office: Office) -> None:
    for _ in range(8):
        office.book.add()
    office.book.interludes[4] = lambda: office.book.edit(1, Title="changed")  # columns, page, page, page
    closed = office.run()
    assert closed.verdict is Verdict.GREEN
    assert office.titles()[1] == "changed"
    assert len(office.rows()) == 8
    assert office.book.asked == [None, "1r8:3", "1r8:6", "1d8"]
    assert office.result["added"] == 8
    assert office.result["updated"] == 1
    assert office.result["full"] == 1
    assert "added 8 rows" in closed.story.lower()


def test_no_change_costs_one_request(office: Office) -> None:
    office.fill()
    calls = office.book.calls
    closed = office.run()
    assert office.book.calls == calls + 1
    assert (closed.verdict, closed.story) == (
        Verdict.GREEN, "Nothing had changed in the list: the table is in sync.",
    )  # fmt: skip
    assert office.book.binds == [True, False]
    assert closed.summary.now == Standing(8, 0)


def test_adds_edits_deletions_and_restores_are_followed(office: Office) -> None:
    office.fill()
    office.book.edit(2, Title="two")
    office.book.delete(3)
    office.book.add(Title="nine")
    closed = office.run()
    assert office.told() == [(2, "updated"), (9, "added"), (3, "deleted")]
    assert office.csv_lines(closed)[1][:3] == ["2", "updated", "new version"]
    office.book.restore(3)
    office.run()
    assert office.told() == [(3, "added")]
    assert office.titles() == {n: r.values["Title"] for n, r in office.book.items.items()}


def test_a_list_far_above_5000_rows(tmp_path: Path) -> None:
    office = Office(tmp_path, book=Book(page_size=5000))
    for _ in range(12_001):
        office.book.add()
    closed = office.run()
    assert closed.summary.now == Standing(12_001, 0)
    assert office.log() == []  # rows of the first reading are only counted
    assert office.result["pages"] == 4
    office.book.delete(12_001)
    office.run()
    assert office.told() == [(12_001, "deleted")]


def test_a_full_run_heals_what_the_feed_never_told(office: Office) -> None:
    office.fill()
    office.book.silent = {4}
    office.book.delete(4)
    office.book.alter_quietly(5, Title="the looked-up item was renamed")
    office.run()
    assert 4 in office.rows()
    office.run(mode="full")
    assert office.told() == [(5, "updated"), (4, "deleted")]
    assert office.titles()[5] == "the looked-up item was renamed"
    assert 4 not in office.rows()


def test_everything_is_read_every_so_many_days(office: Office) -> None:
    office.fill()
    office.clock.now += 8 * 86_400
    office.run()
    assert office.book.asked[0] is None
    assert office.result["unchanged"] == 8
    office.book.asked.clear()
    office.run()
    assert office.book.asked == ["1d8"]


def test_a_full_run_that_is_tried_again_does_not_read_everything_twice(office: Office) -> None:
    office.fill()
    office.sync("r", mode="full")
    asked = len(office.book.asked)
    office.sync("r", mode="full")
    assert office.book.asked[asked:] == ["1d8"]
    office.close()
    office.book.asked.clear()
    office.sync("r", mode="full")  # cleared by a person
    assert office.book.asked[0] is None


# The defects of the older library (Graph reference 7.1)


def test_defect_1_deleted_then_restored_within_a_page_lives(office: Office) -> None:
    office.fill()
    office.book.delete(2)
    office.book.restore(2)
    office.book.edit(3, Title="3")
    office.book.delete(3)
    office.run()
    assert 2 in office.rows()
    assert 3 not in office.rows()


def test_defect_1_also_when_a_page_breaks_its_promise_and_tells_both(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.fill()
    told = (Record(2, deleted=True), Record(2, "9", {"Title": "back"}), Record(3, "9"), Record(3, deleted=True))
    monkeypatch.setattr(office.book, "changes", lambda cursor: RecordPage(told, "1d8", complete=True))
    office.run()
    assert office.titles()[2] == "back"
    assert 3 not in office.rows()


def test_defect_2_a_failing_change_query_fails_the_run_and_loses_nothing(office: Office) -> None:
    office.fill()
    office.book.edit(2, Title="two")
    office.book.delete(3)
    before = office.rows()
    office.book.trouble[office.book.calls + 1] = ServiceBusy("Broken.")
    closed = office.run()
    assert closed.verdict is Verdict.FAILED
    assert "Broken." in closed.story
    assert office.rows() == before
    office.run()
    assert office.told() == [(2, "updated"), (3, "deleted")]


@pytest.mark.parametrize("after_commit", [False, True])
def test_defect_3_a_crash_at_the_last_page_costs_no_full_reading(
    office: Office, monkeypatch: pytest.MonkeyPatch, after_commit: bool
) -> None:
    for _ in range(8):
        office.book.add()
    from spfc.targets.sql_table import SqlTable

    sweep = SqlTable.sweep

    def dies(self: SqlTable, *args: object, **more: object) -> object:
        if after_commit:
            sweep(self, *args, **more)  # type: ignore[arg-type]
        raise ServiceBusy("The machine died.")

    with monkeypatch.context() as patch:
        patch.setattr(SqlTable, "sweep", dies)
        assert office.run().verdict is Verdict.FAILED
    assert office.book.asked == [None, "1r8:3", "1r8:6"]
    office.book.asked.clear()
    assert office.run().verdict is Verdict.GREEN
    assert office.book.asked[0] == ("1d8" if after_commit else "1r8:6")
    assert None not in office.book.asked
    # Between rounds there is always a cursor.
    table = office.table()
    state = table.load()
    assert state is not None
    assert (state.cursor, state.page) == ("1d8", None)
    table.close()


def test_defect_4_deletions_above_the_highest_id_are_seen(office: Office) -> None:
    office.fill()
    office.book.delete(8)
    office.run()
    assert office.told() == [(8, "deleted")]
    office.book.silent = {7}
    office.book.delete(7)
    office.run()
    assert 7 in office.rows()
    office.run(mode="full")
    assert office.told() == [(7, "deleted")]
    assert max(office.rows()) == 6


def test_changes_during_the_scan_are_in_the_round_after_it(office: Office) -> None:
    for _ in range(8):
        office.book.add()

    def meanwhile() -> None:
        office.book.delete(1)
        office.book.edit(2, Title="two")
        office.book.add()

    office.book.interludes[4] = meanwhile
    office.run()
    assert set(office.rows()) == {2, 3, 4, 5, 6, 7, 8, 9}
    assert office.titles()[2] == "two"


# Time box and stop


def test_the_time_box_ends_a_run_between_pages_and_the_next_one_goes_on_there(office: Office) -> None:
    for _ in range(8):
        office.book.add()
    office.fields = {"limits": {"time_box_minutes": 1}}
    office.book.interludes[3] = lambda: setattr(office.clock, "now", office.clock.now + 60)
    closed = office.run()
    assert closed.verdict is Verdict.ATTENTION
    assert "time box" in closed.story
    assert office.book.asked == [None, "1r8:3"]
    assert len(office.rows()) == 6
    office.book.asked.clear()
    assert office.run().verdict is Verdict.GREEN
    assert office.book.asked[0] == "1r8:6"
    assert len(office.rows()) == 8


def test_a_full_run_goes_on_with_a_reading_that_is_under_way(office: Office) -> None:
    for _ in range(8):
        office.book.add()
    office.book.trouble[4] = ServiceBusy("Broken.")
    office.run()
    office.book.asked.clear()
    office.run(mode="full")
    assert office.book.asked[0] == "1r8:6"


def test_a_task_that_was_told_to_stop_says_so(office: Office) -> None:
    for _ in range(8):
        office.book.add()
    stop = StopSignal(office.clock, 1e12)
    office.book.interludes[3] = stop.hurry
    with pytest.raises(Interrupted):
        office.sync("r", stop)
    office.sync("r")
    assert office.result["added"] == 8
    assert office.result["pages"] == 4
    assert office.close().verdict is Verdict.GREEN


# Fresh starts


def test_a_lost_position_begins_a_new_generation(office: Office) -> None:
    office.fill()
    office.book.silent = {3}
    office.book.delete(3)
    office.book.edit(1, Title="one")
    office.book.forget()
    assert office.run().verdict is Verdict.GREEN
    assert office.result["generation"] == 2
    assert office.told() == [(1, "updated"), (3, "deleted")]


def test_the_offered_link_is_tried_and_never_stored(office: Office) -> None:
    office.fill()
    office.book.forget(offers="fresh")
    office.run()
    assert office.book.asked[:3] == ["1d8", "fresh", "2r8:3"]
    assert len(office.rows()) == 8


def test_an_offered_link_that_does_not_work_is_left_for_the_beginning(office: Office) -> None:
    office.fill()
    office.book.forget(offers="fresh")
    office.book.trouble[office.book.calls + 3] = PermissionMissing("No.")
    office.run()
    assert office.book.asked[:3] == ["1d8", None, "2r8:3"]


def test_endless_resyncs_end(office: Office) -> None:
    office.fill()
    original = office.book.changes

    def always_gone(cursor: str | None) -> RecordPage:
        office.book.epoch += 1
        return original(cursor or "0d0")

    office.book.changes = always_gone  # type: ignore[method-assign]
    closed = office.run()
    assert closed.verdict is Verdict.FAILED
    assert "4 times" in closed.story
    assert len(office.rows()) == 8


def test_links_in_a_circle_end_the_run_and_the_next_one_begins_anew(office: Office) -> None:
    office.fill()
    original = office.book.changes
    office.book.changes = lambda cursor: RecordPage((), "1d8", complete=False)  # type: ignore[method-assign]
    with pytest.raises(AnswerUnreadable):
        office.sync()
    office.close()
    office.book.changes = original  # type: ignore[method-assign]
    assert office.run().verdict is Verdict.GREEN
    assert office.book.asked[0] is None


# Guard, marks, purge


def test_a_list_that_shows_nothing_removes_nothing(office: Office) -> None:
    office.fill()
    kept = dict(office.book.items)
    office.book.items.clear()
    with pytest.raises(SourceSuspicious) as caught:
        office.sync(mode="full")
    assert "8 rows" in str(caught.value)
    assert "purge" in caught.value.hint
    assert office.close().verdict is Verdict.FAILED
    assert len(office.rows()) == 8
    office.book.items.update(kept)
    assert office.run().verdict is Verdict.GREEN
    assert office.log() == []
    assert len(office.rows()) == 8


def test_a_list_that_was_emptied_on_purpose(office: Office) -> None:
    office.fields = TIGHT
    office.fill()
    office.book.items.clear()
    closed = office.run(mode="full", purge=True)
    assert closed.verdict is Verdict.ATTENTION
    assert office.standing() == Standing(0, 8)
    assert office.run(purge=True).verdict is Verdict.GREEN
    assert office.standing() == Standing(0, 0)
    assert {action for _, action in office.told()} == {"purged"}


def test_too_many_deletions_are_held_and_purged_when_somebody_agrees(office: Office) -> None:
    office.fields = TIGHT
    office.fill(20)
    for number in range(1, 9):
        office.book.delete(number)
    closed = office.run()
    # Pages of three: the first is within the limits, the second brings the run above them.
    assert [action for _, action in office.told()] == ["deleted"] * 3 + ["held"] * 5
    assert closed.verdict is Verdict.ATTENTION
    assert "6 of 20 rows" in closed.story or "8 of 20 rows" in closed.story
    assert "purge" in closed.story
    assert set(office.rows()) == set(range(9, 21))
    # It stays so until somebody decides.
    assert office.run().verdict is Verdict.ATTENTION
    assert office.standing() == Standing(12, 5)
    assert office.run(purge=True).verdict is Verdict.GREEN
    assert office.standing() == Standing(12, 0)
    assert office.told() == [(number, "purged") for number in range(4, 9)]


def test_the_guard_counts_over_pages_tries_and_sweeps(office: Office) -> None:
    office.fields = TIGHT
    office.fill(20)
    for number in (1, 2, 3):
        office.book.delete(number)
    office.book.trouble[office.book.calls + 2] = ServiceBusy("Broken.")
    office.book.edit(4, Title="4")
    with pytest.raises(ServiceBusy):
        office.sync("r")
    office.book.silent = {5}
    office.book.delete(5)
    office.sync("r", mode="full")
    assert office.told()[-1] == (5, "held")  # the fourth of this run


def test_a_purge_spares_what_its_own_run_marks(office: Office) -> None:
    office.fields = TIGHT
    office.fill(20)
    for number in range(1, 9):
        office.book.delete(number)
    office.run(purge=True)
    assert office.standing() == Standing(12, 5)


def test_a_restored_row_loses_its_mark(office: Office) -> None:
    office.fields = {"policies": {"removals": "mark"}}
    office.fill()
    office.book.delete(2)
    closed = office.run()
    assert closed.verdict is Verdict.GREEN
    assert office.told() == [(2, "marked")]
    assert office.standing() == Standing(7, 1)
    office.book.restore(2)
    office.run()
    assert office.told() == [(2, "restored")]
    assert office.standing() == Standing(8, 0)


# Leases, histories, places


def test_two_runs_at_once_are_refused(office: Office) -> None:
    office.fill()
    office.sync("first")
    with pytest.raises(LeaseHeld):
        office.sync("second")


def test_a_task_whose_lease_was_taken_over_cannot_write(office: Office) -> None:
    office.fill()
    office.book.edit(1, Title="one")
    old = office.context("old")

    def overtaken() -> None:
        office.clock.now += 3600
        office.run()

    office.book.interludes[office.book.calls + 1] = overtaken
    from spfc.errors import LeaseLost
    from spfc.steps.records import sync_list

    with pytest.raises(LeaseLost), old.task("sync"):
        sync_list(old, StopSignal(office.clock, 1e12))
    assert office.told() == [(1, "updated")]
    assert office.titles()[1] == "one"


def test_a_route_that_is_pointed_elsewhere_is_refused(office: Office) -> None:
    office.fill()
    office.fields = {"target": {"type": "sql_table", "connection": "other", "table": "items"}}
    with pytest.raises(RouteInvalid):
        office.sync()


def test_another_list_under_the_old_name_is_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.fill()
    office.fields = {"source": {"type": "sharepoint_list", "hostname": "h", "site": "/s", "list": "Renamed"}}
    monkeypatch.setattr(office.book, "bind", lambda known: {"identity": "list-2"})
    with pytest.raises(RouteInvalid):
        office.sync()
    monkeypatch.setattr(office.book, "bind", lambda known: {"identity": "list-1"})
    assert office.run().verdict is Verdict.FAILED or len(office.rows()) == 8


def test_a_table_that_vanished_is_filled_again(office: Office) -> None:
    office.fill()
    import sqlite3

    with sqlite3.connect(office.folder / "lists.db") as connection:
        connection.execute("DROP TABLE items")
    connection.close()
    assert office.run().verdict is Verdict.GREEN
    assert len(office.rows()) == 8


def test_failures_in_a_row_become_an_incident(office: Office) -> None:
    office.fill()
    stories = []
    for _ in range(4):
        office.book.trouble[office.book.calls + 1] = ServiceBusy("Broken.")
        stories.append(office.run())
    assert [closed.summary.failures.runs for closed in stories] == [1, 2, 3, 4]
    assert [closed.summary.incident for closed in stories] == [False, False, True, True]
    assert "4 failed runs in a row, since" in stories[-1].summary.error
    assert "4 failed runs in a row" in office.ledger_row().error
    again = office.close()
    assert again.summary.error == stories[-1].summary.error
    assert office.run().summary.failures.runs == 0
    office.book.trouble[office.book.calls + 1] = ServiceBusy("Broken.")
    assert office.run().summary.failures.runs == 1


def test_a_run_that_ended_without_a_word_is_no_success(office: Office) -> None:
    office.run_id = "never"
    closed = office.close()
    assert closed.verdict is Verdict.FAILED
    assert "did not say why" in closed.story


def test_closing_works_when_the_database_is_gone(office: Office) -> None:
    office.fill()
    office.book.edit(1, Title="one")
    office.sync()
    office.url = "sqlite:////nowhere/at/all/lists.db"
    closed = office.close()
    assert closed.summary.applied.touched == 1
    assert closed.summary.now is None
