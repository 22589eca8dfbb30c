"""What the guard of overwrites asks of the ledger, on both databases."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from tests.planning.trees import ROOT, file, folder, synced

from spfc.ledger.database import Database
from spfc.ledger.observations import debt_row, store_items
from spfc.ledger.overwrites import (
    changed_rows,
    count_changed,
    count_synced_files,
    explain_held,
    has_held,
    held_versions,
    plan_is_known,
)
from spfc.ledger.plans import LineDigest, add_lines, copy_sizes, seal, verify_seal
from spfc.ledger.rows import synced_row, upsert
from spfc.ledger.schema import debt, synced_items
from spfc.planning.difference import same_content
from spfc.planning.model import Action, Kind, Outcome, PlanLine, Reason, SourceItem, SyncedItem

R, PLAN = "route", "route.1.1"


def combinations() -> list[tuple[SourceItem, SyncedItem]]:
    """Return every way in which size, time, tag and hash may be known and agree, or not."""
    base = file("x", "root", "f.txt", modified=50)
    found = []
    for number, (size, modified, tags, hashes) in enumerate(
        itertools.product((1, 2), (50, 51), *[[(None, None), ("a", None), (None, "a"), ("a", "a"), ("a", "b")]] * 2)
    ):
        one = replace(base, id=str(number), name=f"{number}.txt", size=1, content_version=tags[0], hash=hashes[0])
        copy = synced(replace(one, size=size, modified=modified, content_version=tags[1], hash=hashes[1]))
        found.append((one, copy))
    return found


def put(database: Database, items: list[SourceItem], copies: list[SyncedItem]) -> None:
    with database.writing() as connection:
        store_items(connection, R, items, 1, 1.0)
        upsert(connection, synced_items, [synced_row(R, copy, "run", 1.0) for copy in copies])
        upsert(connection, debt, [debt_row(R, item.id, 1.0) for item in items], update=())


def test_the_database_and_planning_agree_on_what_has_changed(database: Database) -> None:
    pairs = combinations()
    put(database, [one for one, _ in pairs], [copy for _, copy in pairs])
    expected = {one.id for one, copy in pairs if not same_content(one, copy)}
    assert 0 < len(expected) < len(pairs)
    with database.reading() as connection:
        found = [row for piece in changed_rows(connection, R, 7) for row in piece]
        assert count_changed(connection, R) == len(expected)
    assert {row.id for row in found} == expected
    assert all(row.source and row.synced and row.source.id == row.synced.id for row in found)


def test_only_owed_live_files_that_were_copied_count(database: Database) -> None:
    new, old, gone = file("1", "root", "1"), file("2", "root", "2", hash="h2"), file("3", "root", "3", hash="h2")
    moved = file("4", "root", "4", hash="h2")
    copies = [synced(replace(each, hash="h1")) for each in (old, gone, moved)]
    at_home = replace(copies[2], parent_id="a", target_name="elsewhere")
    put(database, [ROOT, folder("a", "root", "A"), new, old, replace(gone, deleted=True), moved],
        [synced(ROOT), synced(folder("a", "root", "A")), *copies[:2], at_home])  # fmt: skip
    with database.reading() as connection:
        assert (count_changed(connection, R), count_changed(connection, "another")) == (2, 0)
        assert (count_synced_files(connection, R), count_synced_files(connection, "another")) == (3, 0)
        assert {row.id for piece in changed_rows(connection, R) for row in piece} == {"2", "4"}


def update(item_id: str, version: str, action: Action = Action.UPDATE) -> PlanLine:
    return PlanLine(
        action, Reason.CONTENT_CHANGED, item_id, Kind.FILE, f"/{item_id}", f"/{item_id}", size=5,
        evidence={"old_version": "v1", "new_version": version},
    )  # fmt: skip


@pytest.fixture
def planned(database: Database) -> Database:
    lines = [
        (1, update("1", "v2"), Outcome.HELD),
        (2, update("2", "v3"), Outcome.HELD),
        (3, update("3", "v4"), Outcome.PENDING),
        (4, update("4", "v5", Action.REMOVE), Outcome.HELD),
    ]
    digest = LineDigest()
    for seq, line, _ in lines:
        digest.add(seq, line)
    with database.writing() as connection:
        add_lines(connection, R, PLAN, lines)
        assert not has_held(connection, PLAN)
        assert explain_held(connection, PLAN, "why", "what to do") == 2
        seal(connection, plan_id=PLAN, route=R, run_id="run", now=1.0, manifest={"digest": digest.value()})
    return database


def test_a_held_plan_remembers_the_versions_that_were_looked_at(planned: Database) -> None:
    with planned.reading() as connection:
        assert held_versions(connection, PLAN, ["1", "2", "3", "4", "5"]) == {"1": "v2", "2": "v3"}
        assert held_versions(connection, "route.1.2", ["1"]) == {}
        assert has_held(connection, PLAN)
        assert verify_seal(connection, PLAN), "why a line is held is no part of the seal"


def test_a_plan_belongs_to_its_route(planned: Database) -> None:
    with planned.reading() as connection:
        assert plan_is_known(connection, R, PLAN)
        assert not plan_is_known(connection, "another", PLAN)
        assert not plan_is_known(connection, R, "route.1.2")


def test_held_lines_are_not_packed(planned: Database) -> None:
    with planned.reading() as connection:
        assert list(copy_sizes(connection, PLAN)) == [(3, 5)]
