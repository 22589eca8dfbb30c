"""What the source says: pages into the tree, news into debt, and what a full enumeration may conclude."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, select
from tests.planning.trees import ROOT, file, folder, synced

from spfc.errors import PlaceNotFound, SourceSuspicious
from spfc.ledger.database import Database
from spfc.ledger.debts import copy_rows, debt_summary, strike_off, strike_off_unowed_ghosts, structure_rows
from spfc.ledger.observations import PageResult, debt_row, find_base, load_source, store_items, sweep
from spfc.ledger.owing import expand_new_folders, owe_everything_missing
from spfc.ledger.rows import synced_row, upsert
from spfc.ledger.schema import debt, synced_items
from spfc.ledger.surroundings import occupants, owed_parents, source_folders, synced_below, synced_folders
from spfc.planning.model import Flag, SourceItem, SyncedItem
from spfc.planning.names import fold

R = "route"
A, FILE = folder("a", "root", "A"), file("1", "a", "f.txt")


def owed(connection: Connection, route: str = R) -> set[str]:
    return set(connection.execute(select(debt.c.id).where(debt.c.route == route)).scalars())


def store(connection: Connection, *items: SourceItem, generation: int = 1, now: float = 1.0) -> PageResult:
    return store_items(connection, R, items, generation, now)


def copied(connection: Connection, *items: SourceItem) -> None:
    """Write down copies of ``items`` and strike them off."""
    upsert(connection, synced_items, [synced_row(R, synced(item), "run", 1.0) for item in items])
    strike_off(connection, R, [item.id for item in items])


def test_items_come_back_as_they_went(database: Database) -> None:
    items = [
        ROOT,
        file("1", "root", "日本 e\u0301 '\"%_\\.txt", hash=None, content_version=None, size=2**50),
        file("2", "root", "f", flags=frozenset({Flag.MALWARE, Flag.PENDING})),
        folder("3", "1", "x", deleted=True),
    ]
    with database.writing() as connection:
        assert store(connection, *items) == PageResult(4, 4)
        assert load_source(connection, R, ["root", "1", "2", "3", "4"]) == {item.id: item for item in items}
        assert load_source(connection, "another route", ["1"]) == {}


def test_new_items_are_owed_and_copied_ones_are_not(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, FILE)
        assert owed(connection) == {"root", "a", "1"}
        assert debt_summary(connection, R) == (3, 1.0)
        copied(connection, ROOT, A, FILE)
        assert debt_summary(connection, R) == (0, None)
        assert store(connection, ROOT, A, FILE, now=2.0) == PageResult(3, 0), "a repeated page is no news"
        assert owed(connection) == set()


def test_debt_appears_and_disappears_with_the_difference(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, FILE)
        copied(connection, ROOT, A, FILE)
        for changed in (file("1", "a", "f.txt", "2"), file("1", "root", "f.txt"), file("1", "a", "g.txt"),
                        replace(FILE, deleted=True)):  # fmt: skip
            store(connection, changed)
            assert owed(connection) == {"1"}, changed
            store(connection, FILE)
            assert owed(connection) == set(), "back as we have it"


def test_the_last_word_about_an_item_wins(database: Database) -> None:
    with database.writing() as connection:
        seen = store(connection, ROOT, FILE, replace(FILE, deleted=True), file("1", "a", "again.txt", "9"))
        assert seen == PageResult(2, 2)
        assert load_source(connection, R, ["1"])["1"].name == "again.txt"
        store(connection, file("2", "a", "x"), replace(file("2", "a", "x"), deleted=True))
        assert "2" not in owed(connection), "made and deleted between two looks"


def test_deleted_items_keep_the_name_and_parent_that_we_knew(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, FILE)
        store(connection, SourceItem("1", None, "", FILE.kind, deleted=True))
        assert load_source(connection, R, ["1"])["1"] == replace(FILE, deleted=True)


def test_unchanged_ancestors_are_no_news(database: Database) -> None:
    """The feed repeats every folder above a change, with another size and tag each time."""
    with database.writing() as connection:
        store(connection, ROOT, A)
        copied(connection, ROOT, A)
        seen = store(connection, replace(ROOT, size=9, version="x"), replace(A, size=9, modified=9, version="x"))
        assert seen == PageResult(2, 0)
        assert owed(connection) == set()


def test_news_ends_a_back_off_but_not_the_age_of_the_debt(database: Database) -> None:
    with database.writing() as connection:
        store(connection, FILE, now=1.0)
        connection.execute(debt.update().values(attempts=4, next_try=1e9, last_code="locked"))
        store(connection, file("1", "a", "f.txt", "2"), now=50.0)
        assert tuple(connection.execute(select(debt)).one()) == debt_row(R, "1", 1.0)


def test_more_items_than_one_statement_takes(database: Database) -> None:
    with database.writing() as connection:
        many = [file(str(n), "root", f"{n}.txt") for n in range(1201)]
        assert store(connection, ROOT, *many) == PageResult(1202, 1202)
        assert store(connection, ROOT, *many) == PageResult(1202, 0)
        assert len(load_source(connection, R, [str(n) for n in range(1201)])) == 1201
        assert sum(len(piece) for piece in copy_rows(connection, R, size=100)) == 1201


def test_a_sweep_owes_what_a_full_enumeration_did_not_show(database: Database) -> None:
    never = file("2", "a", "never copied")
    with database.writing() as connection:
        store(connection, ROOT, A, FILE, never)
        copied(connection, ROOT, A, FILE)
        store(connection, ROOT, A, generation=2, now=7.0)
        assert sweep(connection, R, 2, 7.0) == 2
        assert load_source(connection, R, ["1"])["1"].deleted
        assert owed(connection) == {"1"}
        assert debt_summary(connection, R) == (1, 7.0)
        assert sweep(connection, R, 2, 8.0) == 0


@pytest.mark.parametrize("shown", [(), (A,), (ROOT,)])
def test_a_sweep_refuses_what_looks_like_lost_access(database: Database, shown: tuple[SourceItem, ...]) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, FILE)
        copied(connection, ROOT, A, FILE)
    with pytest.raises(SourceSuspicious), database.writing() as connection:
        store(connection, *shown, generation=2)
        sweep(connection, R, 2, 5.0)
    with database.reading() as connection:
        assert owed(connection) == set()
        assert not load_source(connection, R, ["1"])["1"].deleted


def test_an_empty_library_of_which_we_hold_nothing_is_believed(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, FILE)
        copied(connection, ROOT)
        store(connection, ROOT, generation=2)
        assert sweep(connection, R, 2, 5.0) == 1
        assert owed(connection) == set()


def test_the_base_of_a_route_is_found_by_path(database: Database) -> None:
    with database.writing() as connection:
        with pytest.raises(SourceSuspicious):
            find_base(connection, R, "/")
        store(connection, ROOT, A, folder("b", "a", "Böse\u0301"), folder("x", "root", "gone", deleted=True), FILE)
        assert find_base(connection, R, "/") == ROOT
        assert find_base(connection, R, "/a/BÖSÉ").id == "b"
        for missing, named in (("/a/c", "'c'"), ("/gone", "'gone'"), ("/A/f.txt", "'f.txt'")):
            with pytest.raises(PlaceNotFound, match=named):
                find_base(connection, R, missing)


def test_a_restored_folder_brings_its_content(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, folder("b", "a", "B"), file("1", "b", "f"), file("2", "b", "g", deleted=True))
        copied(connection, ROOT)
        strike_off(connection, R, ["a", "b", "1"])
        store(connection, replace(A, deleted=True))
        store(connection, A)
        assert owed(connection) == {"a"}
        assert expand_new_folders(connection, R, 3.0) == 2
        assert owed(connection) == {"a", "b", "1"}
        assert expand_new_folders(connection, R, 3.0) == 0


def test_a_folder_that_returns_to_its_copy_brings_what_was_never_copied(database: Database) -> None:
    """While it was deleted (and its copy kept) its new files were owed to nobody; the feed names only the folder."""
    sub = folder("s", "a", "S")
    with database.writing() as connection:
        store(connection, ROOT, A, sub, FILE, file("2", "s", "new"), file("3", "s", "gone", deleted=True))
        copied(connection, ROOT, A, sub, FILE)
        store(connection, replace(A, deleted=True))
        strike_off(connection, R, ["a", "2"])
        store(connection, A)
        assert owed(connection) == {"2"}


def test_a_changed_filter_owes_everything_missing(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, FILE, file("2", "a", "g"), file("3", "a", "h", deleted=True))
        copied(connection, ROOT, A, FILE)
        strike_off(connection, R, ["2"])
        assert owe_everything_missing(connection, R, 9.0) == 1
        assert owed(connection) == {"2"}


def test_debt_about_nothing_is_forgotten(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT)
        upsert(connection, debt, [debt_row(R, "ghost", 1.0)])
        assert strike_off_unowed_ghosts(connection, R) == 1
        assert owed(connection) == {"root"}


def test_plain_copies_and_the_rest_are_told_apart_as_in_python(database: Database) -> None:
    held = [ROOT, A, FILE, file("2", "a", "b"), file("3", "a", "c"), file("4", "a", "d")]
    now = [file("1", "a", "f.txt", "22"), file("2", "root", "b"), file("3", "a", "cc"), replace(held[5], deleted=True),
           file("5", "a", "e"), folder("6", "a", "F"), file("7", None, "lost")]  # fmt: skip
    with database.writing() as connection:
        store(connection, *held)
        copied(connection, *held)
        store(connection, *now)
        copies = [row for piece in copy_rows(connection, R) for row in piece]
        others = structure_rows(connection, R)
        assert {row.id for row in copies} == {"1", "5", "7"}
        assert {row.id for row in others} == {"2", "3", "4", "6"}
        assert all(row.is_copy_only for row in copies)
        assert not any(row.is_copy_only for row in others)
        assert {row.id: row.synced for row in copies}["1"] == synced(FILE)


def test_siblings_come_together_in_the_order_of_their_folded_names(database: Database) -> None:
    with database.writing() as connection:
        items = [file(f"{parent}{n}", parent, f"{'xX'[n % 2]}{9 - n // 2}") for parent in "pq" for n in range(10)]
        store(connection, *items)
        rows = [row.source for piece in copy_rows(connection, R, size=3) for row in piece if row.source]
        keys = [(row.parent_id, fold(row.name), row.id) for row in rows]
        assert keys == sorted(keys)


def test_folders_around_the_debt_are_read_up_to_the_top(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [ROOT, *(folder(f"d{n}", f"d{n - 1}" if n else "root", "d") for n in range(30))]
    with database.writing() as connection:
        store(connection, *chain, file("f", "d29", "f"), folder("other", "root", "o"))
        copied(connection, *chain)
        assert owed_parents(connection, R) == ({"d29", "root"}, set())
        assert source_folders(connection, R, {"d29"}).keys() == {item.id for item in chain}
        assert synced_folders(connection, R, {"d29"}).keys() == {item.id for item in chain}
        monkeypatch.setattr("spfc.ledger.surroundings.WHOLE_TREE_FROM", 1)
        assert source_folders(connection, R, {"d29"}).keys() == {item.id for item in chain} | {"other"}
        assert synced_below(connection, R, "d10") == 20


def test_who_stands_at_a_name(database: Database) -> None:
    leaver = file("2", "a", "g.txt")
    with database.writing() as connection:
        store(connection, ROOT, A, FILE, leaver)
        copied(connection, ROOT, A, FILE, leaver)
        upsert(connection, synced_items, [synced_row(R, SyncedItem("9", "a", "z", "z", FILE.kind), "run", 1.0)])
        store(connection, replace(leaver, name="h.txt"))
        found = occupants(connection, R, [("a", "f.txt"), ("a", "g.txt"), ("a", "z"), ("a", "no"), (None, "f.txt")])
        assert {key: (who.item.id, who.stays) for key, who in found.items()} == {
            ("a", "f.txt"): ("1", True),
            ("a", "g.txt"): ("2", False),
            ("a", "z"): ("9", False),
        }


HIDDEN = replace(A, flags=frozenset({Flag.UNLISTED}))


def test_a_sweep_spares_what_lies_below_a_folder_that_could_not_be_listed(database: Database) -> None:
    """At any depth, whether it was copied or not; not its siblings, and not a folder that was not shown itself."""
    deep = [folder("s", "a", "S"), file("2", "s", "g"), file("3", "s", "never copied")]
    lost = folder("l", "root", "L", flags=frozenset({Flag.UNLISTED}))
    others = [folder("b", "root", "B"), file("4", "b", "h"), lost, file("5", "l", "i")]
    with database.writing() as connection:
        store(connection, ROOT, A, FILE, *deep, *others)
        copied(connection, ROOT, A, FILE, *deep[:2], *others)
        store(connection, ROOT, HIDDEN, generation=2)
        assert owed(connection) == {"a", "3"}
        assert sweep(connection, R, 2, 7.0) == 4
        assert owed(connection) == {"a", "3", "b", "4", "l", "5"}
        alive = load_source(connection, R, ["root", "a", "1", "s", "2", "3", "b", "4", "l", "5"])
        assert {item_id for item_id, item in alive.items() if not item.deleted} == {"root", "a", "1", "s", "2", "3"}


def test_what_lay_below_an_unlisted_folder_is_gone_when_a_clean_listing_does_not_show_it(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, FILE, file("2", "a", "g"))
        copied(connection, ROOT, A, FILE, file("2", "a", "g"))
        store(connection, ROOT, HIDDEN, generation=2)
        assert sweep(connection, R, 2, 7.0) == 0
        store(connection, ROOT, A, FILE, generation=3)
        assert sweep(connection, R, 3, 8.0) == 1
        assert owed(connection) == {"2"}, "and the folder itself is owed no more"


def test_a_folder_that_stays_unlisted_is_owed_again_each_time(database: Database) -> None:
    """Somebody must hear of it in every run, also when a run has struck it off."""
    with database.writing() as connection:
        store(connection, ROOT, HIDDEN)
        copied(connection, ROOT, HIDDEN)
        assert store(connection, ROOT, HIDDEN, generation=2) == PageResult(2, 1)
        assert owed(connection) == {"a"}
