"""Feed catalogue: folders that the feed never shows are asked for by id, once; what has no folder waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.planning.trees import ROOT, file, folder
from tests.steps.feed.catalogue import (
    AT_START,
    ONE,
    START,
    A,
    Case,
    begin,
    check,
    gone,
    pages,
    publish,
    put,
    table,
    told,
)
from tests.steps.house import House

from spfc.errors import CursorExpired, PermissionMissing, ServiceBusy
from spfc.ledger.orphans import owed_orphans, unshown_parents
from spfc.steps.enumerate import enumerate_source
from spfc.steps.parents import STORE_EVERY

P, Q = folder("p", "root", "P"), folder("q", "p", "Q")
IN_P, ALSO_IN_P, IN_Q = file("5", "p", "five.txt", "5"), file("6", "p", "six.txt", "66"), file("7", "q", "7.txt", "777")


@table(
    Case(
        "a parent that never comes is fetched", pages([IN_P]),
        ("done create_folder new /P", "done upload new /P/five.txt"),
        plus={"/P": None, "/P/five.txt": b"5"}, known=(P,), refreshed=1,
    ),
    Case(
        "one parent of many items costs one request", pages([IN_P], [ALSO_IN_P]),
        ("done create_folder new /P", "done upload new /P/five.txt", "done upload new /P/six.txt"),
        plus={"/P": None, "/P/five.txt": b"5", "/P/six.txt": b"66"}, known=(P,), refreshed=1,
    ),
    Case(
        "and so on up to a folder that is known", pages([IN_Q]),
        ("done create_folder new /P", "done create_folder new /P/Q", "done upload new /P/Q/7.txt"),
        plus={"/P": None, "/P/Q": None, "/P/Q/7.txt": b"777"}, known=(P, Q), refreshed=2,
    ),
    Case("a copied file moved there", pages([replace(ONE, parent_id="p")]),
         ("done create_folder new /P", "done move moved /P/one.txt"),
         minus=("/A/one.txt",), plus={"/P": None, "/P/one.txt": b"1"}, known=(P,), refreshed=1),
    Case("a parent that the source does not have either", pages([IN_P]),
         ("deferred hold parent_unknown /?/five.txt",), debt=1, refreshed=1),
    Case("a grandparent that the source does not have either", pages([IN_Q]),
         ("deferred hold parent_unknown /?/Q/7.txt", "deferred hold parent_unknown /?/Q"),
         debt=2, known=(Q,), refreshed=2),
    Case("a copied file moved to where nobody knows: its copy stays", pages([replace(ONE, parent_id="p")]),
         ("deferred hold parent_unknown /?/one.txt",), debt=1, refreshed=1),
    Case("deleted items need no parent", pages([IN_P], [gone("5")]), (), known=(P,)),
    Case("nor do items whose copies are right", pages([A, ONE]), (), known=(P,)),
    Case("what is excluded by its own name still needs to be found", pages([file("5", "p", "x.tmp", "5")]),
         ("skipped skip excluded /P/x.tmp", "done create_folder empty_folder /P"),
         plus={"/P": None}, known=(P,), refreshed=1),
)  # fmt: skip
def test_parents(house: House, case: Case) -> None:
    check(house, case)


def test_a_parent_that_the_source_does_not_have_is_asked_for_once_in_each_run_with_changes(house: House) -> None:
    begin(house, Case("", ()))
    publish(house, [[IN_P], [ALSO_IN_P]])
    house.run()
    assert house.source.counts["refresh"] == 1
    house.run()
    house.run()
    assert house.source.counts["refresh"] == 1, "nothing changed, so nothing is asked"
    publish(house, [[IN_Q]])
    house.run()
    assert house.source.counts["refresh"] == 3, "p once more, and q"
    assert house.debt() == 3
    publish(house, [[P, Q]])
    house.run()
    assert house.target.tree() == {
        **AT_START, "/P": None, "/P/five.txt": b"5", "/P/six.txt": b"66", "/P/Q": None, "/P/Q/7.txt": b"777",
    }  # fmt: skip
    assert house.debt() == 0


def test_a_run_without_changes_looks_for_no_parents(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(house, Case("", ()))

    def never(*_: object) -> set[str]:
        raise AssertionError("the ledger was searched for orphans")

    monkeypatch.setattr("spfc.steps.parents.owed_orphans", never)
    monkeypatch.setattr("spfc.steps.parents.unshown_parents", never)
    house.run()
    assert house.source.counts == {"bind": 1, "changes": 1}


@pytest.mark.parametrize("how", ["full", "resync"])
def test_a_sweep_spares_a_folder_that_only_an_id_finds(house: House, how: str) -> None:
    """The enumeration lists the file but not its folder: by the feed alone the folder would look deleted."""
    begin(house, Case("", ()))
    publish(house, [[P, Q, IN_Q]])
    house.run()
    house.source.unlisted = {"p", "q"}
    before = house.target.tree()
    assert before["/P/Q/7.txt"] == b"777"
    house.source.counts.clear()
    for _ in range(2):
        if how == "resync":
            house.source.fail_next["changes"] = [CursorExpired("gone")]
            house.run()
        else:
            house.run(mode="full")
        assert house.enumeration["full"] is True
        assert (told(house), house.debt()) == ([], 0)
        assert house.target.tree() == before
    assert house.source.counts["refresh"] == 4, "two folders, two runs"
    house.source.items.pop("7")
    house.run(mode="full")
    assert "/P" not in house.target.tree(), "no live item is in them any more, so nothing says that they live"


def test_a_first_enumeration_is_completed_before_its_plan(house: House) -> None:
    put(house, [P, Q])
    house.source.items |= {"p": P, "q": Q}
    house.source.unlisted = {"p", "q"}
    publish(house, [[ROOT, IN_Q], list(START[1:])])
    house.run()
    assert house.target.tree() == {**AT_START, "/P": None, "/P/Q": None, "/P/Q/7.txt": b"777"}
    assert house.source.counts["refresh"] == 2


def test_a_folder_that_the_last_page_shows_is_not_asked_for(house: House) -> None:
    publish(house, [[ROOT, IN_Q], [IN_P], [*START[1:], Q, P]])
    house.run()
    assert (house.debt(), house.source.counts["refresh"]) == (0, 0)


def test_a_folder_that_may_not_be_seen_holds_its_own_items_only(house: House) -> None:
    begin(house, Case("", ()))
    publish(house, [[IN_P, file("8", "a", "eight.txt", "8")]])
    house.source.fail_next["refresh"] = [PermissionMissing("not for you")]
    house.run()
    assert told(house) == ["deferred hold parent_unknown /?/five.txt", "done upload new /A/eight.txt"]


def test_an_answer_that_is_no_folder_is_no_parent(house: House) -> None:
    begin(house, Case("", ()))
    publish(house, [[file("8", "4", "in a file.txt", "8"), file("9", "x", "9.txt", "9")]])
    house.source.items["x"] = file("x", "root", "a file")
    house.run()
    assert house.debt() == 2
    assert house.target.tree() == AT_START


def test_trouble_while_parents_are_fetched_repeats_the_last_page_and_what_was_fetched_stays(house: House) -> None:
    many = [folder(f"p{n:03}", "root", f"P{n:03}") for n in range(STORE_EVERY + 3)]
    house.source.items |= {item.id: item for item in many}
    house.source.unlisted = {item.id for item in many}
    publish(house, [START, [file(f"f{n}", item.id, "f.txt", "1") for n, item in enumerate(many)]])
    plain = house.source.refresh

    def broken(item_id: str) -> object:
        if house.source.counts["refresh"] == STORE_EVERY + 1:
            house.source.counts["refresh"] += 1
            raise ServiceBusy("no")
        return plain(item_id)

    house.source.refresh = broken  # type: ignore[method-assign,assignment]
    run = house.context(run_id="same")
    with pytest.raises(ServiceBusy):
        enumerate_source(run)
    assert house.source.counts == {"bind": 1, "changes": 2, "refresh": STORE_EVERY + 2}
    house.source.refresh = plain  # type: ignore[method-assign]
    told_again = enumerate_source(house.context(run_id="same"))
    assert house.source.counts["changes"] == 4, "the last page again, and the round that says that all is quiet"
    assert house.source.counts["refresh"] == STORE_EVERY + 2 + 3, "only those that had not been stored"
    assert told_again["debt"] == len(START) + 2 * len(many)


def test_the_queries_find_what_they_promise(house: House) -> None:
    publish(house, [[*START, IN_P, gone("x")]])
    house.run()
    with house.database.reading() as connection:
        assert owed_orphans(connection, "house") == {"p"}
        assert unshown_parents(connection, "house", 1) == {"p"}
        assert unshown_parents(connection, "house", 2) == set(), "nothing live was shown in that generation"
        assert owed_orphans(connection, "other") == set()
