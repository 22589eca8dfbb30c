"""Whole runs in memory: limits, dry runs, guards, retries, failures in the middle, names that are still taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.planning.trees import ROOT, folder
from tests.steps.house import FILLED, House

from spfc.errors import LeaseLost, PermissionMissing, ServiceBusy, TargetExists, TargetLocked
from spfc.ledger.plans import verify_seal
from spfc.planning.model import Flag
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.structure import apply_structure


def test_max_documents_leaves_the_rest_owed(house: House) -> None:
    house.fill()
    house.run(max_documents=1)
    assert sum(body is not None for body in house.target.tree().values()) == 1
    assert (house.manifest["over_limit"], house.debt()) == (2, 2)
    house.run()
    assert house.target.tree() == FILLED


def test_paths_limit_a_run(house: House) -> None:
    house.fill()
    house.run(paths=["A/one*"])
    assert set(house.target.tree()) == {"/A", "/A/one.txt"}
    assert house.manifest["outside_paths"] == 2
    house.run(paths=["/"])
    assert house.target.tree() == FILLED


def test_a_dry_run_touches_nothing(house: House) -> None:
    house.fill()
    house.run(dry_run=True)
    assert house.target.tree() == {}
    assert set(house.target.counts) <= {"list_folder", "stat"}
    assert house.manifest["counts"] == {"upload": 3, "create_folder": 2, "adopt": 1}
    debt = house.debt()
    house.run(dry_run=True)
    assert house.debt() == debt == 6
    house.run()
    assert house.target.tree() == FILLED


def test_the_plan_is_sealed(house: House) -> None:
    house.fill()
    house.run()
    with house.database.reading() as connection:
        assert verify_seal(connection, house.manifest["plan_id"])
    assert sum(batch["files"] for batch in house.manifest["batches"]) == 3
    assert sum(batch["bytes"] for batch in house.manifest["batches"]) == 11


def test_too_many_removals_are_held(house: House) -> None:
    house.fields = {"policies": {"removal_guard": {"max_items": 1}}}
    house.fill()
    house.run()
    house.publish([replace(folder("a", "root", "A"), deleted=True)])
    house.run()
    assert house.manifest["guard"]["tripped"] is True
    assert house.told() == {("/A", "remove", "held")}
    assert house.target.tree() == FILLED
    house.fields = {}
    house.run()
    assert set(house.target.tree()) == {"/Empty", "/two.txt"}
    assert sorted(filter(None, house.target.retired().values())) == [b"3", b"first body"]


@pytest.mark.parametrize(
    ("policy", "kept", "retired"), [("keep", True, 0), ("quarantine", False, 1), ("delete", False, 0)]
)
def test_removal_policies(house: House, policy: str, kept: bool, retired: int) -> None:
    house.fields = {"policies": {"removals": policy}}
    house.fill()
    house.run()
    house.publish([replace(house.source.items["2"], deleted=True)])
    house.run()
    assert ("/two.txt" in house.target.tree()) is kept
    assert sum(path.endswith("/two.txt") for path in house.target.retired()) == retired
    assert house.debt() == 0
    house.run()
    assert house.manifest == {}, "and then it is quiet"


def test_retry_failed_tries_only_what_failed_without_waiting(house: House) -> None:
    house.fill()
    house.source.fail_next["open"] = [ServiceBusy("busy")]
    house.fields = {"limits": {"workers": 1}}
    house.run()
    assert house.debt() == 1
    house.source.fail_next["open"] = [ServiceBusy("busy")]
    house.run()
    house.run()
    assert {line[1:] for line in house.told()} == {("hold", "deferred")}, "it backs off now"
    house.publish([house.file("9", "root", "new.txt")])
    house.run(mode="retry_failed")
    assert "/new.txt" not in house.target.tree()
    assert {path: house.target.tree()[path] for path in FILLED} == FILLED
    house.run()
    assert "/new.txt" in house.target.tree()


def test_one_bad_file_does_not_stop_the_others(house: House) -> None:
    house.fill()
    del house.source.contents["1"]
    house.run()
    assert {line for line in house.told() if line[2] != "done"} == {("/A/one.txt", "upload", "deferred")}
    assert set(FILLED) - set(house.target.tree()) == {"/A/one.txt"}


def test_an_error_that_concerns_all_stops_the_batch_and_keeps_what_was_done(house: House) -> None:
    house.fields = {"limits": {"workers": 1}}
    house.publish([ROOT, *(house.file(str(n), "root", f"{n}.txt") for n in range(30))])
    run = house.context()
    enumerate_source(run)
    house.manifest = diff_and_plan(run)
    apply_structure(run, house.manifest["plan_id"])
    plain = house.source.open

    def refused(item, *, offset=0):  # type: ignore[no-untyped-def]
        if house.source.counts["open"] == 7:
            raise PermissionMissing("withdrawn")
        return plain(item, offset=offset)

    house.source.open = refused  # type: ignore[method-assign]
    with pytest.raises(PermissionMissing):
        transfer_batch(run, house.manifest["plan_id"], 0)
    done = sum(stored.outcome == "done" and stored.line.kind == "file" for stored in house.lines())
    assert done == len(house.target.tree()) == 7
    assert house.debt() == 30 - 7
    house.source.open = plain  # type: ignore[method-assign]
    assert transfer_batch(run, house.manifest["plan_id"], 0)["done"] == 23


def test_the_time_box_stops_a_batch_cleanly(house: House) -> None:
    house.fields = {"limits": {"workers": 1, "time_box_minutes": 1}}
    house.publish([ROOT, *(house.file(str(n), "root", f"{n}.txt") for n in range(60))])
    house.run()
    told = house.results["transfer0"]
    assert told["left"] > 0
    assert told["done"] + told["left"] == 60
    for _ in range(8):
        house.run()
    assert len(house.target.tree()) == 60


def test_a_lost_lease_ends_a_batch_without_recording(house: House) -> None:
    house.fill()
    run = house.context()
    enumerate_source(run)
    house.manifest = diff_and_plan(run)
    apply_structure(run, house.manifest["plan_id"])
    house.clock.now += 10_000
    other = house.context()
    enumerate_source(other)
    with pytest.raises(LeaseLost):
        transfer_batch(run, house.manifest["plan_id"], 0)
    assert not any(stored.outcome == "done" and stored.line.kind == "file" for stored in house.lines())
    house.manifest = diff_and_plan(other)
    house.execute(other)
    assert house.target.tree() == FILLED, "what had arrived is adopted"
    assert house.debt() == 0


def test_steps_may_be_repeated(house: House) -> None:
    house.fill()
    run = house.run()
    calls = house.target.calls
    run.fence = house.context().fence
    again = house.context()
    enumerate_source(again)
    house.execute(again)
    assert house.target.calls == calls
    assert house.target.tree() == FILLED


def test_a_name_that_could_not_be_freed_is_not_taken(house: House) -> None:
    """The old owner of the name cannot be moved: the new one waits, and nothing else of the run is harmed."""
    house.fill()
    house.run()
    house.publish([
        replace(house.source.items["1"], deleted=True),
        house.file("7", "a", "one.txt", "first body"),
        house.file("8", "a", "other.txt", "8"),
    ])  # fmt: skip
    house.target.fail_next = [TargetLocked("open in an editor")]
    house.run()
    assert ("/A/one.txt", "upload", "deferred") in house.told()
    assert house.target.tree()["/A/other.txt"] == b"8"
    house.run()
    house.run()
    assert house.target.tree()["/A/one.txt"] == b"first body"
    assert house.debt() == 0


def test_a_vanished_copy_that_was_to_move_is_brought_again(house: House) -> None:
    house.fill()
    house.run()
    house.target.remove("/A", house.source.items["a"].kind)
    house.publish([folder("a", "root", "B")])
    house.run()
    house.run()
    assert house.target.tree() == {path.replace("/A", "/B"): body for path, body in FILLED.items()}
    assert house.debt() == 0


def test_a_file_in_the_way_is_reported_and_left(house: House) -> None:
    house.fill()
    house.run()
    house.publish([house.file("9", "root", "nine.txt")])
    house.target.fail_next = [TargetExists("something stands there")]
    house.run()
    assert house.told() == {("/nine.txt", "upload", "held")}


def test_a_flagged_file_is_held_until_the_source_lets_it_go(house: House) -> None:
    house.publish([ROOT, house.file("1", "root", "bad.exe", flags=frozenset({Flag.MALWARE}))])
    house.run()
    assert house.debt() == 1
    house.publish([replace(house.source.items["1"], flags=frozenset())])
    house.run()
    assert house.target.tree() == {"/bad.exe": b"body"}


def test_unwanted_empty_folders_come_with_their_first_file(house: House) -> None:
    house.fields = {"policies": {"empty_folders": False}}
    house.fill()
    house.run()
    assert "/Empty" not in house.target.tree()
    assert house.debt() == 0
    house.publish([house.file("9", "e", "first.txt")])
    house.run()
    assert house.target.tree()["/Empty/first.txt"] == b"body"


def test_a_route_that_mirrors_one_folder_falls_quiet(house: House) -> None:
    house.fill()
    house.fields = {"source": {"hostname": "h", "site": "/s", "folder": "/A"}}
    house.run()
    assert house.target.tree() == {"/one.txt": b"first body", "/3.txt": b"3"}
    assert house.debt() == 0
    house.run()
    assert house.manifest == {}


def test_a_file_that_moves_out_of_scope_is_removed(house: House) -> None:
    house.fill()
    house.fields = {"filters": {"exclude": ["hidden"]}}
    house.run()
    house.publish([folder("h", "root", "hidden"), replace(house.source.items["1"], parent_id="h")])
    house.run()
    assert "/A/one.txt" not in house.target.tree()
    assert house.debt() == 0


def test_what_moves_out_of_scope_and_back_is_there_again(house: House) -> None:
    house.fill()
    house.fields = {"filters": {"exclude": ["hidden"]}}
    house.run()
    house.publish([folder("h", "root", "hidden"), folder("a", "h", "A")])
    house.run()
    assert set(house.target.tree()) == {"/Empty", "/two.txt"}
    assert house.debt() == 0
    house.publish([folder("a", "root", "A")])
    house.run()
    assert house.target.tree() == FILLED
