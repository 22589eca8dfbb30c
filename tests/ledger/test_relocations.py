"""Claims of new places, leftovers at old ones, and what is owed about them, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select
from tests.planning.trees import ROOT, file, folder, synced

from spfc.ledger.database import Database
from spfc.ledger.observations import debt_row, load_synced, store_items
from spfc.ledger.outcomes import LineResult, record_results
from spfc.ledger.relocations import (
    PIECE,
    children_after,
    claim_places,
    forget_copies,
    holds_copies,
    leave_behind,
)
from spfc.ledger.rows import synced_row, upsert
from spfc.ledger.schema import debt, synced_items
from spfc.planning.leftovers import is_leftover, leftover_id, stands_for
from spfc.planning.model import Kind, Outcome, SyncedItem

R, LEFT = "route", leftover_id("route.1.1.7", "d")
HOME, OLD, DEEP, FILE = folder("h", "root", "Home"), folder("n", "root", "Net"), folder("d", "h", "deep"), file(
    "1", "d", "f.txt")  # fmt: skip
AT_OLD = synced(DEEP, parent_id="n")
AT_NEW = synced(DEEP)


def left(parent: str) -> SyncedItem:
    return SyncedItem(LEFT, parent, "deep", "deep", Kind.FOLDER)


@pytest.fixture
def ledger(database: Database) -> Database:
    """The folder ``deep`` was moved from Net to Home at the source; at the target it is still in Net."""
    with database.writing() as connection:
        store_items(connection, R, [ROOT, HOME, OLD, DEEP, FILE], 1, 1.0)
        copies = [synced(ROOT), synced(HOME), synced(OLD), AT_OLD, synced(FILE)]
        upsert(connection, synced_items, [synced_row(R, copy, "run", 1.0) for copy in copies])
        connection.execute(debt.delete())
        upsert(connection, debt, [debt_row(R, "d", 5.0)], update=())
    return database


def owed(connection: Connection) -> set[str]:
    return set(connection.execute(select(debt.c.id)).scalars())


def parents(connection: Connection) -> dict[str, str | None]:
    return {row.id: row.parent_id for row in connection.execute(select(synced_items.c.id, synced_items.c.parent_id))}


def test_an_id_tells_what_was_left_and_by_whom() -> None:
    assert is_leftover(LEFT) and not is_leftover("d")
    assert [stands_for(item_id) for item_id in (LEFT, "d", None)] == ["d", "d", None]


def test_a_claim_becomes_a_leftover_when_both_places_change_hands(ledger: Database) -> None:
    with ledger.writing() as connection:
        for _ in range(2):  # a repeated claim changes nothing
            claim_places(connection, route=R, run_id="run", now=2.0, claims=[left("h")])
        assert parents(connection) == {"root": None, "h": "root", "n": "root", "d": "n", "1": "d", LEFT: "h"}
        assert owed(connection) == {"d", LEFT}
        leave_behind(connection, route=R, run_id="run", now=3.0, pairs=[(AT_NEW, left("n"))])
        assert parents(connection) == {"root": None, "h": "root", "n": "root", "d": "h", "1": LEFT, LEFT: "n"}
        assert owed(connection) == {"1", LEFT}, "the folder has arrived, its child has yet to follow"
        assert holds_copies(connection, R, LEFT) and holds_copies(connection, R, LEFT, owed_ones=True)
        assert not holds_copies(connection, R, "d")


def test_what_is_no_more_is_owed_anew_or_not_at_all(ledger: Database) -> None:
    with ledger.writing() as connection:
        claim_places(connection, route=R, run_id="run", now=2.0, claims=[left("h")])
        forget_copies(connection, R, [LEFT], owed_still=False, now=3.0)
        forget_copies(connection, R, ["1"], owed_still=True, now=3.0)
        assert owed(connection) == {"d", "1"}
        assert set(load_synced(connection, R, ["1", LEFT, "d"])) == {"d"}


def test_children_come_in_pieces_and_by_kind(ledger: Database) -> None:
    with ledger.writing() as connection:
        many = [synced(file(f"x{n:04}", "d", f"x{n}")) for n in range(PIECE + 10)] + [synced(folder("y", "d", "y"))]
        upsert(connection, synced_items, [synced_row(R, copy, "run", 1.0) for copy in many])
        first = children_after(connection, R, "d", folders=False)
        second = children_after(connection, R, "d", folders=False, after=first[-1].id)
        assert [len(first), len(second)] == [PIECE, 11]
        assert len({child.id for child in first + second}) == PIECE + 11
        assert [child.id for child in children_after(connection, R, "d", folders=True)] == ["y"]


def test_a_leftover_that_could_not_be_removed_stays_owed(ledger: Database) -> None:
    with ledger.writing() as connection:
        claim_places(connection, route=R, run_id="run", now=2.0, claims=[left("h")])
        for outcome, removed in ((Outcome.DEFERRED, False), (Outcome.DONE, True)):
            record_results(
                connection, route=R, plan_id="p", run_id="run", now=4.0,
                results=[LineResult(1, LEFT, outcome, code="" if removed else "x", removed=removed)],
            )  # fmt: skip
            assert (LEFT in owed(connection)) is not removed
