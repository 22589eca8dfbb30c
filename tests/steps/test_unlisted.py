"""A folder that the source could not list: it is told every time, nothing below it goes, everything else goes on."""

from __future__ import annotations

from dataclasses import replace

from tests.planning.trees import ROOT, file, folder
from tests.steps.house import FILLED, House

from spfc.planning.model import Action, Flag, Outcome, Reason

CLOSED = folder("a", "root", "A", flags=frozenset({Flag.UNLISTED}))


def close(house: House) -> None:
    """Let the next full enumeration show folder A without anything in it."""
    house.source.items["a"] = CLOSED
    house.source.unlisted |= {"1", "3"}


def held(house: House) -> list[tuple[str, Reason, Outcome]]:
    return [
        (stored.line.path, stored.line.reason, stored.outcome)
        for stored in house.lines()
        if stored.line.action is Action.HOLD
    ]


def test_nothing_below_it_goes_and_the_rest_goes_on(house: House) -> None:
    house.fill()
    house.run()
    close(house)
    del house.source.items["2"]
    house.publish([house.file("4", "root", "four.txt", "4")])
    house.run(mode="full")
    assert held(house) == [("/A", Reason.UNLISTED, Outcome.HELD)]
    kept = {path: body for path, body in FILLED.items() if path != "/two.txt"}
    assert house.target.tree() == {**kept, "/four.txt": b"4"}
    assert house.debt() == 1


def test_every_run_says_so_until_it_is_listed_again(house: House) -> None:
    house.source.has_feed = False
    house.fill()
    house.run()
    close(house)
    for _ in range(3):
        house.run()
        assert held(house) == [("/A", Reason.UNLISTED, Outcome.HELD)]
    house.source.items["a"] = folder("a", "root", "A")
    house.source.unlisted.clear()
    house.run()
    assert (house.manifest, house.debt()) == ({}, 0)
    assert house.target.tree() == FILLED


def test_a_new_folder_is_made_for_what_is_known_of_it(house: House) -> None:
    house.source.has_feed = False
    house.publish([ROOT, CLOSED, house.file("1", "a", "one.txt")])
    house.run()
    assert house.target.tree() == {"/A": None, "/A/one.txt": b"body"}
    assert held(house) == [("/A", Reason.UNLISTED, Outcome.HELD)]
    assert house.debt() == 1


def test_a_new_folder_of_which_nothing_is_known_is_not_called_empty(house: House) -> None:
    for wanted in (True, False):
        house.fields["policies"] = {"empty_folders": wanted}
        house.publish([ROOT, CLOSED])
        house.run(mode="full")
        assert held(house) == [("/A", Reason.UNLISTED, Outcome.HELD)]
        assert house.target.tree() == {}
        assert house.debt() == 1


def test_the_mirrored_folder_itself_may_be_unlisted(house: House) -> None:
    house.fill()
    house.run()
    house.source.items["root"] = replace(ROOT, flags=frozenset({Flag.UNLISTED}))
    house.source.unlisted |= {"1", "2", "e"}
    house.run(mode="full")
    assert held(house) == [("/", Reason.UNLISTED, Outcome.HELD)]
    assert house.target.tree() == FILLED


def test_a_folder_that_is_excluded_bothers_nobody(house: House) -> None:
    house.fields["filters"] = {"exclude": ["/A"]}
    house.publish([ROOT, CLOSED, file("9", "a", "nine.txt")])
    house.run()
    assert held(house) == []
    assert house.debt() == 0
