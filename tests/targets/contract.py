"""The promises of a target as tests: inherit TargetContract and supply a ``target`` fixture.

A ``target`` is fresh, empty, ready to be written to, and has a ``chunk_size`` of at most 64 KiB.
"""

from __future__ import annotations

import threading
import unicodedata
from contextlib import closing
from dataclasses import replace

import pytest
from tests.targets.contract_moving import MovingContract
from tests.targets.contract_tools import NAMES, NOON, WINTER, listed, noise, put

from spfc.errors import (
    Disposition,
    IntegrityMismatch,
    ItemChanged,
    ItemError,
    ItemGone,
    ServiceError,
    TargetChanged,
    TargetExists,
)
from spfc.planning.model import Kind, TargetEntry
from spfc.targets.base import Made, PutSpec, Target

__all__ = ["NAMES", "NOON", "WINTER", "TargetContract", "listed", "noise", "put"]


class TargetContract(MovingContract):
    """What every target promises."""

    # -- looking -------------------------------------------------------------------------------------

    def test_nothing_stands_in_an_empty_target(self, target: Target) -> None:
        assert target.stat("/a.txt") is None
        assert target.list_folder("/") == []
        assert target.list_folder("/missing") is None

    def test_an_entry_says_what_was_written(self, target: Target) -> None:
        written = put(target, "/a.txt", b"hello", modified=WINTER)
        seen = target.stat("/a.txt")
        assert seen is not None
        assert (seen.path, seen.name, seen.kind, seen.size) == ("/a.txt", "a.txt", Kind.FILE, 5)
        assert (written.path, written.name, written.kind, written.size) == ("/a.txt", "a.txt", Kind.FILE, 5)
        assert seen.modified == (WINTER if self.times else None)
        assert listed(target, "/") == {"a.txt": seen if self.listed_times else replace(seen, modified=None)}
        if self.etags:
            assert seen.etag is not None
            assert written.etag == seen.etag

    def test_a_folder_is_listed_with_its_children_only(self, target: Target) -> None:
        target.make_folder("/a")
        target.make_folder("/a/b")
        put(target, "/a/b/deep.txt", b"1")
        put(target, "/a/x.txt", b"22")
        found = listed(target, "/a")
        assert {name: entry.kind for name, entry in found.items()} == {"b": Kind.FOLDER, "x.txt": Kind.FILE}
        assert {entry.path for entry in found.values()} == {"/a/b", "/a/x.txt"}

    def test_a_file_is_no_folder_to_list(self, target: Target) -> None:
        put(target, "/a.txt", b"1")
        assert target.list_folder("/a.txt") is None

    def test_other_case_is_another_path(self, target: Target) -> None:
        put(target, "/Report.txt", b"1")
        assert target.stat("/report.txt") is None

    @pytest.mark.parametrize("path", ["a.txt", "/a/", "//a", "/a/../b", "/a/./b", "", "/a\0b"])
    def test_a_path_that_is_not_plain_is_refused(self, target: Target, path: str) -> None:
        with pytest.raises(ValueError, match="path"):
            target.stat(path)

    def test_names_come_back_as_they_went(self, target: Target) -> None:
        for number, name in enumerate(NAMES):
            put(target, f"/{name}", b"x" * number)
        found = listed(target, "/")
        assert {name: entry.size for name, entry in found.items()} == {n: i for i, n in enumerate(NAMES)}
        for name in NAMES:
            target.move(f"/{name}", f"/moved {name}")
            target.remove(f"/moved {name}", Kind.FILE)
        assert target.list_folder("/") == []

    def test_a_decomposed_name_is_found_by_the_name_it_is_listed_under(self, target: Target) -> None:
        put(target, "/" + unicodedata.normalize("NFD", "Résumé.txt"), b"1")
        (name,) = listed(target, "/")
        assert unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", "Résumé.txt")
        assert target.stat(f"/{name}") is not None

    # -- folders -------------------------------------------------------------------------------------

    def test_a_folder_is_made_once(self, target: Target) -> None:
        assert target.make_folder("/a") is Made.CREATED
        assert target.make_folder("/a") is Made.EXISTED
        assert target.make_folder("/a/b") is Made.CREATED

    def test_the_root_may_be_made_where_it_is(self, target: Target) -> None:
        put(target, "/a.txt", b"1")
        assert target.make_folder("/") is Made.EXISTED
        assert list(listed(target, "/")) == ["a.txt"]

    def test_a_folder_does_not_replace_a_file(self, target: Target) -> None:
        put(target, "/a", b"keep me")
        with pytest.raises(TargetExists):
            target.make_folder("/a")
        assert self.read(target, "/a") == b"keep me"

    def test_a_folder_in_other_case_is_in_the_way(self, target: Target) -> None:
        target.make_folder("/Abc")
        if not self.ignores_case:
            assert target.make_folder("/aBC") is Made.CREATED
            assert sorted(listed(target, "/")) == ["Abc", "aBC"]
            return
        with pytest.raises(TargetExists):
            target.make_folder("/aBC")

    def test_a_folder_needs_its_parent(self, target: Target) -> None:
        with pytest.raises(ItemError):
            target.make_folder("/missing/a")
        assert target.list_folder("/") == []

    # -- files ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize("extra", [-1, 0, 1])
    @pytest.mark.parametrize("chunks", [0, 1, 3])
    def test_bytes_arrive_whatever_the_size(self, target: Target, chunks: int, extra: int) -> None:
        size = max(0, chunks * target.chunk_size + extra)
        content = noise(size)
        entry = put(target, "/a.bin", content)
        assert entry.size == size
        assert self.read(target, "/a.bin") == content

    def test_a_file_is_visible_after_its_last_chunk_only(self, target: Target) -> None:
        content = noise(target.chunk_size + 10)
        spec = PutSpec("/a.bin", len(content), NOON)
        target.put_chunk(spec, 0, content[: target.chunk_size], last=False)
        assert target.stat("/a.bin") is None
        assert target.list_folder("/") == []
        target.put_chunk(spec, target.chunk_size, content[target.chunk_size :], last=True)
        assert self.read(target, "/a.bin") == content

    def test_a_dropped_upload_leaves_the_old_file(self, target: Target) -> None:
        before = put(target, "/a.bin", b"old")
        content = noise(target.chunk_size + 10)
        target.put_chunk(PutSpec("/a.bin", len(content), NOON), 0, content[: target.chunk_size], last=False)
        assert self.read(target, "/a.bin") == b"old"
        assert target.stat("/a.bin") == TargetEntry(
            "/a.bin", "a.bin", Kind.FILE, 3, NOON if self.times else None, before.etag
        )

    def test_an_upload_may_start_again(self, target: Target) -> None:
        first, second = noise(target.chunk_size + 10, 1), noise(target.chunk_size + 20, 2)
        target.put_chunk(PutSpec("/a.bin", len(first), NOON), 0, first[: target.chunk_size], last=False)
        put(target, "/a.bin", second)
        assert self.read(target, "/a.bin") == second

    def test_a_file_is_replaced(self, target: Target) -> None:
        first = put(target, "/a.txt", b"one")
        second = put(target, "/a.txt", b"three", modified=WINTER)
        assert self.read(target, "/a.txt") == b"three"
        assert not self.etags or first.etag != second.etag

    def test_the_last_chunk_must_end_the_file(self, target: Target) -> None:
        with pytest.raises(ValueError, match="last"):
            target.put_chunk(PutSpec("/a.txt", 5, NOON), 0, b"12345", last=False)
        with pytest.raises(ValueError, match="last"):
            target.put_chunk(PutSpec("/a.txt", 6, NOON), 0, b"12345", last=True)

    def test_what_must_be_absent_is_not_replaced(self, target: Target) -> None:
        put(target, "/a.txt", b"old", expect_absent=True)
        with pytest.raises(TargetExists):
            put(target, "/a.txt", b"new", expect_absent=True)
        assert self.read(target, "/a.txt") == b"old"

    def test_what_was_changed_is_not_replaced(self, target: Target) -> None:
        if not self.etags:
            pytest.skip("this target gives no etags")
        ours = put(target, "/a.txt", b"ours")
        theirs = put(target, "/a.txt", b"theirs")
        with pytest.raises(TargetChanged):
            put(target, "/a.txt", b"again", expect_etag=ours.etag)
        assert self.read(target, "/a.txt") == b"theirs"
        put(target, "/a.txt", b"again", expect_etag=theirs.etag)
        assert self.read(target, "/a.txt") == b"again"

    def test_a_file_does_not_replace_a_folder(self, target: Target) -> None:
        target.make_folder("/a")
        put(target, "/a/x.txt", b"1")
        with pytest.raises(TargetExists):
            put(target, "/a", b"2")
        assert self.read(target, "/a/x.txt") == b"1"

    def test_a_file_in_other_case_is_in_the_way(self, target: Target) -> None:
        put(target, "/Report.txt", b"1")
        if not self.ignores_case:
            put(target, "/report.txt", b"2", expect_absent=True)
            assert [self.read(target, path) for path in ("/Report.txt", "/report.txt")] == [b"1", b"2"]
            return
        with pytest.raises(TargetExists):
            put(target, "/report.txt", b"2")
        assert list(listed(target, "/")) == ["Report.txt"]

    def test_a_file_needs_its_folder(self, target: Target) -> None:
        with pytest.raises(ItemError):
            put(target, "/missing/a.txt", b"1")

    # -- reading back --------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", [0, 1, 5000])
    def test_what_was_written_can_be_read_back(self, target: Target, size: int) -> None:
        content = noise(size)
        put(target, "/a.bin", content)
        with closing(target.open("/a.bin", size=size)) as stream:
            assert stream.offset == 0
            assert stream.read(1000) == content[:1000]
            assert stream.read(size + 1) == content[1000:]
            assert stream.read(10) == b""

    def test_reading_begins_where_it_is_asked_to_or_at_0(self, target: Target) -> None:
        content = noise(5000)
        put(target, "/a.bin", content)
        with closing(target.open("/a.bin", size=5000, offset=1234)) as stream:
            assert stream.offset in (0, 1234)
            assert stream.read(5000) == content[stream.offset :]

    def test_a_file_of_another_size_is_not_read(self, target: Target) -> None:
        put(target, "/a.bin", noise(5000))
        with (
            pytest.raises((ItemChanged, IntegrityMismatch)),
            closing(target.open("/a.bin", size=4999)) as stream,
        ):
            stream.read(6000)

    def test_what_is_not_there_is_not_read(self, target: Target) -> None:
        with pytest.raises(ItemGone):
            target.open("/a.bin", size=5)

    def test_a_chunk_that_does_not_follow_is_refused(self, target: Target) -> None:
        content = noise(2 * target.chunk_size)
        with pytest.raises(ServiceError) as caught:
            target.put_chunk(
                PutSpec("/a.bin", len(content), NOON), target.chunk_size, content[target.chunk_size :], last=True
            )
        assert caught.value.disposition is Disposition.RETRY
        assert target.stat("/a.bin") is None

    # -- together ------------------------------------------------------------------------------------

    def test_threads_share_a_target(self, target: Target) -> None:
        contents = {f"/{number}.bin": noise(target.chunk_size + number, number) for number in range(12)}
        problems: list[BaseException] = []

        def work(path: str, content: bytes) -> None:
            try:
                put(target, path, content)
            except BaseException as error:  # noqa: BLE001 - handed to the main thread
                problems.append(error)

        threads = [threading.Thread(target=work, args=pair) for pair in contents.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert {path: self.read(target, path) for path in contents} == contents
