"""Parents that the feed left out are found, on both databases; and copies that a filter let fall behind."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection
from tests.planning.trees import ROOT, file, folder, synced

from spfc.ledger.database import Database
from spfc.ledger.debts import strike_off
from spfc.ledger.observations import store_items
from spfc.ledger.orphans import observed, owed_orphans, unshown_parents
from spfc.ledger.owing import owe_everything_changed
from spfc.ledger.rows import synced_row, upsert
from spfc.ledger.schema import debt, synced_items
from spfc.planning.model import SourceItem

R = "route"
A, LOST = folder("a", "root", "A"), file("1", "p", "lost.txt")


def store(connection: Connection, *items: SourceItem, generation: int = 1) -> None:
    store_items(connection, R, items, generation, 1.0)


def owed(connection: Connection) -> set[str]:
    return set(connection.execute(debt.select().with_only_columns(debt.c.id)).scalars())


def test_parents_that_a_full_enumeration_did_not_show(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, file("2", "a", "old.txt"), folder("p", "root", "P"), file("3", "q", "gone.txt"))
        store(connection, ROOT, LOST, file("4", "x", "x", deleted=True), generation=2)
        assert unshown_parents(connection, R, 1) == {"q"}
        assert unshown_parents(connection, R, 2) == {"p"}, "shown before, but not this time"
        assert unshown_parents(connection, "other", 1) == set()
        store(connection, folder("p", "root", "P"), generation=2)
        assert unshown_parents(connection, R, 2) == set()


def test_parents_of_what_is_owed_that_nobody_knows(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, LOST, file("2", "p", "also lost"), file("3", "q", "paid"), file("4", "a", "fine"))
        store(connection, file("5", "z", "deleted"), file("6", "y", "deleted", deleted=True))
        strike_off(connection, R, ["3"])
        assert owed_orphans(connection, R) == {"p", "z"}
        store(connection, file("5", "z", "deleted", deleted=True), folder("p", "q", "P"))
        assert owed_orphans(connection, R) == {"q"}


def test_what_was_observed_since_a_generation(database: Database) -> None:
    with database.writing() as connection:
        store(connection, ROOT, A, folder("d", "a", "D", deleted=True))
        store(connection, ROOT, generation=2)
        assert observed(connection, R, {"root", "a", "d", "no"}) == {"root", "a", "d"}
        assert observed(connection, R, {"root", "a", "d", "no"}, 2) == {"root"}
        assert observed(connection, R, set()) == set()


def test_copies_that_fell_behind_are_owed(database: Database) -> None:
    items = [ROOT, A, *(file(str(n), "a", f"{n}.txt") for n in range(5)), folder("b", "root", "B")]
    now = [
        replace(items[2], version="2"), replace(items[3], name="renamed"), replace(items[4], parent_id="root"),
        replace(items[5], deleted=True), folder("b", "a", "B", version="9"), replace(A, version="7"),
    ]  # fmt: skip
    with database.writing() as connection:
        store(connection, *items)
        upsert(connection, synced_items, [synced_row(R, synced(item), "run", 1.0) for item in items])
        connection.execute(debt.delete())
        assert owe_everything_changed(connection, R, 5.0) == 0
        store(connection, *now)
        connection.execute(debt.delete())
        assert owe_everything_changed(connection, R, 5.0) == 4
        assert owed(connection) == {"0", "1", "2", "b"}
        assert owe_everything_changed(connection, R, 6.0) == 0
