"""Columns of a list that come, go and change their type, and values that do not fit."""

from __future__ import annotations

import pytest
from tests.steps.records.book import AMOUNT, TITLE
from tests.steps.records.office import Office

from spfc.errors import SourceSuspicious
from spfc.records.model import Column, ColumnType
from spfc.reporting.model import Verdict


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
