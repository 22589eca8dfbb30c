"""The feed is read until it is quiet, never lost, never read in circles; a fresh start is believed a few times."""

from __future__ import annotations

import pytest
from tests.planning.trees import ROOT, file, folder
from tests.steps.house import FILLED, House

from spfc.errors import AnswerUnreadable, CursorExpired, LeaseHeld, LeaseLost, ServiceBusy, ServiceError
from spfc.ledger.cursors import load_cursor
from spfc.sources.base import ChangePage
from spfc.steps.enumerate import MAX_RESTARTS, MAX_ROUNDS, enumerate_source


def expire(house: House, *restarts: str | None) -> None:
    house.source.fail_next["changes"] = [CursorExpired("gone", restart=restart) for restart in restarts]


def test_a_first_run_reads_to_the_end_and_asks_once_more(house: House) -> None:
    house.fill()
    told = enumerate_source(house.context())
    assert {key: told[key] for key in ("pages", "items_seen", "changed", "rounds", "generation", "full", "debt")} == {
        "pages": 3, "items_seen": 6, "changed": 6, "rounds": 2, "generation": 1, "full": True, "debt": 6,
    }  # fmt: skip
    assert told["cursor_age"] is None
    assert house.target.calls == 0


def test_without_a_change_one_page_is_asked_for_and_nothing_else(house: House) -> None:
    house.fill()
    house.run()
    source, target = house.source.counts.copy(), house.target.counts.copy()
    house.run()
    assert house.source.counts - source == {"bind": 1, "changes": 1}
    assert house.target.counts == target
    assert house.manifest == {}
    assert house.enumeration["full"] is False
    assert (house.enumeration["requests"] - sum(source.values()) + source["bind"], house.enumeration["debt"]) == (1, 0)


def test_a_broken_round_goes_on_where_it_was(house: House) -> None:
    house.fill()
    plain = house.source.changes

    def broken(cursor: str | None) -> ChangePage:
        if cursor == "1":
            raise ServiceBusy("in mid-round")
        return plain(cursor)

    house.source.changes = broken  # type: ignore[method-assign]
    run = house.context(run_id="same")
    with pytest.raises(ServiceBusy):
        enumerate_source(run)
    asked: list[str | None] = []

    def whole(cursor: str | None) -> ChangePage:
        asked.append(cursor)
        return plain(cursor)

    house.source.changes = whole  # type: ignore[method-assign]
    told = enumerate_source(house.context(run_id="same"))
    assert asked == ["1", "2"]
    assert told["debt"] == 6
    assert told["full"] is True
    assert told["fence"] == run.fence, "a retried task keeps its lease"


@pytest.mark.parametrize("restart", ["fresh", None])
def test_an_expired_cursor_begins_a_new_generation(house: House, restart: str | None) -> None:
    house.fill()
    house.run()
    del house.source.items["1"]
    expire(house, restart)
    house.run()
    assert house.enumeration["generation"] == 2
    assert house.enumeration["full"] is True
    assert "/A/one.txt" not in house.target.tree()
    assert house.debt() == 0


def test_a_bad_restart_link_is_not_trusted_twice(house: House) -> None:
    house.fill()
    expire(house, "99")
    told = enumerate_source(house.context())
    assert told["generation"] == 3, "the offered link was refused as well, so the beginning was tried"
    assert told["debt"] == 6


def test_endless_fresh_starts_end(house: House) -> None:
    house.fill()
    expire(house, *[None] * (MAX_RESTARTS + 1))
    with pytest.raises(ServiceError, match="fresh start"):
        enumerate_source(house.context())
    assert house.source.counts["changes"] == MAX_RESTARTS + 1


def test_pages_in_a_circle_are_noticed(house: House) -> None:
    pages = {None: "1", "1": "2", "2": "1"}
    house.source.changes = lambda cursor: ChangePage((ROOT,), pages[cursor], False)  # type: ignore[method-assign]
    with pytest.raises(AnswerUnreadable, match="same round"):
        enumerate_source(house.context())


def test_a_library_that_never_falls_quiet_goes_on_next_time(house: House) -> None:
    serial = iter(range(10**6))

    def changes(cursor: str | None) -> ChangePage:
        number = next(serial)
        return ChangePage((ROOT, file("1", "root", f"{number}.txt")), str(number), number % 2 == 1)

    house.source.changes = changes  # type: ignore[method-assign]
    assert enumerate_source(house.context())["rounds"] == MAX_ROUNDS


def test_a_round_of_one_page_is_not_asked_for_again(house: House) -> None:
    house.fill()
    enumerate_source(house.context(run_id="same"))
    assert house.source.counts["changes"] == 3, "two pages take time, so there is another look"
    house.publish([folder("n", "root", "New")])
    told = enumerate_source(house.context(run_id="same"))
    assert (house.source.counts["changes"], told["rounds"], told["changed"]) == (4, 1, 1)


def test_a_full_run_finds_what_the_feed_never_told(house: House) -> None:
    house.fill()
    house.run()
    for gone in ("2", "3", "e"):
        del house.source.items[gone]
    house.run(mode="full")
    assert set(house.target.tree()) == {"/A", "/A/one.txt"}
    assert house.enumeration["full"] is True


def test_a_full_enumeration_is_made_every_few_days(house: House) -> None:
    house.fill()
    house.run()
    house.clock.now += 6.9 * 86_400
    house.run()
    assert house.enumeration["full"] is False
    house.clock.now += 0.2 * 86_400
    house.run()
    assert (house.enumeration["full"], house.enumeration["generation"], house.debt()) == (True, 2, 0)


def test_the_cursor_and_the_page_are_stored_together(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fill()

    def broken(*_: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr("spfc.steps.enumerate.store_cursor", broken)
    with pytest.raises(RuntimeError):
        enumerate_source(house.context())
    with house.database.reading() as connection:
        assert load_cursor(connection, "house") is None
    assert house.debt() == 0


def test_two_runs_of_one_route_exclude_each_other(house: House) -> None:
    house.fill()
    first = house.context()
    enumerate_source(first)
    with pytest.raises(LeaseHeld):
        enumerate_source(house.context())
    house.clock.now += 10_000
    enumerate_source(house.context())
    with pytest.raises(LeaseLost), first.writing():
        pass


def test_the_target_mirrors_the_source(house: House) -> None:
    house.fill()
    house.run()
    assert house.target.tree() == FILLED
    assert house.debt() == 0


def test_without_a_change_feed_each_run_is_one_full_enumeration(house: House) -> None:
    house.source.has_feed = False
    house.fill()
    house.run()
    assert (house.enumeration["rounds"], house.source.counts["changes"]) == (1, 2), "no second look"
    del house.source.items["1"]
    house.run()
    told = house.enumeration
    assert (told["full"], told["generation"], told["rounds"], house.source.counts["changes"]) == (True, 2, 1, 3)
    assert "/A/one.txt" not in house.target.tree()
    house.run()
    assert (house.manifest, house.enumeration["generation"], house.debt()) == ({}, 3, 0)


def test_without_a_change_feed_a_broken_enumeration_is_resumed_not_begun_again(house: House) -> None:
    house.source.has_feed = False
    house.fill()
    house.source.fail_next["changes"] = [ServiceBusy("at the beginning")]
    with pytest.raises(ServiceBusy):
        enumerate_source(house.context(run_id="same"))
    house.source.changes(None)
    plain, asked = house.source.changes, list[str | None]()

    def broken(cursor: str | None) -> ChangePage:
        asked.append(cursor)
        if asked == [None, "1"]:
            raise ServiceBusy("in mid-round")
        return plain(cursor)

    house.source.changes = broken  # type: ignore[method-assign]
    with pytest.raises(ServiceBusy):
        enumerate_source(house.context(run_id="same"))
    told = enumerate_source(house.context(run_id="same"))
    assert asked == [None, "1", "1"]
    assert (told["generation"], told["full"], told["debt"]) == (1, True, 6)


def test_a_task_gives_back_what_its_source_holds(house: House) -> None:
    house.fill()
    run = house.context()
    with run.task("enumerate"):
        enumerate_source(run)
    assert house.source.closed == 1


def paged(house: House, dies_at: int | None) -> None:
    """Let fresh starts be told one item a page; the page of this number is never answered."""

    def changes(cursor: str | None) -> ChangePage:
        number = int((cursor or "page 0").removeprefix("page "))
        if number == dies_at:
            raise ServiceBusy("in mid-round")
        living = sorted((item for item in house.source.items.values() if not item.deleted), key=lambda item: item.id)
        return ChangePage((living[number],), f"page {number + 1}", number + 1 == len(living))

    house.source.changes = changes  # type: ignore[method-assign]


def test_what_an_earlier_run_did_not_see_is_not_gone(house: House) -> None:
    """It may have come back since, and without a feed nobody would say so."""
    house.source.has_feed = False
    house.fill()
    house.run()
    hidden = house.source.items.pop("2")
    paged(house, dies_at=4)
    with pytest.raises(ServiceBusy):
        house.run()
    house.clock.now += 100_000
    house.source.items["2"] = hidden
    house.file("z9", "root", "nine.txt")
    paged(house, dies_at=None)
    house.run()
    assert house.enumeration["full"] is False
    assert {**FILLED, "/nine.txt": b"body"}.items() <= house.target.tree().items()
    del house.source.items["2"]
    house.run()
    assert house.enumeration["full"] is True
    assert "/two.txt" not in house.target.tree()


def test_the_same_run_goes_on_and_believes_what_it_saw(house: House) -> None:
    house.source.has_feed = False
    house.fill()
    house.run()
    del house.source.items["2"]
    paged(house, dies_at=4)
    with pytest.raises(ServiceBusy):
        enumerate_source(house.context(run_id="same"))
    paged(house, dies_at=None)
    house.run(run_id="same")
    assert house.enumeration["full"] is True
    assert "/two.txt" not in house.target.tree()


@pytest.mark.parametrize("options", [{}, {"mode": "full"}])
def test_a_first_enumeration_may_take_several_runs(house: House, options: dict[str, str]) -> None:
    house.source.has_feed = False
    house.fill()
    for dies_at in (2, 4):
        paged(house, dies_at=dies_at)
        with pytest.raises(ServiceBusy):
            enumerate_source(house.context())
        house.clock.now += 100_000
    paged(house, dies_at=None)
    house.run(**options)
    assert house.target.tree() == FILLED
    assert house.debt() == 0
