"""What the target refuses to move is copied and removed."""

from __future__ import annotations

import pytest
from tests.planning.trees import ROOT, folder
from tests.steps.house import House
from tests.steps.netted import NET, fill, item, moved_lines, raising, settled

from spfc.errors import TargetLocked
from spfc.steps.relocate import DONE
from spfc.targets.base import PutSpec


@pytest.fixture
def netted(house: House) -> House:
    return fill(house)


def test_a_file_is_copied_and_its_old_copy_removed(netted: House) -> None:
    netted.publish([item(netted, "1", parent_id="h")])
    netted.run()
    assert moved_lines(netted) == [("/Home/a.txt", "done", "", DONE)]
    assert netted.target.counts == {"move": 1, "stat": 1, "put_chunk": 1, "remove": 1}
    assert netted.source.counts["open"] == 1
    tree = {path: body for path, body in NET.items() if path != "/Net/a.txt"}
    settled(netted, {**tree, "/Net": None, "/Home": None, "/Home/a.txt": b"body a"})


def test_a_folder_follows_with_everything_in_it(netted: House) -> None:
    netted.publish([item(netted, "d", parent_id="h", name="Deep 2")])
    netted.run()
    assert moved_lines(netted) == [("/Home/Deep 2", "done", "", DONE)]
    assert netted.target.counts == {"move": 1, "list_folder": 4, "make_folder": 2, "put_chunk": 1, "remove": 3}
    settled(netted, {
        "/Net": None, "/Net/a.txt": b"body a", "/Home": None, "/Home/Deep 2": None, "/Home/Deep 2/b.txt": b"body b",
        "/Home/Deep 2/empty": None,
    })  # fmt: skip


def test_what_the_target_can_move_is_moved(netted: House) -> None:
    netted.publish([item(netted, "d", name="shallow")])
    netted.run()
    assert netted.target.counts == {"move": 1}


def test_content_that_is_owed_anyway_comes_in_its_new_version_once(netted: House) -> None:
    netted.publish([item(netted, "n", name="Out"), netted.file("2", "d", "b.txt", "new body", version="v2")])
    netted.run()
    told = netted.told()
    assert ("/Out", "move", "done") in told and ("/Out/deep/b.txt", "update", "done") in told
    assert netted.source.counts["open"] == 2
    settled(netted, {
        "/Home": None, "/Out": None, "/Out/a.txt": b"body a", "/Out/deep": None, "/Out/deep/b.txt": b"new body",
        "/Out/deep/empty": None,
    })  # fmt: skip


def test_children_that_go_elsewhere_take_their_own_way(netted: House) -> None:
    netted.publish([
        item(netted, "n", name="Out"), item(netted, "1", parent_id="h"), item(netted, "e", name="renamed"),
        item(netted, "2", deleted=True),
    ])  # fmt: skip
    netted.run()
    netted.run()
    settled(netted, {"/Home": None, "/Home/a.txt": b"body a", "/Out": None, "/Out/deep": None,
                     "/Out/deep/renamed": None})  # fmt: skip
    assert b"body b" in netted.target.retired().values(), "what was deleted went to the quarantine"


def test_files_of_strangers_stay_with_their_folder(netted: House) -> None:
    netted.target.put_chunk(PutSpec("/Net/deep/theirs.txt", 5, 1), 0, b"their", last=True)
    netted.publish([item(netted, "d", parent_id="h")])
    netted.run()
    ((_, outcome, _, detail),) = moved_lines(netted)
    assert outcome == "done"
    assert detail == f"{DONE}; The old folder stays: it holds 1 items that spfc did not put there."
    settled(netted, {
        "/Net": None, "/Net/a.txt": b"body a", "/Net/deep": None, "/Net/deep/theirs.txt": b"their", "/Home": None,
        "/Home/deep": None, "/Home/deep/b.txt": b"body b", "/Home/deep/empty": None,
    })  # fmt: skip


def test_a_copy_that_was_edited_at_the_target_is_neither_removed_nor_left_out(netted: House) -> None:
    netted.target.put_chunk(PutSpec("/Net/a.txt", 6, 1), 0, b"edited", last=True)
    netted.publish([item(netted, "1", parent_id="h")])
    netted.run()
    ((_, outcome, code, _),) = moved_lines(netted)
    assert (outcome, code) == ("held", "target_changed")
    assert netted.target.tree()["/Net/a.txt"] == b"edited"
    assert "/Home/a.txt" not in netted.target.tree()


def test_somebody_elses_file_in_the_way_is_still_reported(netted: House) -> None:
    netted.target.put_chunk(PutSpec("/Home/a.txt", 5, 1), 0, b"their", last=True)
    netted.publish([item(netted, "1", parent_id="h")])
    netted.run()
    ((_, outcome, code, _),) = moved_lines(netted)
    assert (outcome, code) == ("held", "target_exists")
    assert netted.target.tree()["/Home/a.txt"] == b"their"
    assert netted.target.tree()["/Net/a.txt"] == b"body a"


def test_one_child_that_cannot_follow_does_not_hold_the_others(netted: House) -> None:
    body = netted.source.contents.pop("2")
    netted.publish([item(netted, "n", name="Out")])
    netted.run()
    ((_, outcome, code, detail),) = moved_lines(netted)
    assert (outcome, code) == ("deferred", "item_gone")
    assert "1 items of the old one have yet to follow" in detail
    assert netted.target.tree()["/Out/a.txt"] == b"body a"
    assert netted.target.tree()["/Net/deep/b.txt"] == b"body b", "it is not removed before its new copy is there"
    assert netted.debt() > 0
    netted.source.contents["2"] = body
    netted.run()
    settled(netted, {
        "/Home": None, "/Out": None, "/Out/a.txt": b"body a", "/Out/deep": None, "/Out/deep/b.txt": b"body b",
        "/Out/deep/empty": None,
    })  # fmt: skip


def test_an_old_copy_that_is_held_open_is_removed_later(netted: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(netted.target, "remove", raising(TargetLocked("open in an editor")))
        netted.publish([item(netted, "1", parent_id="h")])
        netted.run()
    ((_, outcome, code, _),) = moved_lines(netted)
    assert (outcome, code) == ("deferred", "target_locked")
    netted.fields = {"policies": {"removals": "keep", "removal_guard": {"max_items": 0}}}
    netted.run()
    assert {(stored.line.reason.value, stored.outcome.value) for stored in netted.lines()} == {("left_behind", "done")}
    tree = {path: body for path, body in NET.items() if path != "/Net/a.txt"}
    settled(netted, {**tree, "/Net": None, "/Home": None, "/Home/a.txt": b"body a"})
    assert netted.target.retired() == {}, "a second copy is nothing to keep in quarantine"


def test_held_overwrites_do_not_slip_through_a_relocation(netted: House) -> None:
    netted.fields = {"policies": {"overwrite_guard": {"max_items": 0, "min_items": 0}}, "limits": {"workers": 1}}
    netted.publish([
        item(netted, "n", name="Out"),
        netted.file("2", "d", "b.txt", "ENCRYPTED", version="v2"),
        netted.file("1", "h", "a.txt", "ENCRYPTED", version="v2"),
    ])  # fmt: skip
    netted.run()
    held = netted.manifest["plan_id"]
    tree = netted.target.tree()
    assert b"ENCRYPTED" not in tree.values()
    assert {tree["/Net/a.txt"], tree["/Net/deep/b.txt"]} == {b"body a", b"body b"}
    netted.run(release_plan=held)
    netted.run()
    settled(netted, {"/Home": None, "/Home/a.txt": b"ENCRYPTED", "/Out": None, "/Out/deep": None,
                     "/Out/deep/b.txt": b"ENCRYPTED", "/Out/deep/empty": None})  # fmt: skip


def test_the_time_box_ends_a_long_relocation_and_the_next_run_goes_on(netted: House) -> None:
    netted.publish([netted.file(f"x{n}", "n", f"x{n}.txt") for n in range(60)])
    netted.run()
    netted.fields = {"limits": {"workers": 1, "time_box_minutes": 1}}
    netted.publish([item(netted, "n", name="Out")])
    netted.run()
    ((_, outcome, code, _),) = moved_lines(netted)
    assert (outcome, code) == ("deferred", "not_reached")
    assert {path.split("/")[1] for path in netted.target.tree() if "/x" in path} == {"Net", "Out"}
    netted.fields = {}
    netted.run()
    netted.run()
    assert sum(path.startswith("/Out/x") for path in netted.target.tree()) == 60
    assert not any(path.startswith("/Net") for path in netted.target.tree())
    assert netted.debt() == 0


@pytest.mark.parametrize("kinds", ["folders", "files", "folder and file"])
def test_two_that_swap_names_between_storages_step_aside_by_copying(house: House, kinds: str) -> None:
    """A move that only makes room is refused, too, when the name itself lies on the other storage."""
    house.fields = {"limits": {"workers": 1}}  # of two, the one whose id comes last steps aside
    inside = kinds != "files"
    house.publish([
        ROOT,
        folder("z", "root", "Net") if inside else house.file("z", "root", "Net", "body n"),
        folder("o", "root", "Other") if kinds == "folders" else house.file("o", "root", "Other", "body o"),
        *([house.file("1", "z", "a.txt", "body a")] if inside else []),
        *([house.file("2", "o", "b.txt", "body b")] if kinds == "folders" else []),
    ])  # fmt: skip
    house.target.network_folders = {"/Net"}
    house.run()
    house.publish([item(house, "z", name="Other"), item(house, "o", name="Net")])
    house.run()
    house.run()
    other = {"/Other": None, "/Other/a.txt": b"body a"} if inside else {"/Other": b"body n"}
    net = {"/Net": None, "/Net/b.txt": b"body b"} if kinds == "folders" else {"/Net": b"body o"}
    settled(house, other | net)
