"""The main job: library to FileCloud, first run, quiet run, edits, renames, moves, deletions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.e2e.profile import needs_times

from spfc.errors import RouteInvalid
from spfc.steps.closing import close_run
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.removals import apply_removals, release_removals

pytestmark = pytest.mark.e2e


def tree(root: Path) -> dict[str, bytes | None]:
    """Return every path below ``root``, with the bytes of files."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in sorted(root.rglob("*"))
    }


def fill(library: Path) -> None:
    for name, body in {
        "a.txt": b"alpha",
        "Reports/2024/q1.bin": bytes(range(256)) * 400,
        "Reports/2024/q2.bin": b"",
        "Reports/日本語 & 50%.txt": "日本".encode(),
        "e\u0301clair #1.txt": b"decomposed",
    }.items():
        path = library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    (library / "Empty" / "Deeper").mkdir(parents=True)


def test_first_run_mirrors_everything_and_the_second_costs_one_request(house) -> None:
    fill(house.library)
    first = house.run()
    assert first.verdict == "green", first.story
    assert tree(house.mirror) == tree(house.library)
    for path in house.library.rglob("*"):
        if path.is_file():
            assert abs(path.stat().st_mtime - (house.mirror / path.relative_to(house.library)).stat().st_mtime) <= 2

    graph, cloud = house.sharepoint.journal.mark(), house.filecloud.journal.mark()
    second = house.run()
    assert second.verdict == "green"
    data = [e for e in house.sharepoint.journal.since(graph) if e.service == "graph"]
    assert [e.operation for e in data] == ["delta"]
    assert sum(e.units for e in data) == 1
    assert house.filecloud.journal.since(cloud) == []
    assert house.manifest == {}


def test_every_kind_of_change_arrives(house) -> None:
    fill(house.library)
    house.run()
    lib = house.library
    (lib / "a.txt").write_bytes(b"alpha, edited")
    (lib / "Reports").rename(lib / "Archive")
    (lib / "Archive/2024/q2.bin").rename(lib / "q2 moved.bin")
    (lib / "e\u0301clair #1.txt").unlink()
    (lib / "Archive/2024/new.txt").write_bytes(b"new")
    mark = house.filecloud.journal.mark()
    run = house.run()
    assert run.verdict == "green", run.story
    assert tree(house.mirror) == tree(lib)
    moves = [e for e in house.filecloud.journal.since(mark) if e.operation in ("renameormove", "renamefile")]
    assert len(moves) <= 4, "folder rename, file move, quarantine, and one try before its folder was there"
    quarantined = tree(house.tmp / "store" / "mirror.quarantine")
    assert b"decomposed" in quarantined.values()


def test_swapped_names_and_recreated_files(house) -> None:
    fill(house.library)
    house.run()
    lib = house.library
    (lib / "a.txt").rename(lib / "t")
    (lib / "Reports/2024/q1.bin").rename(lib / "a.txt")
    (lib / "t").rename(lib / "Reports/2024/q1.bin")
    (lib / "Reports/2024/q2.bin").unlink()
    assert house.run().verdict == "green"
    (lib / "Reports/2024/q2.bin").write_bytes(b"another file of that name")
    run = house.run()
    assert run.verdict == "green", run.story
    assert tree(house.mirror) == tree(lib)


def test_case_only_rename_and_names_that_collide(house) -> None:
    fill(house.library)
    house.run()
    (house.library / "a.txt").rename(house.library / "A.TXT")
    run = house.run()
    assert run.verdict == "green", run.story
    assert tree(house.mirror) == tree(house.library)


def test_replacing_a_folder_by_a_new_one_of_the_same_name(house) -> None:
    fill(house.library)
    house.run()
    (house.library / "Reports").rename(house.tmp / "bin")
    (house.library / "Reports").mkdir()
    (house.library / "Reports" / "fresh.txt").write_bytes(b"fresh")
    run = house.run()
    assert run.verdict == "green", run.story
    assert tree(house.mirror) == tree(house.library)
    assert house.run().verdict == "green"


def test_a_mass_removal_is_held(house) -> None:
    house.fields = {"policies": {"removal_guard": {"min_items": 2, "max_share": 0.2}}}
    fill(house.library)
    house.run()
    before = tree(house.mirror)
    for path in list(house.library.rglob("*.bin")) + list(house.library.rglob("*.txt")):
        path.unlink()
    run = house.run()
    assert run.verdict == "attention"
    assert run.summary["debt"] == 5
    assert tree(house.mirror) == before


def test_dry_run_changes_nothing(house) -> None:
    fill(house.library)
    mark = house.filecloud.journal.mark()
    house.run(dry_run=True)
    operations = {e.operation for e in house.filecloud.journal.since(mark)}
    assert not operations & {"upload", "createfolder", "renameormove", "deletefile"}
    assert not house.mirror.exists()
    assert house.manifest["counts"]["upload"] == 5
    assert house.run().verdict == "green"
    assert tree(house.mirror) == tree(house.library)


def test_max_documents_leaves_the_rest_owed(house) -> None:
    fill(house.library)
    house.run(max_documents=2)
    assert sum(1 for p in house.mirror.rglob("*") if p.is_file()) == 2
    house.run()
    assert tree(house.mirror) == tree(house.library)


@needs_times
def test_existing_copies_are_adopted_not_sent_again(house) -> None:
    fill(house.library)
    house.run()
    house.database.close()
    from spfc.ledger.database import Database

    house.database = Database(f"sqlite:///{house.tmp / 'second.db'}")
    mark = house.filecloud.journal.mark()
    run = house.run()
    assert run.verdict == "green", run.story
    assert not [e for e in house.filecloud.journal.since(mark) if e.operation == "upload"]
    assert run.summary["totals"]["skipped_same_date"] == 5
    assert "Adopted 10 items already there" in run.story, "five files and their five folders"


def test_deleted_folder_goes_to_quarantine_as_one_call_and_comes_back(house) -> None:
    fill(house.library)
    house.run()
    (house.library / "Reports").rename(house.tmp / "bin")
    mark = house.filecloud.journal.mark()
    house.run()
    assert tree(house.mirror) == tree(house.library)
    moved = [e for e in house.filecloud.journal.since(mark) if e.operation == "renameormove"]
    assert len(moved) <= 2, "the whole tree in one call, and one try before the quarantine folder was there"
    (house.tmp / "bin").rename(house.library / "Reports")
    run = house.run()
    assert run.verdict == "green", run.story
    assert tree(house.mirror) == tree(house.library)


def test_a_loosened_filter_brings_what_it_kept_out(house) -> None:
    house.fields = {"filters": {"exclude": ["*.bin"]}}
    fill(house.library)
    assert house.run().verdict == "green"
    assert not list(house.mirror.rglob("*.bin"))
    house.fields = {"filters": {"exclude": []}}
    assert house.run().verdict == "green"
    assert tree(house.mirror) == tree(house.library)


def test_a_tightened_filter_removes_nothing(house) -> None:
    fill(house.library)
    house.run()
    before = tree(house.mirror)
    house.fields = {"filters": {"exclude": ["*.bin", "Reports"]}}
    assert house.run(mode="full").verdict == "green"
    assert tree(house.mirror) == before


def test_a_copy_that_was_deleted_at_the_target_returns_with_its_next_change(house) -> None:
    fill(house.library)
    house.run()
    (house.mirror / "a.txt").unlink()
    (house.library / "a.txt").write_bytes(b"edited since")
    run = house.run()
    assert run.verdict == "green", run.story
    assert tree(house.mirror) == tree(house.library)


def test_a_route_that_is_pointed_elsewhere_is_refused(house) -> None:
    fill(house.library)
    house.run()
    house.fields = {"target": {"folder": f"{house.filecloud.root}/elsewhere"}}
    with pytest.raises(RouteInvalid, match="give the new pair a new route name"):
        house.run()
    assert not (house.tmp / "store" / "elsewhere").exists()


def test_held_removals_go_when_a_person_approves_and_the_plan_says_who(house) -> None:
    house.fields = {"policies": {"removal_guard": {"min_items": 0, "max_share": 0.1}}}
    fill(house.library)
    house.run()
    (house.library / "a.txt").unlink()
    (house.library / "Reports" / "2024" / "q2.bin").unlink()
    run = house.context()
    with run.task("enumerate"):
        enumerate_source(run)
    manifest = diff_and_plan(run)
    assert manifest["guard"]["tripped"] and sorted(manifest["removals"]) == ["/Reports/2024/q2.bin", "/a.txt"]
    assert apply_removals(run, manifest["plan_id"]) == {}, "held lines are not executed"
    assert release_removals(run, manifest["plan_id"], "the records office") == 2
    assert apply_removals(run, manifest["plan_id"]) == {"done": 2}
    closed = close_run(run, house.tmp / "reports")
    assert closed.verdict == "green", closed.story
    assert tree(house.mirror) == tree(house.library)
    lines = (house.tmp / "reports" / "house" / run.run_id / "report.csv").read_text(encoding="utf-8-sig")
    assert lines.count("approved by the records office; quarantined as") == 2
