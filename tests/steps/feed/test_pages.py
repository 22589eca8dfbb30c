"""Feed catalogue: pages in any order, with repeats, holes and ancestors, mean the same library."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from tests.planning.trees import ROOT, file, folder
from tests.steps.feed.catalogue import AT_START, FOUR, ONE, START, A, B, Case, check, gone, pages, publish, table
from tests.steps.house import House

NEW = folder("n", "a", "New")
INSIDE = file("9", "n", "nine.txt", "999999999")
ARRIVED = ("done create_folder new /A/New", "done upload new /A/New/nine.txt")
PLUS = {"/A/New": None, "/A/New/nine.txt": b"999999999"}


@table(
    Case("parent before child", pages([ROOT, A, NEW, INSIDE]), ARRIVED, plus=PLUS),
    Case("child before parent in one page", pages([INSIDE, NEW, A, ROOT]), ARRIVED, plus=PLUS),
    Case("child a page before its parent", pages([INSIDE], [NEW]), ARRIVED, plus=PLUS),
    Case("child a round before its parent", (([INSIDE], []), ([NEW],)), ARRIVED, plus=PLUS),
    Case("empty pages before, between and behind", pages([], [INSIDE], [], [], [NEW], []), ARRIVED, plus=PLUS),
    Case("nothing but an empty page", pages([]), ()),
    Case("nothing but empty pages", pages([], [], []), ()),
    Case("ancestors without a change", pages([ROOT, A], [ROOT, B, A]), ()),
    Case("ancestors whose size and time moved", pages([replace(ROOT, size=9, modified=9), replace(A, size=7)]), ()),
    Case("the same item unchanged", pages([FOUR], [FOUR, FOUR]), ()),
    Case(
        "a stale mention before the right one: the last wins",
        pages([file("9", "n", "old name.txt", "9"), NEW, INSIDE]), ARRIVED, plus=PLUS,
    ),
    Case(
        "a stale mention pages before the right one",
        pages([file("9", "a", "old name.txt", "9"), NEW], [replace(NEW, name="Newer")], [INSIDE], [NEW]),
        ARRIVED, plus=PLUS,
    ),
    Case("renamed to and fro", pages([replace(FOUR, name="vier.txt")], [FOUR]), ()),
    Case("edited and edited back", pages([file("4", "root", "four.txt", "5")], [FOUR]), ()),
    Case("created and deleted in one round", pages([NEW, INSIDE], [gone("9"), gone("n")]), ()),
    Case("deleted before it was ever shown", pages([gone("9"), gone("x")]), ()),
    Case(
        "deleted, and shown by a later page",
        pages([gone("1")], [replace(ONE, name="uno.txt")]), ("done move renamed /A/uno.txt",),
        minus=("/A/one.txt",), plus={"/A/uno.txt": b"1"},
    ),
    Case(
        "shown, and deleted by a later page",
        pages([replace(ONE, name="uno.txt")], [gone("1")]), ("done remove deleted_at_source /A/uno.txt",),
        minus=("/A/one.txt",),
    ),
)  # fmt: skip
def test_pages(house: House, case: Case) -> None:
    check(house, case)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("order", ["as made", "backwards", "odd first"])
def test_every_cut_and_order_of_a_first_round_makes_the_same_mirror(house: House, size: int, order: str) -> None:
    items = list(START)
    shuffled = {"as made": items, "backwards": items[::-1], "odd first": items[1::2] + items[::2]}[order]
    publish(house, [shuffled[at : at + size] for at in range(0, len(items), size)])
    house.run()
    assert house.target.tree() == AT_START
    assert house.debt() == 0
    assert house.source.counts["refresh"] == 0, "parents that come on a later page are waited for"


def test_every_order_of_one_folder_chain(tmp_path_factory: pytest.TempPathFactory) -> None:
    for order in itertools.permutations([A, NEW, INSIDE]):
        house = House(tmp_path_factory.mktemp("house"))
        publish(house, [[item] for item in (*order, ROOT)])
        house.run()
        assert house.target.tree() == {"/A": None, **PLUS}, [item.id for item in order]
        house.database.close()
