"""Feed catalogue: deletions without a name, in tiny pages, undone by a restore, and of more than is plausible."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.planning.trees import ROOT, file, folder
from tests.steps.feed.catalogue import (
    AT_START,
    DEEP,
    ONE,
    START,
    THREE,
    TWO,
    A,
    B,
    Case,
    begin,
    check,
    gone,
    pages,
    publish,
    table,
    told,
)
from tests.steps.house import House

from spfc.errors import PlaceNotFound, ServiceBusy
from spfc.steps.enumerate import enumerate_source

BELOW_A = ("/A", "/A/one.txt", "/A/two.txt")
DELETED_A = ("done remove deleted_at_source /A",)
LENIENT = {"policies": {"removal_guard": {"max_share": 1.0}}}


@table(
    Case("a file", pages([gone("1")]), ("done remove deleted_at_source /A/one.txt",), minus=("/A/one.txt",)),
    Case("a folder of which only the folder is told", pages([gone("a")]), DELETED_A, minus=BELOW_A),
    Case("a folder of which all is told, children first", pages([gone("1"), gone("2")], [gone("a")]), DELETED_A,
         minus=BELOW_A),
    Case("a folder of which all is told, the folder first", pages([gone("a")], [gone("2"), gone("1")]), DELETED_A,
         minus=BELOW_A),
    Case("nested folders, only the top told", pages([gone("b")]), ("done remove deleted_at_source /B",),
         minus=("/B", "/B/Deep", "/B/Deep/three.txt")),
    Case("told again a round later", (([gone("1")],), ([gone("1")],)),
         ("done remove deleted_at_source /A/one.txt",), minus=("/A/one.txt",)),
    Case("with a bogus hash and year 1", pages([gone("1", hash="0", modified=-1, version="x")]),
         ("done remove deleted_at_source /A/one.txt",), minus=("/A/one.txt",)),
    Case("with another name and parent than we knew", pages([replace(ONE, name="zzz", parent_id="b", deleted=True)]),
         ("done remove deleted_at_source /A/one.txt",), minus=("/A/one.txt",)),
    Case("deleted and restored in one round", pages([gone("1")], [ONE]), ()),
    Case("a folder deleted and restored in one round", pages([gone("a"), gone("1"), gone("2")], [A, ONE, TWO]), ()),
    Case("a folder deleted and restored in one round, its files untold", pages([gone("a")], [A]), ()),
    Case("deleted, restored and edited in one round", pages([gone("1")], [file("1", "a", "one.txt", "11")]),
         ("done update content_changed /A/one.txt",), plus={"/A/one.txt": b"11"}),
    Case("restored in a later run", pages([ONE]), ("done upload new /A/one.txt",), before=([gone("1")],)),
    Case("a folder restored in a later run, its files told", pages([A], [ONE, TWO]),
         ("done create_folder new /A", "done upload new /A/one.txt", "done upload new /A/two.txt"),
         before=([gone("a"), gone("1"), gone("2")],)),
    Case("a folder restored in a later run, its files untold", pages([A]),
         ("done create_folder new /A", "done upload new /A/one.txt", "done upload new /A/two.txt"),
         before=([gone("a")],)),
    Case("a tree restored in a later run, only its top told both times", pages([B]),
         ("done create_folder new /B", "done create_folder new /B/Deep", "done upload new /B/Deep/three.txt"),
         before=([gone("b")],)),
    Case("restored under another name", pages([replace(ONE, name="uno.txt")]), ("done upload new /A/uno.txt",),
         minus=("/A/one.txt",), plus={"/A/uno.txt": b"1"}, before=([gone("1")],)),
    Case("restored although another file has its name now", pages([replace(ONE, name="one1.txt")]),
         ("done upload new /A/one1.txt",), plus={"/A/one.txt": b"5", "/A/one1.txt": b"1"},
         before=([gone("1"), file("5", "a", "one.txt", "5")],)),
    Case("a new file in a folder that is deleted", pages([file("5", "a", "five.txt", "5")], [gone("a")]), DELETED_A,
         minus=BELOW_A),
    Case("an edited file in a folder that is deleted", pages([file("1", "a", "one.txt", "11")], [gone("a")]), DELETED_A,
         minus=BELOW_A),
    Case("the last file of a folder: the folder stays", pages([gone("3")]),
         ("done remove deleted_at_source /B/Deep/three.txt",), minus=("/B/Deep/three.txt",)),
    Case("everything but the root, in a route that allows it", pages([gone("a"), gone("b"), gone("4")]),
         ("done remove deleted_at_source /A", "done remove deleted_at_source /B",
          "done remove deleted_at_source /four.txt"), minus=tuple(AT_START), fields=LENIENT),
)  # fmt: skip
def test_deletes(house: House, case: Case) -> None:
    check(house, case)


def in_sevens(*ids: str) -> list[list[object]]:
    return [[gone(item_id) for item_id in ids[at : at + 7]] for at in range(0, len(ids), 7)]


def test_a_mass_delete_in_pages_of_seven_is_held_and_says_what_it_saw(house: House) -> None:
    many = [file(f"m{n:03}", "a", f"{n:03}.txt", "1") for n in range(93)]
    publish(house, [[*START, *many]])
    house.run()
    before = house.target.tree()
    publish(house, in_sevens(*(item.id for item in many[:60])))  # type: ignore[arg-type]
    house.run()
    assert house.enumeration["pages"] == 9 + 1
    assert house.manifest["guard"] == {
        "tripped": True,
        "text": "Held: 60 of 101 synced items (59%) would be removed; the route allows 25% at once.",
    }
    assert told(house) == [f"held remove deleted_at_source /A/{n:03}.txt" for n in range(60)]
    assert house.target.tree() == before
    publish(house, [many[:60]])
    house.run()
    assert (house.debt(), house.target.tree()) == (0, before), "restored before anybody decided"


def test_a_mass_delete_that_breaks_off_goes_on_at_the_page_where_it_was(house: House) -> None:
    many = [file(f"m{n:03}", "a", f"{n:03}.txt", "1") for n in range(70)]
    house.fields = LENIENT
    publish(house, [[*START, *many]])
    house.run()
    publish(house, in_sevens(*(item.id for item in many)))  # type: ignore[arg-type]
    plain, calls = house.source.changes, house.source.counts["changes"]

    def broken(cursor: str | None) -> object:
        if house.source.counts["changes"] == calls + 6:
            raise ServiceBusy("in mid-round")
        return plain(cursor)

    house.source.changes = broken  # type: ignore[method-assign,assignment]
    run = house.context(run_id="same")
    with pytest.raises(ServiceBusy):
        enumerate_source(run)
    assert house.debt() == 6 * 7
    house.source.changes = plain  # type: ignore[method-assign]
    house.end(run)
    house.run()
    assert house.source.counts["changes"] == calls + 10 + 1
    assert house.target.tree() == AT_START


def test_a_folder_is_removed_with_one_line_however_many_markers_come(house: House) -> None:
    chain = [folder(f"c{n}", f"c{n - 1}" if n else "root", f"c{n}") for n in range(20)]
    publish(house, [[*START, *chain]])
    house.fields = LENIENT
    house.run()
    publish(house, in_sevens(*(item.id for item in reversed(chain))))  # type: ignore[arg-type]
    calls = house.target.counts["remove"]
    house.run()
    assert told(house) == ["done remove deleted_at_source /c0"]
    assert house.target.counts["remove"] - calls <= 1
    assert house.target.tree() == AT_START


def test_a_deleted_item_that_only_its_marker_told_of_can_come_alive(house: House) -> None:
    begin(house, Case("", ()))
    publish(house, [[gone("n"), gone("5")]])
    house.run()
    assert house.manifest == {}
    publish(house, [[folder("n", "a", "New")], [file("5", "n", "five.txt", "5")]])
    house.run()
    assert house.target.tree() == {**AT_START, "/A/New": None, "/A/New/five.txt": b"5"}


def test_the_root_reported_as_deleted_removes_nothing(house: House) -> None:
    begin(house, Case("", ()))
    publish(house, [[gone("root"), gone("1")]])
    for _ in range(2):
        run = house.context()
        with pytest.raises(PlaceNotFound, match="the library itself was deleted"):
            enumerate_source(run)
        house.end(run)
    assert house.target.tree() == AT_START
    publish(house, [[ROOT, ONE, THREE, DEEP]])
    house.run()
    assert (house.debt(), house.target.tree()) == (0, AT_START)
