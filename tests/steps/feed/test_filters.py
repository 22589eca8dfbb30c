"""Feed catalogue: a changed filter brings what it kept out, and never removes what was copied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.planning.trees import file, folder
from tests.steps.feed.catalogue import AT_START, ONE, START, THREE, A, Case, begin, gone, publish, told
from tests.steps.house import House

from spfc.errors import ServiceBusy
from spfc.steps.enumerate import enumerate_source


def exclude(*globs: str) -> dict[str, Any]:
    return {"filters": {"exclude": list(globs)}}


WITHOUT_A = {path: body for path, body in AT_START.items() if not path.startswith("/A")}


@pytest.mark.parametrize("mode", ["incremental", "full"])
@pytest.mark.parametrize("globs", [["A"], ["*.txt"], ["/A/**"], ["**"]], ids=str)
def test_a_tightened_filter_removes_nothing(house: House, globs: list[str], mode: str) -> None:
    begin(house, Case("", ()))
    house.fields = exclude(*globs)
    house.run(mode=mode)
    assert house.target.tree() == AT_START
    assert house.debt() == 0
    house.run()
    assert house.manifest == {}


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_a_loosened_filter_brings_what_it_kept_out(house: House, mode: str) -> None:
    house.fields = exclude("A")
    publish(house, [START])
    house.run()
    assert house.target.tree() == WITHOUT_A
    house.fields = exclude()
    house.run(mode=mode)
    assert house.target.tree() == AT_START
    assert house.debt() == 0


def test_tightened_and_loosened_again_is_quiet(house: House) -> None:
    begin(house, Case("", ()))
    for globs in (["A"], [], ["*.txt"], []):
        house.fields = exclude(*globs)
        house.run()
        assert house.target.tree() == AT_START
    assert (house.manifest, house.debt()) == ({}, 0)


def test_what_is_excluded_now_is_not_updated_and_comes_up_to_date_when_wanted_again(house: House) -> None:
    begin(house, Case("", ()))
    house.fields = exclude("A")
    publish(house, [[file("1", "a", "one.txt", "11"), file("5", "a", "five.txt", "5")]])
    house.run()
    assert told(house) == ["skipped skip excluded /A/five.txt", "skipped skip excluded /A/one.txt"]
    assert (house.target.tree(), house.debt()) == (AT_START, 0)
    house.fields = exclude()
    house.run(mode="full")
    assert house.target.tree()["/A/five.txt"] == b"5"
    assert house.target.tree()["/A/one.txt"] == b"11", "an edit that the filter kept out is not lost"


@pytest.mark.parametrize(
    "news",
    [[replace(ONE, name="uno.txt")], [replace(ONE, parent_id="s")], [replace(A, name="A", parent_id="x")]],
    ids=["renamed", "moved within", "moved to another excluded folder"],
)
def test_what_a_filter_shut_out_does_not_leave_the_scope_by_moving_outside_of_it(house: House, news: list[Any]) -> None:
    """It was copied before the filter; the filter shut it out, so no later move of it is a reason to remove it."""
    publish(house, [[*START, folder("s", "a", "Sub"), folder("x", "root", "X")]])
    house.run()
    before = house.target.tree()
    house.fields = exclude("/A", "/X")
    publish(house, [news])
    house.run()
    assert not [line for line in told(house) if "remove" in line]
    assert house.target.tree() == before
    assert house.debt() == 0


def test_what_was_wanted_until_it_moved_leaves_the_scope_also_after_the_filter_changed(house: House) -> None:
    begin(house, Case("", ()))
    house.fields = exclude("/A")
    publish(house, [[replace(THREE, parent_id="a")]])
    house.run()
    assert told(house) == ["done remove out_of_scope /A/three.txt"]


def test_what_a_filter_shut_out_is_removed_when_the_source_deletes_it(house: House) -> None:
    begin(house, Case("", ()))
    house.fields = exclude("A")
    publish(house, [[gone("1")]])
    house.run()
    assert told(house) == ["done remove deleted_at_source /A/one.txt"]


def test_a_filter_that_changed_while_the_feed_was_broken_is_still_noticed(house: House) -> None:
    house.fields = exclude("A")
    publish(house, [START])
    house.run()
    house.fields = exclude()
    house.source.fail_next["changes"] = [ServiceBusy("no")]
    run = house.context()
    with pytest.raises(ServiceBusy):
        enumerate_source(run)
    house.end(run)
    house.run()
    assert house.target.tree() == AT_START
