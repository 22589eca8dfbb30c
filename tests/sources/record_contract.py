"""The promises of a source of records as tests: inherit RecordContract and supply a ``world`` fixture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pytest

from spfc.errors import CursorExpired
from spfc.records.model import Column, ColumnType, Record
from spfc.sources.base import IDENTITY, Usage
from spfc.sources.records import RecordPage, RecordSource

Values = Mapping[str, object]


class RecordWorld(Protocol):
    """A list that people edit, and sources that read it.

    It begins with seven rows, ids 1 to 7, with values under ``Title`` and ``Amount`` (a number), and gives three rows a
    page. Ids are never given twice.
    """

    def source(self) -> RecordSource:
        """Return another reader of the same list, which has not been bound."""

    def add(self, values: Values) -> int:
        """Add a row; return its id."""

    def update(self, row_id: int, values: Values) -> None:
        """Change some values of a row."""

    def delete(self, row_id: int) -> None:
        """Delete a row."""

    def restore(self, row_id: int) -> None:
        """Bring a deleted row back."""

    def delete_and_restore(self, row_id: int) -> None:
        """Do both, so that one page of the feed mentions both."""

    def add_column(self, name: str) -> None:
        """Add a column of text."""

    def expire(self) -> None:
        """Let the service forget the cursors that it has given: the next use of one is refused."""


def bound(world: RecordWorld) -> RecordSource:
    """Return a reader that knows its place."""
    source = world.source()
    source.bind(None)
    return source


def one_round(source: RecordSource, cursor: str | None) -> tuple[list[RecordPage], str]:
    """Read one round; return its pages and where the next one starts."""
    pages: list[RecordPage] = []
    for _ in range(500):
        page = source.changes(cursor)
        pages.append(page)
        cursor = page.cursor
        if page.complete:
            return pages, cursor
    raise AssertionError("the round does not end")


def until_quiet(source: RecordSource, cursor: str | None) -> tuple[list[RecordPage], str]:
    """Read rounds until one tells nothing; return all pages and where the next one starts."""
    every: list[RecordPage] = []
    for _ in range(500):
        pages, cursor = one_round(source, cursor)
        every += pages
        if not told(pages):
            return every, cursor
    raise AssertionError("the list never becomes quiet")


def told(pages: list[RecordPage]) -> dict[int, Record]:
    """Return what a round says at last of each row that it mentions."""
    return {record.id: record for page in pages for record in page.records}


def spent(source: RecordSource, before: Usage) -> int:
    """Return the requests since ``before``."""
    return source.usage.requests - before.requests


class RecordContract:
    """What every source of records promises."""

    # -- binding -------------------------------------------------------------------------------------

    def test_a_place_that_is_known_is_not_looked_for(self, world: RecordWorld) -> None:
        known = bound(world).bind(None)
        assert known[IDENTITY]
        again = world.source()
        assert again.bind(known)[IDENTITY] == known[IDENTITY]
        assert again.usage.requests == 0

    def test_closing_is_harmless(self, world: RecordWorld) -> None:
        source = bound(world)
        source.changes(None)
        spending = source.usage
        source.close()
        source.close()
        assert source.usage == spending, "what was spent is asked for when the source is closed"

    # -- columns -------------------------------------------------------------------------------------

    def test_columns_name_the_keys_of_values(self, world: RecordWorld) -> None:
        source = bound(world)
        columns = source.columns()
        assert len({column.name for column in columns}) == len(columns)
        pages, _ = one_round(source, None)
        for record in told(pages).values():
            assert record.values.keys() <= {column.name for column in columns}
        assert Column("Amount", "Amount", ColumnType.NUMBER) in columns

    def test_columns_cost_one_request(self, world: RecordWorld) -> None:
        source = bound(world)
        before = source.usage
        source.columns()
        assert spent(source, before) == 1

    def test_a_new_column_shows_itself_through_an_old_cursor(self, world: RecordWorld) -> None:
        source = bound(world)
        old = {column.name for column in source.columns()}
        _, cursor = one_round(source, None)
        world.add_column("Later")
        world.update(2, {"Later": "x"})
        pages, _ = one_round(source, cursor)
        assert told(pages)[2].values.keys() - old == {"Later"}
        assert {column.name for column in source.columns()} - old == {"Later"}

    # -- reading -------------------------------------------------------------------------------------

    def test_a_reading_tells_every_living_row(self, world: RecordWorld) -> None:
        world.delete(4)
        source = bound(world)
        before = source.usage
        pages, _ = until_quiet(source, None)
        assert {n: r.values["Title"] for n, r in told(pages).items() if not r.deleted} == {
            n: f"row {n}" for n in (1, 2, 3, 5, 6, 7)
        }
        assert spent(source, before) == len(pages) >= 3

    def test_records_have_versions_and_times(self, world: RecordWorld) -> None:
        source = bound(world)
        pages, cursor = one_round(source, None)
        first = told(pages)[1]
        assert first.version
        assert first.created is not None
        assert first.modified is not None
        world.update(1, {"Amount": 99})
        second = told(one_round(source, cursor)[0])[1]
        assert second.version != first.version
        assert second.values["Amount"] == 99
        assert second.values["Title"] == "row 1", "all values come, not only those that changed"

    def test_a_round_without_changes_is_one_request(self, world: RecordWorld) -> None:
        source = bound(world)
        _, cursor = one_round(source, None)
        for _ in range(3):
            before = source.usage
            pages, cursor = one_round(source, cursor)
            assert told(pages) == {}
            assert (len(pages), spent(source, before)) == (1, 1)
            assert cursor, "there is a cursor between rounds at any time"

    def test_every_change_is_told(self, world: RecordWorld) -> None:
        source = bound(world)
        _, cursor = one_round(source, None)
        added = world.add({"Title": "new", "Amount": 1})
        world.update(2, {"Title": "changed"})
        world.delete(3)
        pages, cursor = until_quiet(source, cursor)
        rows = told(pages)
        assert {n: (r.deleted, r.values.get("Title")) for n, r in rows.items()} == {
            added: (False, "new"), 2: (False, "changed"), 3: (True, None),
        }  # fmt: skip
        assert rows[3] == Record(3, deleted=True)
        world.restore(3)
        again = told(one_round(source, cursor)[0])
        assert {n: (r.deleted, r.values.get("Title")) for n, r in again.items()} == {3: (False, "row 3")}

    def test_a_value_that_is_emptied_is_missing_or_none(self, world: RecordWorld) -> None:
        source = bound(world)
        _, cursor = one_round(source, None)
        world.update(1, {"Amount": None})
        assert told(one_round(source, cursor)[0])[1].values.get("Amount") is None

    def test_the_highest_row_goes_and_the_next_one_gets_another_id(self, world: RecordWorld) -> None:
        """Graph reference 7.1, defect 4: holes in the ids say nothing of deletions above the highest that is left."""
        source = bound(world)
        _, cursor = one_round(source, None)
        world.delete(7)
        world.delete(6)
        pages, cursor = until_quiet(source, cursor)
        assert sorted(n for n, record in told(pages).items() if record.deleted) == [6, 7]
        added = world.add({"Title": "after"})
        assert added == 8
        assert list(told(one_round(source, cursor)[0])) == [8]

    def test_of_several_mentions_in_a_page_the_last_one_counts(self, world: RecordWorld) -> None:
        """Graph reference 7.1, defect 1: a row that was deleted and restored lives."""
        source = bound(world)
        _, cursor = one_round(source, None)
        world.delete_and_restore(5)
        pages, _ = one_round(source, cursor)
        mentions = [record for page in pages for record in page.records if record.id == 5]
        assert [record.deleted for record in mentions] == [False]
        assert mentions[0].values["Title"] == "row 5"

    def test_what_changes_during_a_reading_comes_with_it_or_with_the_next_round(self, world: RecordWorld) -> None:
        source = bound(world)
        first = source.changes(None)
        assert not first.complete
        world.update(1, {"Title": "changed"})
        world.delete(2)
        world.delete(7)
        added = world.add({"Title": "new"})
        rest, cursor = one_round(source, first.cursor)
        later, _ = until_quiet(source, cursor)
        rows = told([first, *rest, *later])
        living = {n: r.values["Title"] for n, r in rows.items() if not r.deleted}
        assert living == {1: "changed", 3: "row 3", 4: "row 4", 5: "row 5", 6: "row 6", added: "new"}

    # -- cursors -------------------------------------------------------------------------------------

    def test_a_reading_goes_on_at_its_page_after_a_restart(self, world: RecordWorld) -> None:
        source = world.source()
        known = source.bind(None)
        first = source.changes(None)
        later = world.source()
        later.bind(known)
        rest, _ = one_round(later, first.cursor)
        assert sorted(told([first, *rest])) == [1, 2, 3, 4, 5, 6, 7]
        assert not told([first]).keys() & told(rest).keys()

    def test_a_page_may_be_asked_for_again(self, world: RecordWorld) -> None:
        source = bound(world)
        first = source.changes(None)
        assert source.changes(first.cursor).records == source.changes(first.cursor).records
        _, cursor = one_round(source, first.cursor)
        world.delete(1)
        world.update(2, {"Title": "changed"})
        assert told(until_quiet(source, cursor)[0]) == told(until_quiet(source, cursor)[0])

    def test_a_forgotten_cursor_asks_for_a_new_reading(self, world: RecordWorld) -> None:
        source = bound(world)
        _, cursor = one_round(source, None)
        world.expire()
        with pytest.raises(CursorExpired) as caught:
            source.changes(cursor)
        for start in {caught.value.restart, None}:
            assert sorted(told(one_round(source, start)[0])) == [1, 2, 3, 4, 5, 6, 7]
