from __future__ import annotations

from pathlib import Path

import pytest
from tests.targets.contract import put
from tests.targets.world import LOST, NEVER_CAME, content, world

from simulators.filecloud import FileCloudKnobs
from spfc.errors import (
    MoveRefused,
    NameRefused,
    PermissionMissing,
    PlaceNotFound,
    TargetExists,
    TargetLocked,
)
from spfc.planning.model import Kind


@pytest.mark.parametrize("loss", [LOST, NEVER_CAME])
def test_a_lost_reply_to_a_retirement_is_settled_by_looking(tmp_path: Path, loss: dict[str, str]) -> None:
    with world(tmp_path) as made:
        target = made.target()
        (made.simulator.store / "retired").mkdir()
        put(target, "/x.txt", b"1")
        made.faults({"operation": "renameormove", "action": loss})
        assert target.retire("/x.txt", Kind.FILE, "/spfc/retired/x.txt") == "/spfc/retired/x.txt"
        assert (made.simulator.store / "retired" / "x.txt").read_bytes() == b"1"
        assert target.list_folder("/") == []


def test_a_retirement_costs_one_call_and_stays_outside(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        put(target, "/x.txt", b"1")
        put(target, "/y.txt", b"2")
        with pytest.raises(ValueError, match="inside"):
            target.retire("/x.txt", Kind.FILE, "/spfc/mirror/old/x.txt")
        target.retire("/x.txt", Kind.FILE, "/spfc/mirror-retired/today/x.txt")
        before = target.calls
        target.retire("/y.txt", Kind.FILE, "/spfc/mirror-retired/today/y.txt")
        assert target.calls == before + 1
        with pytest.raises(PlaceNotFound):
            put(target, "/z.txt", b"3")
            target.retire("/z.txt", Kind.FILE, "/nobody/z.txt")
        assert content(made, "/z.txt") == b"3"


def test_a_move_that_is_refused_once_without_a_reason_is_tried_again(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        put(target, "/x.txt", b"1")
        made.faults({"operation": "renameormove", "action": {"kind": "refuse", "message": "Vorgang abgelehnt"}})
        target.move("/x.txt", "/y.txt")
        made.simulator.faults.assert_all_hit()
        assert content(made, "/y.txt") == b"1"


def test_a_move_between_storages_is_refused_and_said_to_be(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(network_folders=("/spfc/mirror/net",))) as made:
        target = made.target()
        target.make_folder("/net")
        target.make_folder("/net/a")
        put(target, "/net/a/x.txt", b"1")
        for old, new in (("/net/a/x.txt", "/y.txt"), ("/net/a", "/b"), ("/net", "/elsewhere")):
            with pytest.raises(MoveRefused, match="network folders"):
                target.move(old, new)
        target.move("/net/a", "/net/b")
        assert content(made, "/net/b/x.txt") == b"1"
        with pytest.raises(MoveRefused):
            target.move("/net/b/x.txt", "/y.txt")


def test_a_rename_that_only_changes_the_unicode_form_is_done_where_both_forms_are_one_name(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(normalize="nfc")) as made:
        target = made.target()
        put(target, "/e\u0301.txt", b"1")
        target.make_folder("/cafe\u0301")
        target.move("/e\u0301.txt", "/\u00e9.txt")
        target.move("/cafe\u0301", "/caf\u00e9")
        put(target, "/other.txt", b"2")
        with pytest.raises(TargetExists):
            target.move("/other.txt", "/e\u0301.txt")
        assert content(made, "/\u00e9.txt") == b"1"


def test_a_refused_move_is_explained_where_it_can_be(tmp_path: Path) -> None:
    """Copying would not help: the name is refused, the account may not, or somebody works on the file."""
    with world(tmp_path, FileCloudKnobs(refused_name_parts=("secret",))) as made:
        target = made.target()
        put(target, "/x.txt", b"1")
        with pytest.raises(NameRefused):
            target.move("/x.txt", "/secret.txt")
        made.simulator.knobs = FileCloudKnobs(locked_paths=("/spfc/mirror/x.txt",))
        with pytest.raises(TargetLocked):
            target.move("/x.txt", "/y.txt")
        made.simulator.knobs = FileCloudKnobs(read_only_paths=("/spfc/mirror/x.txt",))
        with pytest.raises(PermissionMissing):
            target.move("/x.txt", "/y.txt")
