"""What an audit saw at the target becomes the truth of the ledger, and debt."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from tests.planning.trees import ROOT, file, folder, synced

from spfc.ledger.database import Database
from spfc.ledger.drift import store_findings, synced_children, synced_in_window
from spfc.ledger.observations import load_synced, store_items
from spfc.ledger.rows import synced_row, upsert
from spfc.ledger.schema import debt, synced_items
from spfc.planning.audit import Drift, Finding
from spfc.planning.difference import owed
from spfc.planning.model import Kind, SyncedItem, TargetEntry, Verification

R = "route"
ITEMS = [
    ROOT,
    folder("a", "root", "A"),
    folder("b", "a", "B"),
    file("1", "a", "one.txt", modified=100),
    file("2", "b", "two.txt", modified=200),
    file("3", "root", "three.txt", modified=300),
]
COPIES = {item.id: synced(item) for item in ITEMS}


def fill(database: Database) -> None:
    with database.writing() as connection:
        store_items(connection, R, ITEMS, 1, 1.0)
        upsert(connection, synced_items, [synced_row(R, copy, "run1", 2.0) for copy in COPIES.values()])
        connection.execute(debt.delete())


def state(database: Database) -> tuple[dict[str, SyncedItem], dict[str, str]]:
    with database.reading() as connection:
        owed_rows = connection.execute(select(debt.c.id, debt.c.last_code).where(debt.c.route == R))
        return load_synced(connection, R, list(COPIES)), {row.id: row.last_code for row in owed_rows}


def test_children_by_folder(database: Database) -> None:
    fill(database)
    with database.reading() as connection:
        found = synced_children(connection, R, ["root", "b", "nobody"])
    assert {key: sorted(item.id for item in items) for key, items in found.items()} == {
        "root": ["3", "a"], "b": ["2"], "nobody": [],
    }  # fmt: skip


def test_a_window_takes_its_beginning_and_not_its_end(database: Database) -> None:
    fill(database)
    with database.reading() as connection:
        found = synced_in_window(connection, R, 100, 300)
    assert {key: [item.id for item in items] for key, items in found.items()} == {"a": ["1"], "b": ["2"]}


def test_a_missing_folder_takes_everything_below_it_along(database: Database) -> None:
    fill(database)
    with database.writing() as connection:
        store_findings(connection, R, 5.0, [Finding(Drift.MISSING, COPIES["a"])])
        store_findings(connection, R, 5.0, [Finding(Drift.MISSING, COPIES["a"])])
    copies, debts = state(database)
    assert set(copies) == {"root", "3"}
    assert debts == dict.fromkeys(["a", "b", "1", "2"], "missing_at_target")


def test_an_edited_copy_is_owed_and_no_longer_ours(database: Database) -> None:
    fill(database)
    theirs = TargetEntry("/A/one.txt", "one.txt", Kind.FILE, 99, 777, "e9")
    with database.writing() as connection:
        store_findings(connection, R, 5.0, [Finding(Drift.CHANGED, COPIES["1"], theirs)])
    copies, debts = state(database)
    assert copies["1"] == replace(
        COPIES["1"], size=99, modified=777, target_etag="e9", version="", content_version=None, hash=None,
        verification=Verification.FOREIGN.value,
    )  # fmt: skip
    assert owed(ITEMS[3], copies["1"])
    assert set(debts) == {"1"}


def test_a_renamed_copy_is_to_be_moved_and_a_new_etag_only_remembered(database: Database) -> None:
    fill(database)
    renamed = TargetEntry("/A/ONE.txt", "ONE.txt", Kind.FILE, 1, 100, "e1")
    retagged = TargetEntry("/three.txt", "three.txt", Kind.FILE, 1, 300, "e3")
    with database.writing() as connection:
        store_findings(
            connection, R, 5.0,
            [Finding(Drift.RENAMED, COPIES["1"], renamed), Finding(Drift.RETAGGED, COPIES["3"], retagged)],
        )  # fmt: skip
    copies, debts = state(database)
    assert copies["1"] == replace(COPIES["1"], target_name="ONE.txt", source_name="ONE.txt")
    assert owed(ITEMS[3], copies["1"])
    assert copies["3"] == replace(COPIES["3"], target_etag="e3")
    assert set(debts) == {"1"}
