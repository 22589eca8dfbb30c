"""The promises of a target about moving, removing and retiring, as tests; see ``contract.py``."""

from __future__ import annotations

import pytest
from tests.targets.contract_tools import Capabilities, listed, put

from spfc.errors import ItemError, ItemGone, TargetExists
from spfc.planning.model import Kind
from spfc.targets.base import Target


class MovingContract(Capabilities):
    """What every target promises about items that leave their place."""

    # -- moving --------------------------------------------------------------------------------------

    def test_a_file_moves(self, target: Target) -> None:
        target.make_folder("/a")
        put(target, "/x.txt", b"1")
        target.move("/x.txt", "/a/y.txt")
        assert self.read(target, "/a/y.txt") == b"1"
        assert target.stat("/x.txt") is None

    def test_a_folder_moves_with_everything_in_it(self, target: Target) -> None:
        target.make_folder("/a")
        target.make_folder("/a/b")
        put(target, "/a/b/x.txt", b"1")
        target.move("/a", "/c")
        assert self.read(target, "/c/b/x.txt") == b"1"
        assert target.stat("/a") is None

    def test_a_move_done_already_is_done(self, target: Target) -> None:
        put(target, "/x.txt", b"1")
        target.move("/x.txt", "/y.txt")
        target.move("/x.txt", "/y.txt")
        assert self.read(target, "/y.txt") == b"1"

    def test_a_name_changes_its_case(self, target: Target) -> None:
        put(target, "/x.txt", b"1")
        target.move("/x.txt", "/X.txt")
        assert list(listed(target, "/")) == ["X.txt"]

    def test_a_move_replaces_nothing(self, target: Target) -> None:
        put(target, "/x.txt", b"1")
        put(target, "/y.txt", b"2")
        with pytest.raises(TargetExists):
            target.move("/x.txt", "/y.txt")
        assert (self.read(target, "/x.txt"), self.read(target, "/y.txt")) == (b"1", b"2")

    def test_a_move_replaces_no_other_case(self, target: Target) -> None:
        put(target, "/x.txt", b"1")
        put(target, "/Y.txt", b"2")
        if not self.ignores_case:
            target.move("/x.txt", "/y.txt")
            assert [self.read(target, path) for path in ("/y.txt", "/Y.txt")] == [b"1", b"2"]
            return
        with pytest.raises(TargetExists):
            target.move("/x.txt", "/y.txt")
        assert self.read(target, "/Y.txt") == b"2"

    def test_nothing_cannot_be_moved(self, target: Target) -> None:
        with pytest.raises(ItemGone):
            target.move("/x.txt", "/y.txt")

    def test_a_move_needs_its_folder(self, target: Target) -> None:
        put(target, "/x.txt", b"1")
        with pytest.raises(ItemError):
            target.move("/x.txt", "/missing/x.txt")
        assert self.read(target, "/x.txt") == b"1"

    # -- removing ------------------------------------------------------------------------------------

    def test_a_file_goes_and_may_go_again(self, target: Target) -> None:
        put(target, "/x.txt", b"1")
        put(target, "/y.txt", b"2")
        target.remove("/x.txt", Kind.FILE)
        target.remove("/x.txt", Kind.FILE)
        assert list(listed(target, "/")) == ["y.txt"]

    def test_a_folder_goes_with_everything_in_it(self, target: Target) -> None:
        target.make_folder("/a")
        put(target, "/a/x.txt", b"1")
        target.remove("/a", Kind.FOLDER)
        target.remove("/a", Kind.FOLDER)
        assert target.list_folder("/") == []

    def test_the_root_is_not_ours_to_change(self, target: Target) -> None:
        for change in (
            lambda: target.remove("/", Kind.FOLDER),
            lambda: target.move("/", "/a"),
            lambda: target.retire("/", Kind.FOLDER, f"{self.outside}/a"),
        ):
            with pytest.raises(ValueError, match="root"):
                change()

    # -- retiring ------------------------------------------------------------------------------------

    def test_an_item_is_retired_with_everything_in_it(self, target: Target) -> None:
        target.make_folder("/a")
        put(target, "/a/x.txt", b"1")
        went = target.retire("/a", Kind.FOLDER, f"{self.outside}/2026-11-21/deep/a")
        assert went == f"{self.outside}/2026-11-21/deep/a"
        assert target.list_folder("/") == []
        assert self.read_outside(target, f"{went}/x.txt") == b"1"

    def test_a_retired_item_replaces_nothing(self, target: Target) -> None:
        places = []
        for number in range(3):
            put(target, "/x.tar.gz", b"%d" % number)
            places.append(target.retire("/x.tar.gz", Kind.FILE, f"{self.outside}/x.tar.gz"))
        assert places == [
            f"{self.outside}/x.tar.gz",
            f"{self.outside}/x.tar (2).gz",
            f"{self.outside}/x.tar (3).gz",
        ]
        assert [self.read_outside(target, place) for place in places] == [b"0", b"1", b"2"]

    def test_a_retired_item_replaces_no_other_case(self, target: Target) -> None:
        for number, name in enumerate(("/x", "/X")):
            put(target, name, b"%d" % number)
            went = target.retire(name, Kind.FILE, f"{self.outside}{name}")
            assert self.read_outside(target, went) == b"%d" % number
        assert went == (f"{self.outside}/X (2)" if self.ignores_case else f"{self.outside}/X")

    def test_nothing_cannot_be_retired(self, target: Target) -> None:
        with pytest.raises(ItemGone):
            target.retire("/missing", Kind.FILE, f"{self.outside}/missing")
        put(target, "/x.txt", b"1")
        target.retire("/x.txt", Kind.FILE, f"{self.outside}/x.txt")
        with pytest.raises(ItemGone):
            target.retire("/x.txt", Kind.FILE, f"{self.outside}/x.txt")

    def test_a_file_in_the_way_of_a_quarantine_folder_gives_the_folder_a_number(self, target: Target) -> None:
        put(target, "/a", b"a file first")
        target.retire("/a", Kind.FILE, f"{self.outside}/a")
        target.make_folder("/a")
        for number in (1, 2):
            put(target, "/a/x.txt", b"%d" % number)
            went = target.retire("/a/x.txt", Kind.FILE, f"{self.outside}/a/x.txt")
            assert self.read_outside(target, went) == b"%d" % number
        assert went == f"{self.outside}/a (2)/x (2).txt"
        assert self.read_outside(target, f"{self.outside}/a") == b"a file first"

    def test_beside_it_is_the_same_service(self, target: Target) -> None:
        put(target, "/x.txt", b"1")
        calls = target.calls
        vault = target.beside(f"{self.outside}/vault")
        assert target.calls == calls, "nothing is asked before the first call"
        vault.make_folder("/")
        vault.make_folder("/a")
        put(vault, "/a/y.txt", b"22")
        assert self.read_outside(target, f"{self.outside}/vault/a/y.txt") == b"22"
        assert list(listed(vault, "/")) == ["a"]
        assert list(listed(target, "/")) == ["x.txt"]
        assert target.calls > calls, "one count for both"
