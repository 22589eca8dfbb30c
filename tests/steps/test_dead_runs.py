"""What the next run makes of one that died: its history gets an end, and what it had done is found out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.planning.trees import ROOT, folder
from tests.steps.house import House

from spfc.errors import LeaseHeld, ServiceBusy
from spfc.ledger.leases import LEASE_SECONDS
from spfc.ledger.plans import add_lines, stored_lines
from spfc.ledger.runs import load_run
from spfc.ledger.schema import plan_lines
from spfc.planning.model import Action, Kind, Outcome, PlanLine, Reason
from spfc.reporting.model import Verdict
from spfc.steps import copying, structure
from spfc.steps.closing import close_run
from spfc.steps.context import RunContext
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.structure import apply_structure
from spfc.targets.memory import MemoryTarget


def started(house: House) -> tuple[RunContext, str]:
    """Begin a run, up to its sealed plan."""
    run = house.context()
    enumerate_source(run)
    house.manifest = diff_and_plan(run)
    return run, house.manifest["plan_id"]


def forget(monkeypatch, module, step) -> None:
    """Let a step do its work and then die before it can write anything down."""

    class DiedError(Exception):
        pass

    def die(*_: object) -> None:
        raise DiedError

    with monkeypatch.context() as patched:
        patched.setattr(module, "record", die)
        try:
            step()
        except DiedError:
            return
    raise AssertionError("the step recorded nothing")


def outcomes(house: House, plan_id: str) -> list[tuple[str, str]]:
    with house.database.reading() as connection:
        return [(stored.line.path, stored.outcome.value) for stored in stored_lines(connection, plan_id)]


def test_a_run_that_died_is_ended_by_the_next_one(house: House) -> None:
    house.fill()
    dead, plan_id = started(house)
    house.clock.now += LEASE_SECONDS + 1
    house.run()
    with house.database.reading() as connection:
        row = load_run(connection, "house", dead.run_id)
    assert row is not None
    assert row.verdict == "failed"
    assert row.ended_at
    assert "without a word" in row.error
    assert {outcome for _, outcome in outcomes(house, plan_id)} == {"deferred"}


def test_lines_of_a_plan_that_was_never_sealed_are_forgotten(house: House) -> None:
    house.fill()
    dead = house.context()
    enumerate_source(dead)
    line = PlanLine(Action.UPLOAD, Reason.NEW, "1", Kind.FILE, "/A/one.txt", "/A/one.txt")
    with house.database.writing() as connection:
        add_lines(connection, "house", f"house.{dead.fence}.1", [(1, line, Outcome.PENDING)])
    house.clock.now += LEASE_SECONDS + 1
    house.run()
    with house.database.reading() as connection:
        known = set(connection.execute(select(plan_lines.c.plan_id)).scalars())
    assert known == {house.manifest["plan_id"]}


def test_a_second_plan_of_one_run_ends_the_first(house: House) -> None:
    house.fill()
    run, first = started(house)
    house.manifest = diff_and_plan(run)
    house.execute(run)
    assert house.manifest["plan_id"] != first
    assert {outcome for _, outcome in outcomes(house, first)} == {"deferred"}
    assert {outcome for _, outcome in outcomes(house, house.manifest["plan_id"])} == {"done"}


def test_an_interrupted_first_run_still_replaces_older_files(house: House) -> None:
    older = MemoryTarget(16)
    house.target = older
    house.publish([ROOT, house.file("1", "root", "a.txt", "old"), house.file("2", "root", "b.txt", "b")])
    house.run()
    house.database.close()
    house.folder = house.folder / "again"
    house.folder.mkdir()
    house.__post_init__()  # a new ledger, over a target that is not empty
    newer = house.file("1", "root", "a.txt", "newer at the source", modified=house.source.items["1"].modified + 100)
    house.publish([ROOT, newer, house.file("2", "root", "b.txt", "b")])
    dead, plan_id = started(house)
    apply_structure(dead, plan_id)
    house.clock.now += LEASE_SECONDS + 1
    house.run()
    assert ("/a.txt", "update", "done") in house.told()
    assert house.target.tree()["/a.txt"] == b"newer at the source"
    calls = house.target.counts["list_folder"]
    house.publish([house.file("3", "root", "c.txt", "c")])
    house.run()
    assert house.target.counts["list_folder"] == calls, "the first look is over when nothing is owed"


def test_an_upload_nobody_knew_of_is_found_before_the_source_moves_on(house: House, monkeypatch) -> None:
    house.fill()
    house.run()
    house.publish([house.file("4", "root", "four.txt", "first"), house.file("1", "a", "one.txt", "second body")])
    dead, plan_id = started(house)
    forget(monkeypatch, copying, lambda: transfer_batch(dead, plan_id, 0))
    house.publish([house.file("4", "root", "4.txt", "edited, renamed"), house.file("1", "a", "one.txt", "third body")])
    house.clock.now += LEASE_SECONDS + 1
    house.run()
    assert house.debt() == 0
    tree = house.target.tree()
    assert tree["/4.txt"] == b"edited, renamed"
    assert "/four.txt" not in tree
    assert tree["/A/one.txt"] == b"third body"
    assert "done" in {outcome for _, outcome in outcomes(house, plan_id)}


def test_content_that_came_back_is_not_taken_for_a_change_of_properties(house: House, monkeypatch) -> None:
    house.fill()
    house.run()
    original = house.source.items["1"]
    house.publish([house.file("1", "a", "one.txt", "second body", version="v2")])
    dead, plan_id = started(house)
    forget(monkeypatch, copying, lambda: transfer_batch(dead, plan_id, 0))
    house.publish([house.source.put(replace(original, version="v3"), b"first body")])
    house.clock.now += LEASE_SECONDS + 1
    house.run()
    assert house.target.tree()["/A/one.txt"] == b"first body"


def test_a_rename_that_is_taken_back_is_taken_back_at_the_target(house: House, monkeypatch) -> None:
    house.fill()
    house.run()
    house.publish([folder("a", "root", "B")])
    dead, plan_id = started(house)
    forget(monkeypatch, structure, lambda: apply_structure(dead, plan_id))
    assert "/B/one.txt" in house.target.tree()
    house.publish([folder("a", "root", "A")])
    house.clock.now += LEASE_SECONDS + 1
    house.run()
    assert "/A/one.txt" in house.target.tree()
    assert "/B" not in house.target.tree()


def test_a_run_that_ended_well_costs_no_second_look(house: House) -> None:
    house.fill()
    house.run()
    calls = house.target.calls
    house.run()
    assert house.target.calls == calls


def test_what_had_stepped_aside_is_quarantined_under_its_own_name(house: House) -> None:
    house.fill()
    house.run()
    house.publish([replace(house.source.items["2"], deleted=True), house.file("5", "root", "two.txt", "another")])
    dead, plan_id = started(house)
    apply_structure(dead, plan_id)
    assert any(".spfc-" in path for path in house.target.tree())
    house.clock.now += LEASE_SECONDS + 1
    house.run()
    assert [path.rpartition("/")[2] for path in house.target.retired() if path.endswith(".txt")] == ["two.txt"]


def test_a_repeated_first_look_does_not_take_our_own_folder_for_somebody_elses(house: House) -> None:
    """It is about to leave its name to a new one."""
    house.publish([ROOT, folder("a", "root", "A"), house.file("1", "root", "one.txt", "body")])
    house.source.fail_next["open"] = [ServiceBusy("no")] * 9
    house.run()
    house.source.fail_next.clear()
    house.publish([folder("a", "root", "B"), folder("n", "root", "A")])
    house.run()
    assert house.target.tree() == {"/A": None, "/B": None, "/one.txt": b"body"}


def whole(house: House, run_id: str, folder: Path) -> Verdict:
    """One run with its report, under a given name."""
    run = house.context(run_id=run_id)
    house.enumeration = enumerate_source(run)
    if house.enumeration["debt"]:
        house.manifest = diff_and_plan(run)
        house.execute(run)
    return close_run(house.context(run_id=run_id), folder).verdict


def test_a_run_that_is_cleared_after_its_report_does_everything_anew(house: House, tmp_path: Path) -> None:
    house.fill()
    assert whole(house, "same", tmp_path) is Verdict.GREEN
    house.publish([house.file("4", "a", "four.txt", "4444")])
    assert whole(house, "same", tmp_path) is Verdict.GREEN
    assert house.target.tree()["/A/four.txt"] == b"4444"
    with house.database.reading() as connection:
        row = load_run(connection, "house", "same")
    assert row is not None and row.plan_id == house.manifest["plan_id"] and row.totals


def test_a_run_that_is_cleared_after_it_was_killed_looks_at_what_it_did(house: House, monkeypatch) -> None:
    house.fill()
    dead, plan_id = started(house)
    apply_structure(dead, plan_id)
    forget(monkeypatch, copying, lambda: transfer_batch(dead, plan_id, 0))
    house.publish([house.file("1", "a", "one.txt", "edited meanwhile", version="v2")])
    again = house.context(run_id=dead.run_id)
    enumerate_source(again)
    assert ("/A/one.txt", "done") in outcomes(house, plan_id), "it had arrived, unseen"
    assert "pending" not in dict(outcomes(house, plan_id)).values()
    house.manifest = diff_and_plan(again)
    house.execute(again)
    house.end(again)
    assert house.target.tree()["/A/one.txt"] == b"edited meanwhile"
    assert house.debt() == 0


def test_a_run_that_waited_while_another_one_took_it_for_dead_works_all_the_same(house: House, tmp_path: Path) -> None:
    house.fill()
    first = house.context()
    enumerate_source(first)
    for _ in range(2):
        with pytest.raises(LeaseHeld):
            enumerate_source(house.context(run_id="waiting"))
    house.manifest = diff_and_plan(first)
    house.execute(first)
    house.end(first)
    house.run()  # a third one is faster, and ends what has no end
    house.publish([house.file("4", "a", "four.txt", "4444")])
    assert whole(house, "waiting", tmp_path) is Verdict.GREEN
    assert house.target.tree()["/A/four.txt"] == b"4444"
    with house.database.reading() as connection:
        row = load_run(connection, "house", "waiting")
    assert row is not None and (row.verdict, row.error) == ("green", "")
