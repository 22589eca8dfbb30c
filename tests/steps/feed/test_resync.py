"""Feed catalogue: fresh starts. Nothing is removed before a new enumeration has ended; broken ones give up in time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.planning.trees import file
from tests.steps.feed.catalogue import AT_START, START, Case, begin, publish, put, told
from tests.steps.house import House

from spfc.errors import (
    AnswerUnreadable,
    CursorExpired,
    PlaceNotFound,
    RequestRefused,
    ServiceBusy,
    ServiceError,
    SpfcError,
)
from spfc.ledger.cursors import load_cursor
from spfc.planning.model import SourceItem
from spfc.sources.base import ChangePage
from spfc.steps.enumerate import MAX_RESTARTS, enumerate_source

NEW = file("5", "a", "five.txt", "5")


class Script:
    """Answers for :meth:`MemorySource.changes` by cursor; what is not in it is not asked for. ``asked`` tells all."""

    def __init__(self, house: House, **answers: ChangePage | SpfcError | list[ChangePage | SpfcError]) -> None:
        self.house, self.answers = house, answers
        self.asked: list[str | None] = []
        house.source.changes = self.changes  # type: ignore[method-assign]

    def changes(self, cursor: str | None) -> ChangePage:
        self.asked.append(cursor)
        answer = self.answers[cursor or "beginning"]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, SpfcError):
            raise answer
        return replace(answer, items=tuple(put(self.house, answer.items)))


def page(cursor: str, *items: SourceItem, complete: bool = False) -> ChangePage:
    return ChangePage(tuple(items), cursor, complete)


def start(house: House) -> str:
    """Fill the mirror; return the cursor that the next run will ask."""
    begin(house, Case("", ()))
    put(house, [NEW])
    with house.database.reading() as connection:
        cursor = load_cursor(connection, "house")
    assert cursor is not None and cursor.link is not None
    return cursor.link


QUIET = page("quiet", complete=True)
ALL_BUT_ONE = tuple(item for item in START if item.id != "1")


def test_an_enumeration_after_410_adds_changes_and_removes_at_its_end_only(house: House) -> None:
    old = start(house)
    script = Script(
        house,
        **{old: CursorExpired("gone")},
        beginning=page("p1", *ALL_BUT_ONE[:4], NEW),
        p1=[ServiceBusy("in mid-chain"), page("end", *ALL_BUT_ONE[4:], complete=True)],
        end=QUIET,
    )
    run = house.context()
    with pytest.raises(ServiceBusy):
        enumerate_source(run)
    house.end(run)
    assert house.debt() == 1, "what is new is owed at once, what was not shown yet is not"
    house.run()
    assert script.asked == [old, None, "p1", "p1", "end"]
    assert (house.enumeration["generation"], house.enumeration["full"]) == (2, True)
    assert told(house) == ["done remove deleted_at_source /A/one.txt", "done upload new /A/five.txt"]
    assert house.debt() == 0


def test_410_in_mid_chain_begins_again_and_keeps_what_was_read(house: House) -> None:
    old = start(house)
    script = Script(
        house,
        **{old: page("p1", NEW)},
        p1=CursorExpired("gone", restart="offered"),
        offered=page("p2", *START[:5]),
        p2=CursorExpired("gone again", restart="offered"),
        beginning=page("p3", *START[:4], NEW),
        p3=page("end", *START[4:], complete=True),
        end=QUIET,
    )
    house.run()
    assert script.asked == [old, "p1", "offered", "p2", None, "p3", "end"]
    assert house.enumeration["generation"] == 3
    assert told(house) == ["done upload new /A/five.txt"]
    assert house.target.tree() == {**AT_START, "/A/five.txt": b"5"}


@pytest.mark.parametrize(
    "trouble",
    [ServiceBusy("500"), RequestRefused("400"), PlaceNotFound("404"), AnswerUnreadable("html"), CursorExpired("410")],
    ids=lambda error: error.code,
)
def test_an_offered_link_that_does_not_work_is_given_up_for_the_beginning(house: House, trouble: SpfcError) -> None:
    old = start(house)
    script = Script(
        house,
        **{old: CursorExpired("gone", restart="offered")},
        offered=trouble,
        beginning=page("end", *START, NEW, complete=True),
    )
    house.run()
    assert script.asked == [old, "offered", None]
    assert told(house) == ["done upload new /A/five.txt"]


def test_an_offered_link_is_not_kept_for_the_next_run(house: House) -> None:
    """A run that dies at the offered link must leave a ledger that goes on from the beginning."""
    old = start(house)

    class Killed(Exception):
        pass

    asked: list[str | None] = []

    def changes(cursor: str | None) -> ChangePage:
        asked.append(cursor)
        if cursor == old:
            raise CursorExpired("gone", restart="offered")
        raise Killed

    house.source.changes = changes  # type: ignore[method-assign]
    run = house.context()
    with pytest.raises(Killed):
        enumerate_source(run)
    house.end(run)
    script = Script(house, beginning=page("end", *START, complete=True), end=QUIET)
    house.run()
    assert (asked, script.asked) == ([old, "offered"], [None])
    assert (house.manifest, house.target.tree()) == ({}, AT_START)


def test_trouble_with_the_beginning_itself_is_reported(house: House) -> None:
    old = start(house)
    Script(
        house,
        **{old: CursorExpired("gone", restart="offered")},
        offered=ServiceBusy("500"),
        beginning=ServiceBusy("nothing works"),
    )
    with pytest.raises(ServiceBusy, match="nothing works"):
        enumerate_source(house.context())


def test_endless_fresh_starts_are_reported_and_remove_nothing_run_after_run(house: House) -> None:
    old = start(house)
    Script(house, **{old: CursorExpired("gone")}, beginning=[CursorExpired("gone")] * 20)
    for _ in range(3):
        run = house.context()
        with pytest.raises(ServiceError, match=f"fresh start {MAX_RESTARTS + 1} times") as caught:
            enumerate_source(run)
        assert "the mirror stays as it is" in caught.value.hint
        house.end(run)
    assert (house.debt(), house.target.tree()) == (0, AT_START)
    Script(house, beginning=page("end", *START, complete=True), end=QUIET)
    house.run()
    assert (house.manifest, house.target.tree()) == ({}, AT_START)


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_a_circle_of_links_is_left_by_the_next_run(house: House, mode: str) -> None:
    old = start(house)
    script = Script(house, **{old: page("p1", NEW)}, p1=page("p2"), p2=page("p1"))
    run = house.context()
    with pytest.raises(AnswerUnreadable, match="same round") as caught:
        enumerate_source(run)
    assert "the next run lists the library anew" in caught.value.hint
    assert script.asked == [old, "p1", "p2"]
    house.end(run)
    script = Script(house, beginning=page("end", *START, NEW, complete=True), end=QUIET)
    house.run(mode=mode)
    assert script.asked == [None]
    assert told(house) == ["done upload new /A/five.txt"]


def test_a_circle_within_a_full_enumeration_is_left_as_well(house: House) -> None:
    start(house)
    Script(house, beginning=page("p1", *START[:3]), p1=page("p2"), p2=page("p1"))
    run = house.context(mode="full")
    with pytest.raises(AnswerUnreadable):
        enumerate_source(run)
    house.end(run)
    Script(house, beginning=page("end", *START, complete=True), end=QUIET)
    house.run()
    assert (house.manifest, house.target.tree()) == ({}, AT_START)


def test_a_weekly_enumeration_that_breaks_off_is_resumed_not_begun_again(house: House) -> None:
    start(house)
    house.clock.now += 8 * 86_400
    script = Script(
        house,
        beginning=page("p1", *START[:3]),
        p1=[ServiceBusy("no"), page("end", *START[3:], complete=True)],
    )
    run = house.context()
    with pytest.raises(ServiceBusy):
        enumerate_source(run)
    house.end(run)
    house.clock.now += 8 * 86_400
    house.run()
    assert script.asked == [None, "p1", "p1"]
    assert (house.enumeration["generation"], house.enumeration["full"]) == (2, True)
    script = Script(house, end=QUIET)
    house.run()
    assert (script.asked, house.enumeration["full"]) == (["end"], False)


def test_how_often_everything_is_listed_is_a_setting(house: House) -> None:
    house.fields = {"limits": {"full_every_days": 2}}
    publish(house, [START])
    house.run()
    seen = []
    for _ in range(5):
        house.clock.now += 1.1 * 86_400
        house.run()
        seen.append(house.enumeration["full"])
    assert seen == [False, True, False, True, False]
    assert house.manifest == {}


def test_what_was_deleted_unseen_goes_with_the_next_full_enumeration(house: House) -> None:
    """Deletions by retention labels never reach the feed (Graph reference 6.8)."""
    begin(house, Case("", ()))
    del house.source.items["1"], house.source.items["3"]
    house.run()
    assert house.manifest == {}
    house.run(mode="full")
    assert told(house) == [
        "done remove deleted_at_source /A/one.txt",
        "done remove deleted_at_source /B/Deep/three.txt",
    ]


def test_what_a_full_enumeration_shows_changed_is_planned_as_usual(house: House) -> None:
    begin(house, Case("", ()))
    put(house, [file("1", "b", "uno.txt", "11")])
    house.run(mode="full")
    assert told(house) == ["done move moved /B/uno.txt", "done update content_changed /B/uno.txt"]
