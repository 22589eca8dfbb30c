"""Columns of a list that come, go and change their type, and values that do not fit."""

from __future__ import annotations

import pytest
from tests.steps.records.book import AMOUNT, TITLE
from tests.steps.records.office import Office

from spfc.errors import Interrupted, SourceSuspicious
from spfc.records.model import Column, ColumnType
from spfc.reporting.model import Verdict
from spfc.transfer.pool import StopSignal


def test_a_new_column_is_noticed_and_older_rows_get_their_values(office: Office) -> None:
    office.fill()
    state = Column("State", "State", ColumnType.TEXT)
    office.book.columns_now = (TITLE, AMOUNT, state)
    office.book.alter_quietly(5, State="set by a default, without a new version")
    office.book.edit(1, State="open")
    closed = office.run()
    assert [change.sql_name for change in closed.summary.columns] == ["state"]
    assert office.rows()[1]["state"] == "open"
    assert office.rows()[5]["state"] == "set by a default, without a new version"
    assert office.told() == [(1, "updated"), (5, "updated")]
    calls = office.book.calls
    office.run()
    assert office.book.calls == calls + 1


def test_keys_that_are_no_columns_are_looked_up_once_for_all(office: Office) -> None:
    office.fill()
    office.book.edit(1, Noise="x")
    office.run()
    asked = office.book.columns_asked
    office.book.edit(2, Noise="y")
    office.run()
    assert office.book.columns_asked == asked
    assert office.told() == [(2, "updated")]


def test_a_column_of_another_type_gets_a_second_column(office: Office) -> None:
    office.fill()
    office.book.edit(1, Amount=1)
    office.book.edit(2, Amount=2)
    office.run()
    office.book.columns_now = (TITLE, Column("Amount", "Amount", ColumnType.TEXT))
    office.book.edit(1, Amount="one")
    office.run()
    assert (office.rows()[1]["amount"], office.rows()[1]["amount__text"]) == (1.0, "one")
    assert office.rows()[2]["amount__text"] == "2"


def test_a_removed_column_is_kept_and_reported(office: Office) -> None:
    office.fill()
    office.book.edit(1, Amount=1)
    office.run()
    office.book.columns_now = (TITLE,)
    closed = office.run(mode="full")
    assert [(c.sql_name, c.fate.value) for c in closed.summary.columns] == [("amount", "kept")]
    assert office.rows()[1]["amount"] == 1.0


def test_a_list_that_shows_no_columns_is_not_believed(office: Office) -> None:
    office.fill()
    office.book.columns_now = ()
    with pytest.raises(SourceSuspicious):
        office.sync(mode="full")
    office.close()
    office.book.columns_now = (TITLE, AMOUNT)
    assert office.run().verdict is Verdict.GREEN
    assert office.titles()[1] == "row 1"


def test_values_that_do_not_fit_are_counted_and_shown(office: Office) -> None:
    office.fill()
    office.book.edit(1, Amount="plenty")
    closed = office.run()
    assert closed.verdict is Verdict.ATTENTION
    assert "Amount (1)" in closed.story
    assert office.rows()[1]["amount"] is None


LATE = Column("LateLookupId", "Late", ColumnType.INTEGER, apart=True)


def test_columns_that_pages_leave_out_are_asked_for_row_by_row(office: Office) -> None:
    office.book.columns_now = (TITLE, LATE)
    for number in range(5):
        office.book.add(Title=f"row {number + 1}", LateLookupId=str(number))
    office.book.delete(2)
    assert office.run().verdict is Verdict.GREEN
    assert {number: row["latelookupid"] for number, row in office.rows().items()} == {1: 0, 3: 2, 4: 3, 5: 4}
    calls = office.book.calls
    office.book.edit(3, Title="new")
    office.book.delete(4)
    office.run()
    assert office.book.calls == calls + 2, "a page, and the row that lives"
    assert (office.rows()[3]["title"], office.rows()[3]["latelookupid"]) == ("new", 2)
    assert office.told() == [(3, "updated"), (4, "deleted")]
    calls = office.book.calls
    office.run()
    assert office.book.calls == calls + 1


def test_a_row_that_changes_or_goes_while_it_is_asked_for(office: Office) -> None:
    office.book.columns_now = (TITLE, LATE)
    office.book.add(Title="one", LateLookupId="1")
    office.book.add(Title="two", LateLookupId="2")
    assert office.run().verdict is Verdict.GREEN
    office.book.edit(1, Title="uno")
    office.book.edit(2, Title="due")
    edits = iter((lambda: office.book.delete(2), lambda: office.book.edit(1, Title="un")))
    office.book.before_whole = lambda: [edit() for edit in edits]
    assert office.run().verdict is Verdict.GREEN
    assert office.titles() == {1: "un", 2: "due"}
    assert office.run().verdict is Verdict.GREEN
    assert office.told() == [(2, "deleted")], "what was read ahead of its page is not written again"
    assert [(row["title"], row["latelookupid"]) for row in office.rows().values()] == [("un", 1)]


def test_a_column_beyond_the_limit_begins_a_full_reading_when_it_is_seen(office: Office) -> None:
    office.fill(3)
    office.book.columns_now = (TITLE, AMOUNT, LATE)
    for number in (1, 2, 3):
        office.book.alter_quietly(number, LateLookupId=str(number))
    assert office.run(mode="full").verdict is Verdict.GREEN
    assert [row["latelookupid"] for row in office.rows().values()] == [1, 2, 3]


def test_who_is_told_to_stop_does_not_ask_for_the_other_rows(office: Office) -> None:
    office.book.columns_now = (TITLE, LATE)
    office.book.page_size = 250
    for number in range(250):
        office.book.add(Title=f"row {number + 1}", LateLookupId=str(number))
    stop = StopSignal(office.clock, office.clock() + 1e9)
    office.book.before_whole = stop.hurry
    with pytest.raises(Interrupted):
        office.sync(stop=stop)
    assert office.book.calls == 2 + 100, "columns, a page, and the rows that were under way"
    office.close()
    assert office.rows() == {}
    office.book.before_whole = lambda: None
    assert office.run().verdict is Verdict.GREEN
    assert len(office.rows()) == 250


def test_the_time_box_lets_a_page_be_finished(office: Office) -> None:
    office.book.columns_now = (TITLE, LATE)
    office.book.page_size = 250
    for number in range(600):
        office.book.add(Title=f"row {number + 1}", LateLookupId=str(number))
    office.book.before_whole = lambda: setattr(office.clock, "now", office.clock.now + 3600)
    assert [office.run().summary.quiet for _ in range(3)] == [False, False, False]
    assert len(office.rows()) == 600
