from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.targets.contract import NOON, noise, put
from tests.targets.world import LOST, MIB, NEVER_CAME, World, content, versions, world

from simulators.filecloud import FileCloudKnobs
from spfc.errors import (
    AnswerUnreadable,
    ItemError,
    ItemGone,
    NameRefused,
    PermissionMissing,
    QuotaFull,
    ReplyLost,
    ServiceBusy,
    ServiceError,
    SpfcError,
    TargetChanged,
    TargetExists,
    TargetLocked,
)
from spfc.planning.model import Kind
from spfc.targets.base import Made, PutSpec
from spfc.targets.filecloud import FileCloudTarget

# -- what things cost ------------------------------------------------------------------------------------


def test_when_all_is_well_nothing_is_asked_twice(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        target.ensure_root()
        target.make_folder("/a")
        put(target, "/a/x.txt", b"1", expect_absent=True)
        target.move("/a/x.txt", "/a/y.txt")
        target.stat("/a/y.txt")
        target.stat("/a/missing.txt")
        target.list_folder("/a")
        target.remove("/a/y.txt", Kind.FILE)
        target.remove("/a", Kind.FOLDER)
        assert made.operations() == [
            "loginguest", "fileinfo", "createfolder", "upload", "renameormove", "fileinfo", "fileinfo",
            "getfilelist", "deletefile", "deletefile",
        ]  # fmt: skip
        assert target.calls == 10


@pytest.mark.parametrize(("files", "calls"), [(0, 1), (1000, 1), (1001, 2), (1999, 2), (2000, 3)])
def test_a_listing_costs_one_call_and_one_for_each_further_999(tmp_path: Path, files: int, calls: int) -> None:
    with world(tmp_path) as made:
        target = made.target()
        for number in range(files):
            (made.simulator.store / "mirror" / f"{number:04}").touch()
        found = target.list_folder("/")
        assert found is not None
        assert sorted(entry.name for entry in found) == [f"{number:04}" for number in range(files)]
        assert Counter(made.operations()) == {"loginguest": 1, "getfilelist": calls}


def test_a_file_costs_one_call_per_chunk(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        put(made.target(), "/a.bin", noise(3 * 4096 + 1))
        assert made.operations() == ["loginguest"] + ["upload"] * 4
        sent = [e.params for e in made.simulator.journal.entries if e.operation == "upload"]
        assert [p["offset"] for p in sent] == ["0", "4096", "8192", "12288"]
        assert [p["complete"] for p in sent] == ["0", "0", "0", "1"]
        assert {p["filesize"] for p in sent} == {"12289"}


# -- listings --------------------------------------------------------------------------------------------


def test_a_server_with_a_smaller_page_is_paged_by_what_it_sends(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(max_limit=100)) as made:
        target = made.target()
        for number in range(250):
            (made.simulator.store / "mirror" / f"{number:03}").touch()
        found = target.list_folder("/")
        assert found is not None
        assert len(found) == 250
        assert Counter(made.operations())["getfilelist"] == 3


def shifting(made: World, files: int) -> FileCloudTarget:
    target = made.target()
    for number in range(files):
        (made.simulator.store / "mirror" / f"{number:03}").touch()
    return target


@pytest.mark.parametrize("change", [{"add": 1}, {"remove": 1}])
def test_pages_that_disagree_are_asked_for_again(tmp_path: Path, change: dict[str, int]) -> None:
    with world(tmp_path, FileCloudKnobs(max_limit=10)) as made:
        target = shifting(made, 25)
        made.faults({"operation": "getfilelist", "nth": 2, "action": {"kind": "change_listing", **change}})
        found = target.list_folder("/")
        assert found is not None
        assert len(found) == 25
        assert Counter(made.operations())["getfilelist"] == 2 + 3


def test_pages_that_keep_disagreeing_are_asked_for_as_one(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = shifting(made, 1005)
        made.faults({"operation": "getfilelist", "nth": [2, 4], "action": {"kind": "change_listing", "remove": 1}})
        found = target.list_folder("/")
        assert found is not None
        assert len(found) == 1005
        assert [e.params["limit"] for e in made.simulator.journal.entries if e.operation == "getfilelist"][-1] == "-1"


def test_a_listing_that_never_agrees_is_not_believed(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(max_limit=10)) as made:
        target = shifting(made, 25)
        made.faults({"operation": "getfilelist", "nth": [2, 4], "action": {"kind": "change_listing", "remove": 1}})
        with pytest.raises(AnswerUnreadable):
            target.list_folder("/")


@pytest.mark.parametrize("kind", ["html_200", "xml_error_200", "reset_before"])
def test_trouble_in_mid_listing_never_shortens_it(tmp_path: Path, kind: str) -> None:
    with world(tmp_path, FileCloudKnobs(max_limit=10)) as made:
        target = shifting(made, 25)
        made.faults({"operation": "getfilelist", "nth": 2, "times": -1, "action": {"kind": kind}})
        with pytest.raises(ServiceError):
            target.list_folder("/")


def test_a_folder_that_is_refused_is_not_called_missing(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        made.faults({"operation": "getfilelist", "action": {"kind": "xml_error_200", "message": "Interner Fehler"}})
        with pytest.raises(AnswerUnreadable):
            target.list_folder("/")


def test_a_dead_session_never_looks_like_absence(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        put(target, "/x.txt", b"1")
        made.faults(
            {"operation": "getfilelist", "action": {"kind": "drop_session"}},
            {"operation": "fileinfo", "action": {"kind": "drop_session"}},
        )
        assert len(target.list_folder("/") or []) == 1
        assert target.stat("/x.txt") is not None


# -- lost replies ----------------------------------------------------------------------------------------


def test_a_lost_reply_to_a_small_file_is_settled_by_looking(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        made.faults({"operation": "upload", "action": LOST})
        entry = put(target, "/x.txt", b"1", expect_absent=True)
        assert made.operations()[1:] == ["upload", "fileinfo"]
        assert target.stat("/x.txt") == entry
        assert versions(made, "/x.txt") == 1


def test_a_small_file_that_never_arrived_is_sent_again(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        made.faults({"operation": "upload", "times": 2, "action": NEVER_CAME})
        put(target, "/x.txt", b"1", expect_absent=True)
        assert made.operations()[1:] == ["upload", "fileinfo", "upload", "fileinfo", "upload"]
        assert content(made, "/x.txt") == b"1"


def test_an_old_file_with_the_same_looks_is_no_proof(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        old = put(target, "/x.txt", b"old")
        made.faults({"operation": "upload", "action": NEVER_CAME})
        put(target, "/x.txt", b"new", expect_etag=old.etag)
        assert content(made, "/x.txt") == b"new"


def test_a_lost_reply_from_a_server_without_times_is_settled_when_nothing_was_there(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs.profile("legacy")) as made:
        target = made.target()
        made.faults({"operation": "upload", "action": LOST})
        put(target, "/x.txt", b"1", expect_absent=True)
        assert content(made, "/x.txt") == b"1"
        made.faults({"operation": "upload", "action": LOST})
        put(target, "/x.txt", b"2")
        assert content(made, "/x.txt") == b"2"


@pytest.mark.parametrize("loss", [LOST, NEVER_CAME])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_lost_reply_to_a_middle_chunk_is_sent_again_once(tmp_path: Path, loss: dict[str, str], nth: int) -> None:
    with world(tmp_path) as made:
        target = made.target()
        made.faults({"operation": "upload", "nth": nth, "action": loss})
        put(target, "/x.bin", noise(3 * 4096))
        assert content(made, "/x.bin") == noise(3 * 4096)
        assert made.operations()[1:] == ["upload"] * 4


def test_a_repeated_chunk_that_is_refused_voids_the_upload(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(repeat_chunk="refuse")) as made:
        target = made.target()
        made.faults({"operation": "upload", "nth": 2, "action": LOST})
        with pytest.raises(ServiceBusy, match="offset 0"):
            put(target, "/x.bin", noise(3 * 4096))
        put(target, "/x.bin", noise(3 * 4096))
        assert content(made, "/x.bin") == noise(3 * 4096)


def test_a_lost_last_chunk_that_was_done_is_success(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        made.faults({"operation": "upload", "nth": 2, "action": LOST})
        put(target, "/x.bin", noise(5000))
        assert content(made, "/x.bin") == noise(5000)
        assert versions(made, "/x.bin") == 1


def test_a_lost_last_chunk_that_was_not_done_voids_the_upload(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        made.faults({"operation": "upload", "nth": 2, "action": NEVER_CAME})
        with pytest.raises(ReplyLost, match="offset 0"):
            put(target, "/x.bin", noise(5000))
        assert content(made, "/x.bin") is None
        put(target, "/x.bin", noise(5000))
        assert content(made, "/x.bin") == noise(5000)


@pytest.mark.parametrize("kind", ["forget_staged", "drop_session"])
def test_staged_chunks_that_are_gone_void_the_upload(tmp_path: Path, kind: str) -> None:
    with world(tmp_path) as made:
        target = made.target()
        made.faults({"operation": "upload", "nth": 2, "action": {"kind": kind}})
        with pytest.raises(ServiceBusy, match="offset 0"):
            put(target, "/x.bin", noise(3 * 4096))
        put(target, "/x.bin", noise(3 * 4096))
        assert content(made, "/x.bin") == noise(3 * 4096)


@pytest.mark.parametrize("loss", [LOST, NEVER_CAME])
def test_lost_replies_to_other_changes_are_settled_by_looking(tmp_path: Path, loss: dict[str, str]) -> None:
    with world(tmp_path) as made:
        target = made.target()
        made.faults(
            {"operation": "createfolder", "action": loss},
            {"operation": "renameormove", "action": loss},
            {"operation": "deletefile", "action": loss},
        )
        assert target.make_folder("/a") in Made
        put(target, "/a/x.txt", b"1")
        target.move("/a/x.txt", "/a/y.txt")
        assert content(made, "/a/y.txt") == b"1"
        target.remove("/a/y.txt", Kind.FILE)
        assert target.list_folder("/a") == []
        assert Counter(made.operations())["fileinfo"] == 1 + 2 + 1


@pytest.mark.parametrize("operation", ["createfolder", "renameormove", "deletefile", "upload"])
def test_replies_that_are_lost_for_ever_end_in_an_error(tmp_path: Path, operation: str) -> None:
    with world(tmp_path) as made:
        target = made.target()
        put(target, "/x.txt", b"1")
        made.faults({"operation": operation, "times": -1, "action": NEVER_CAME})
        change: dict[str, Callable[[], object]] = {
            "createfolder": lambda: target.make_folder("/a"),
            "renameormove": lambda: target.move("/x.txt", "/y.txt"),
            "deletefile": lambda: target.remove("/x.txt", Kind.FILE),
            "upload": lambda: put(target, "/z.txt", b"1"),
        }
        with pytest.raises(ReplyLost):
            change[operation]()
        assert Counter(made.operations())[operation] - (operation == "upload") == 3


# -- refusals --------------------------------------------------------------------------------------------


def test_what_is_there_instead_is_said(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        ours = put(target, "/x.txt", b"ours")
        theirs = put(target, "/x.txt", b"theirs!", modified=NOON + 60)
        with pytest.raises(TargetChanged) as raised:
            put(target, "/x.txt", b"again", expect_etag=ours.etag)
        for fact in ("size 7", str(NOON + 60), str(theirs.etag)):
            assert fact in str(raised.value)
        target.remove("/x.txt", Kind.FILE)
        with pytest.raises(TargetChanged, match="nothing"):
            put(target, "/x.txt", b"again", expect_etag=theirs.etag)


REFUSALS = [
    (FileCloudKnobs(quota_bytes=3), "/x.txt", QuotaFull),
    (FileCloudKnobs(), "/x.php", NameRefused),
    (FileCloudKnobs(), "/ x.txt", NameRefused),
    (FileCloudKnobs(refused_name_parts=("secret",)), "/a secret.txt", NameRefused),
    (FileCloudKnobs(read_only_paths=("/spfc/mirror",)), "/x.txt", PermissionMissing),
    (FileCloudKnobs(), "/missing/x.txt", ItemError),
]


@pytest.mark.parametrize(("knobs", "path", "kind"), REFUSALS)
@pytest.mark.parametrize("shape", ["text", "xml", "json"])
def test_a_refused_upload_says_why(
    tmp_path: Path, knobs: FileCloudKnobs, path: str, kind: type[SpfcError], shape: str
) -> None:
    with world(tmp_path, knobs.but(upload_failure_shape=shape)) as made, pytest.raises(kind):
        put(made.target(), path, b"hello")


@pytest.mark.parametrize(("path", "kind"), [("/ a", NameRefused), ("/missing/a", ItemError)])
def test_a_refused_folder_says_why(tmp_path: Path, path: str, kind: type[SpfcError]) -> None:
    with world(tmp_path) as made, pytest.raises(kind):
        made.target().make_folder(path)


def test_a_locked_file_is_left_alone(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        put(target, "/x.txt", b"1")
        made.simulator.knobs = FileCloudKnobs(locked_paths=("/spfc/mirror/x.txt",))
        for change in (
            lambda: put(target, "/x.txt", b"2"),
            lambda: target.move("/x.txt", "/y.txt"),
            lambda: target.remove("/x.txt", Kind.FILE),
        ):
            with pytest.raises(TargetLocked):
                change()
        assert content(made, "/x.txt") == b"1"


def test_a_refusal_in_unknown_words_is_understood_by_looking(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        put(target, "/x.txt", b"1")
        target.make_folder("/a")
        strange = {"kind": "refuse", "message": "Vorgang abgelehnt"}
        made.faults(
            {"operation": "upload", "action": strange},
            {"operation": "createfolder", "times": 2, "action": strange},
            {"operation": "deletefile", "action": strange},
            {"operation": "renameormove", "action": strange},
        )
        with pytest.raises(TargetExists):
            put(target, "/x.txt", b"2", expect_absent=True)
        assert target.make_folder("/a") is Made.EXISTED
        with pytest.raises(TargetExists):
            target.make_folder("/x.txt")
        target.remove("/gone.txt", Kind.FILE)
        with pytest.raises(ItemGone):
            target.move("/gone.txt", "/y.txt")


def test_a_refusal_that_nothing_explains_concerns_one_item(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        put(target, "/x.txt", b"1")
        strange = {"kind": "refuse", "message": "Vorgang abgelehnt"}
        changes: dict[str, Callable[[], object]] = {
            "upload": lambda: put(target, "/y.txt", b"2"),
            "createfolder": lambda: target.make_folder("/a"),
            "deletefile": lambda: target.remove("/x.txt", Kind.FILE),
            "renameormove": lambda: target.move("/x.txt", "/y.txt"),
        }
        for operation, change in changes.items():
            times = 2 if operation == "renameormove" else 1
            made.faults({"operation": operation, "action": strange, "times": times})
            with pytest.raises(ItemError, match="Vorgang abgelehnt"):
                change()
            made.simulator.faults.assert_all_hit()


# -- chunks that are too large ---------------------------------------------------------------------------


@pytest.mark.parametrize("knobs", [FileCloudKnobs(max_chunk=MIB + 1000), FileCloudKnobs(refuse_chunk_over=MIB)])
def test_chunks_shrink_until_the_server_takes_them(tmp_path: Path, knobs: FileCloudKnobs) -> None:
    body = noise(6 * MIB + 5)
    with world(tmp_path, knobs) as made:
        target = made.target(chunk_size=4 * MIB)
        put(target, "/x.bin", body)
        assert content(made, "/x.bin") == body
        before = Counter(made.operations())["upload"]
        put(target, "/y.bin", body)
        assert Counter(made.operations())["upload"] - before == 7  # learnt
        assert target.chunk_size == 4 * MIB


def test_a_server_that_takes_no_chunk_at_all_is_not_asked_for_ever(tmp_path: Path) -> None:
    with world(tmp_path, FileCloudKnobs(max_chunk=1000)) as made:
        target = made.target(chunk_size=4 * MIB)
        with pytest.raises(ItemError, match="413"):
            put(target, "/x.bin", noise(4 * MIB))
        assert Counter(made.operations())["upload"] == 3
        put(target, "/small.txt", b"1")


# -- the end ---------------------------------------------------------------------------------------------


def test_closing_logs_out(tmp_path: Path) -> None:
    with world(tmp_path) as made:
        target = made.target()
        target.close()
        assert made.operations() == []
        target.stat("/x")
        target.close()
        assert made.operations() == ["loginguest", "fileinfo", "locksession"]


def test_a_naive_server_time_is_written_right_in_both_seasons(tmp_path: Path) -> None:
    knobs = FileCloudKnobs(naive_date_is="server_tz", server_tz="America/Chicago")
    with world(tmp_path, knobs) as made:
        target = made.target(date_style="naive_server", server_tz="America/Chicago")
        for modified in (1_721_421_120, 1_704_110_400):
            target.put_chunk(PutSpec("/x.txt", 1, modified), 0, b"1", last=True)
            entry = target.stat("/x.txt")
            assert entry is not None
            assert entry.modified == modified
