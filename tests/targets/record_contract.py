"""One suite for every table that keeps records: a class of tests whose subclass says how to open one.

``open_table(route, table)`` opens the table of a route in the database of this test; a second call opens it once more,
as another process would.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests.targets.record_writer import START, Writer, always, at, gone, image, record, titles

from spfc.errors import LeaseLost, RouteInvalid, TargetExists
from spfc.records.model import Column, ColumnFate, ColumnType, Record
from spfc.targets.records import (
    Applied,
    Doomed,
    RecordTable,
    RowAction,
    Shown,
    Standing,
    Tally,
)

OpenTable = Callable[..., RecordTable]

VALUES = {
    "Title": "Straße 中 'quoted' \"too\"; DROP TABLE x",
    "Due_x0020_Date": "2024-03-01T08:00:00Z",
    "Amount": 12.5,
    "OwnerLookupId": "7",
    "Done": True,
    "Choices": ["a", {"b": None, "c": 1.5}],
}


class RecordTableContract:
    """What holds for every table of records."""

    @pytest.fixture
    def table(self, open_table: OpenTable) -> RecordTable:
        return open_table()

    @pytest.fixture
    def writer(self, table: RecordTable) -> Writer:
        return Writer(table)

    def test_there_is_nothing_before_the_first_run(self, table: RecordTable) -> None:
        assert table.load() is None
        assert table.tally("run1") == Tally()
        assert list(table.changes("run1")) == []
        assert table.load() is None

    def test_making_it_reports_no_changes_and_may_be_repeated(self, table: RecordTable) -> None:
        assert table.prepare(None, START, 1, run_id="r") == ()
        assert table.load() == START
        assert table.prepare(START, START, 1, run_id="r") == ()
        assert table.standing() == Standing(0, 0)

    def test_values_come_out_as_they_went_in(self, writer: Writer) -> None:
        writer.start()
        assert writer.page(Record(5, "v", VALUES, 1_700_000_000, None)) == Applied({RowAction.ADDED: 1})
        (row,) = image(writer.table).values()
        assert row == {
            "title": VALUES["Title"],
            "due_date": datetime(2024, 3, 1, 8, tzinfo=UTC),
            "amount": 12.5,
            "ownerlookupid": 7,
            "done": True,
            "choices": ["a", {"b": None, "c": 1.5}],
            "spfc_version": "v",
            "spfc_created_at": datetime.fromtimestamp(1_700_000_000, UTC),
            "spfc_modified_at": None,
        }
        # And the same record again finds the same values: nothing is written.
        assert writer.page(Record(5, "v", VALUES, 1_700_000_000, None)) == Applied({RowAction.UNCHANGED: 1})

    @pytest.mark.parametrize(
        "values",
        [
            {"Due_x0020_Date": "0001-01-01T00:00:00Z"},
            {"Due_x0020_Date": "9999-12-31T23:59:59.999999Z"},
            {"Due_x0020_Date": "2024-03-01T08:00:00.1234567Z"},
            {"OwnerLookupId": 2**63 - 1},
            {"OwnerLookupId": -(2**63)},
            {"Amount": 5e-324},
            {"Amount": 1.7976931348623157e308},
            {"Amount": -0.0},
            {"Amount": 0.1},
            {"Title": ""},
            {"Title": " \r\n\t%s %(x)s :name \\ 🙂"},
            {"Choices": {}},
            {"Choices": "plain"},
            {"Choices": 1e16},
            {"Choices": {"of": [1e300, -1e300, 2**63]}},
            {"Choices": [10**30, 1e-7, "🙂", True, None]},
            {"Choices": False},
            {"Done": False},
        ],
    )
    def test_what_went_in_is_found_the_same(self, writer: Writer, values: dict[str, object]) -> None:
        writer.start()
        writer.page(record(1, **values))
        assert writer.page(record(1, **values)) == Applied({RowAction.UNCHANGED: 1})

    def test_values_that_do_not_fit_are_kept_raw(self, writer: Writer) -> None:
        writer.start()
        done = writer.page(
            record(1, Amount="much", OwnerLookupId=2**63, Title="a\x00b"), record(2, Amount=float("nan"))
        )
        assert done.unconverted == {"Amount": 2, "OwnerLookupId": 1, "Title": 1}
        assert image(writer.table)[1]["amount"] is None
        assert writer.page(record(1, Amount="much", OwnerLookupId=2**63, Title="a\x00b")) == Applied(
            {RowAction.UNCHANGED: 1}
        )

    def test_a_page_adds_updates_deletes_and_restores(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(record(1), record(2), record(3), fate=Doomed.MARK)
        writer.page(gone(3), fate=Doomed.MARK)
        assert writer.table.standing() == Standing(2, 1)
        done = writer.page(record(1), record(2, "2"), record(3), record(4), gone(9))
        assert done.rows == {
            RowAction.UNCHANGED: 1, RowAction.UPDATED: 1, RowAction.RESTORED: 1, RowAction.ADDED: 1,
            RowAction.ABSENT: 1,
        }  # fmt: skip
        assert writer.page(gone(1)).rows == {RowAction.DELETED: 1}
        assert writer.page(gone(1)).rows == {RowAction.ABSENT: 1}
        assert titles(writer.table) == {2: "row 2", 3: "row 3", 4: "row 4"}
        assert writer.table.standing() == Standing(3, 0)
        assert writer.log() == [
            (1, "added", "new at the source"),
            (2, "added", "new at the source"),
            (3, "added", "new at the source"),
            (3, "marked", "deleted at the source"),
            (2, "updated", "new version"),
            (3, "restored", "there again at the source"),
            (4, "added", "new at the source"),
            (1, "deleted", "deleted at the source"),
        ]

    def test_of_two_mentions_in_a_page_the_last_counts(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(record(1), record(2))
        writer.page(gone(1), record(1, "2"), record(2, "2"), gone(2))
        assert set(titles(writer.table)) == {1}

    def test_other_values_under_the_same_version_are_an_update(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(record(1, Title="old", Choices=[1]), record(2, Choices=True))
        assert writer.page(record(1, Title="new", Choices=[1]), record(2, Choices=1)).rows == {RowAction.UPDATED: 2}
        assert writer.log()[-2:] == [
            (1, "updated", "other values under the same version"),
            (2, "updated", "other values under the same version"),
        ]

    def test_rows_of_the_very_first_reading_are_only_counted(self, writer: Writer) -> None:
        writer.start()
        assert writer.page(record(1), record(2))[RowAction.ADDED] == 2
        assert writer.log() == []
        assert writer.table.tally("run1").applied[RowAction.ADDED] == 2

    def test_rows_and_state_move_together_or_not_at_all(self, writer: Writer, open_table: OpenTable) -> None:
        writer.start()
        writer.page(record(1), to=at("p2"))
        assert writer.table.load() == at("p2")

        def fails(_doomed: int, _living: Callable[[], int]) -> Doomed:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            writer.page(record(2), gone(1), to=at("p3"), doom=fails)
        other = open_table()
        assert other.load() == at("p2")
        assert titles(other) == {1: "row 1"}
        other.close()

    def test_of_two_tasks_that_apply_the_same_page_one_is_refused(self, writer: Writer, open_table: OpenTable) -> None:
        before = writer.start()
        other = open_table()
        writer.page(record(1), to=at("p2"))
        with pytest.raises(LeaseLost):
            other.apply([record(1, "9")], before, at("p2"), 1, now=1.0, run_id="run1", doom=always(Doomed.DELETE))
        with pytest.raises(LeaseLost):
            other.sweep(before, at(cursor="c"), 1, now=1.0, run_id="run1", doom=always(Doomed.DELETE))
        with pytest.raises(LeaseLost):
            other.purge(before, 1, now=1.0, run_id="run1")
        with pytest.raises(LeaseLost):
            other.prepare(before, at(generation=9), 1, run_id="run1")
        with pytest.raises(LeaseLost):
            other.prepare(None, START, 1, run_id="run1")
        assert writer.table.load() == at("p2")
        assert image(writer.table)[1]["spfc_version"] == "1"
        other.close()

    def test_an_older_lease_cannot_write(self, writer: Writer, open_table: OpenTable) -> None:
        before = writer.start()
        newer = Writer(open_table(), "run2", fence=5)
        newer.page()
        for attempt in (
            lambda: writer.page(record(1)),
            lambda: writer.sweep(before),
            lambda: writer.purge(),
            lambda: writer.start(),
            lambda: writer.table.snapshot_taken(1, 1),
        ):
            with pytest.raises(LeaseLost):
                attempt()
        assert titles(newer.table) == {}
        newer.table.close()

    def test_a_sweep_removes_only_what_the_reading_has_not_shown(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(*map(record, range(1, 6)))
        writer.page(gone(5), fate=Doomed.MARK)
        writer.start(at(generation=2, full_at=1.0))
        writer.page(record(1), record(2, "2"), record(6))
        assert writer.table.shown(2) == Shown(3, 2)
        asked: list[tuple[int, int]] = []

        def doom(doomed: int, living: Callable[[], int]) -> Doomed:
            asked.append((doomed, living()))
            return Doomed.DELETE

        assert writer.sweep(at(cursor="d", generation=2), doom=doom).rows == {RowAction.DELETED: 2}
        assert asked == [(2, 5)]
        assert set(titles(writer.table)) == {1, 2, 6}
        assert writer.table.standing() == Standing(3, 1)
        assert writer.table.load() == at(cursor="d", generation=2)
        assert writer.log()[-2:] == [
            (3, "deleted", "not in the full reading"),
            (4, "deleted", "not in the full reading"),
        ]

    def test_an_unchanged_row_is_not_written_by_a_full_reading(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(record(1))
        before = list(writer.table.scan())
        writer.start(at(generation=2, full_at=1.0))
        writer.page(record(1))
        assert list(writer.table.scan()) == before
        assert writer.table.shown(2) == Shown(1, 0)

    def test_the_guard_is_asked_with_what_is_at_stake(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(*map(record, range(1, 5)))
        asked: list[tuple[int, int]] = []

        def doom(doomed: int, living: Callable[[], int]) -> Doomed:
            asked.append((doomed, living()))
            return Doomed.HOLD

        assert writer.page(gone(1), gone(2), gone(99), doom=doom).rows == {RowAction.HELD: 2, RowAction.ABSENT: 1}
        assert asked == [(2, 4)]
        assert writer.log()[-1] == (2, "held", "deleted at the source; held by the guard")
        assert set(titles(writer.table)) == {3, 4}
        assert writer.table.standing() == Standing(2, 2)
        writer.page(record(3, "2"), doom=doom)
        assert len(asked) == 1  # nothing was doomed
        assert writer.page(gone(1)).rows == {RowAction.UNCHANGED: 1}  # marked it stays until somebody decides

    def test_held_rows_of_a_sweep_say_so(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(record(1), record(2))
        writer.start(at(generation=2, full_at=1.0))
        writer.page(record(1))
        assert writer.sweep(at(cursor="d", generation=2), fate=Doomed.HOLD).rows == {RowAction.HELD: 1}
        assert writer.log()[-1] == (2, "held", "not in the full reading; held by the guard")
        assert writer.table.standing() == Standing(1, 1)

    def test_a_purge_deletes_what_earlier_runs_have_marked(self, writer: Writer, open_table: OpenTable) -> None:
        writer.start(at(cursor="c"))
        writer.page(*map(record, range(1, 5)))
        writer.page(gone(1), gone(2), fate=Doomed.MARK)
        later = Writer(open_table(), "run2", fence=2)
        later.page(gone(3), fate=Doomed.HOLD)
        assert later.purge().rows == {RowAction.PURGED: 2}
        assert later.purge().rows == {}
        assert later.table.standing() == Standing(1, 1)
        assert later.log() == [
            (3, "held", "deleted at the source; held by the guard"),
            (1, "purged", "marked by an earlier run, purged"),
            (2, "purged", "marked by an earlier run, purged"),
        ]
        assert later.page(record(1)).rows == {RowAction.ADDED: 1}
        later.table.close()

    def test_the_tally_is_of_what_is_committed(self, writer: Writer, open_table: OpenTable) -> None:
        writer.start()
        writer.page(record(1), record(2, Amount="x"), to=at("p2"))
        writer.page(record(3), to=at("p3"))
        writer.sweep(at(cursor="c"))
        writer.page(gone(3), to=at(cursor="d"))
        other = open_table()
        tally = other.tally("run1")
        assert tally.applied == Applied({RowAction.ADDED: 3, RowAction.DELETED: 1}, {"Amount": 1})
        assert (tally.pages, tally.seen, tally.rounds, tally.full) == (3, 4, 2, 1)
        assert other.tally("run2") == Tally()
        Writer(other, "run2", 2).page()
        assert writer.table.tally("run1") == Tally()
        other.close()

    def test_columns_come_go_and_change_their_type(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(record(1, Title="t", Amount=1))
        more = (
            Column("Title", "Heading", ColumnType.TEXT),
            Column("Amount", "Amount", ColumnType.TEXT),
            Column("Amount0", "amount", ColumnType.NUMBER),
        )
        table = writer.table
        changes = table.prepare(at(cursor="c"), at(cursor="c", columns=more), 1, run_id="run1")
        told = {(change.name, change.sql_name, change.fate) for change in changes}
        assert told == {
            ("Amount", "amount__text", ColumnFate.RETYPED),
            ("Amount0", "amount0", ColumnFate.ADDED),
            ("Due_x0020_Date", "due_date", ColumnFate.KEPT),
            ("OwnerLookupId", "ownerlookupid", ColumnFate.KEPT),
            ("Done", "done", ColumnFate.KEPT),
            ("Choices", "choices", ColumnFate.KEPT),
        }
        writer.page(record(1, "2", Title="t2", Amount="one"))
        row = image(table)[1]
        assert (row["amount"], row["amount__text"], row["title"]) == (1.0, "one", "t2")
        # Back to what it was: the old columns serve again.
        changes = table.prepare(table.load(), at(cursor="c"), 1, run_id="run1")
        fates = {(change.sql_name, change.fate) for change in changes}
        assert ("amount", ColumnFate.RETYPED) in fates
        assert ("amount0", ColumnFate.KEPT) in fates
        assert ("due_date", ColumnFate.ADDED) in fates
        writer.page(record(1, "3", Title="t3", Amount=3))
        row = image(table)[1]
        assert (row["amount"], row["amount__text"]) == (3.0, "one")
        assert {change.fate for change in table.tally("run1").columns} == set(ColumnFate)

    def test_a_table_of_others_is_never_touched(self, writer: Writer, open_table: OpenTable) -> None:
        writer.start()
        other = open_table(route="other", table="items")
        with pytest.raises(TargetExists) as caught:
            other.prepare(None, START, 1, run_id="r")
        assert "'house'" in str(caught.value)
        other.close()

    def test_a_route_keeps_its_table(self, writer: Writer, open_table: OpenTable) -> None:
        writer.start()
        other = open_table(table="elsewhere")
        with pytest.raises(RouteInvalid):
            other.load()
        other.close()

    def test_two_routes_live_side_by_side(self, writer: Writer, open_table: OpenTable) -> None:
        writer.start(at(cursor="c"))
        other = Writer(open_table(route="other", table="items2"), fence=7)
        other.start(at(cursor="x"))
        other.page(record(1), record(2))
        writer.page(record(1))
        writer.page(gone(1))
        assert set(titles(other.table)) == {1, 2}
        assert other.table.forget_changes(1e12) == 2
        assert len(writer.log()) == 2
        other.table.close()

    def test_the_change_log_forgets_by_age(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        writer.page(record(1))
        writer.page(record(2))
        assert writer.table.forget_changes(writer.now) == 1
        assert [line[0] for line in writer.log()] == [2]

    def test_a_snapshot_is_due_after_changes_only(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        table = writer.table
        assert table.revision() is None
        writer.page(record(1))
        revision = table.revision()
        assert revision is not None
        writer.page(record(2))
        table.snapshot_taken(revision, 1)
        later = table.revision()
        assert later is not None
        assert later > revision
        table.snapshot_taken(later, 1)
        writer.page(record(2))  # unchanged
        assert table.revision() is None

    def test_pages_and_tables_of_many_rows(self, writer: Writer) -> None:
        writer.start(at(cursor="c"))
        for first in range(1, 12_001, 3000):
            writer.page(*(record(number, Title=str(number)) for number in range(first, first + 3000)))
        assert writer.page(*map(gone, range(1, 2501))).rows == {RowAction.DELETED: 2500}
        ids = [row[0] for row in writer.table.scan()]
        assert ids == list(range(2501, 12_001))
        assert writer.table.standing() == Standing(9_500, 0)
        assert sum(1 for _ in writer.table.changes("run1")) == 14_500

    def test_ids_need_64_bits(self, writer: Writer) -> None:
        writer.start()
        writer.page(record(2**40))
        assert set(titles(writer.table)) == {2**40}

    def test_calls_are_counted(self, writer: Writer) -> None:
        writer.start()
        before = writer.table.calls
        writer.page(record(1))
        assert writer.table.calls == before + 2  # load and apply
        assert writer.table.refusals == 0
