from __future__ import annotations

import pytest
from tests.targets.contract import TargetContract, put

from spfc.errors import MoveRefused, NameRefused, Unreachable
from spfc.planning.model import Kind
from spfc.targets.base import Target
from spfc.targets.memory import MemoryTarget


class TestMemoryTarget(TargetContract):
    @pytest.fixture
    def target(self) -> MemoryTarget:
        return MemoryTarget(1024)

    def read(self, target: Target, path: str) -> bytes | None:
        assert isinstance(target, MemoryTarget)
        return target.tree().get(path)

    def read_outside(self, target: Target, path: str) -> bytes | None:
        assert isinstance(target, MemoryTarget)
        return target.retired().get(path)


class TestMemoryTargetWithoutEtags(TestMemoryTarget):
    etags = False

    @pytest.fixture
    def target(self) -> MemoryTarget:
        return MemoryTarget(1024, etags=False)


def test_calls_are_counted_and_may_be_made_to_fail() -> None:
    target = MemoryTarget()
    target.fail_next.append(Unreachable("declared"))
    with pytest.raises(Unreachable):
        target.make_folder("/a")
    target.make_folder("/a")
    put(target, "/a/x", b"1")
    assert target.counts == {"make_folder": 2, "put_chunk": 1}
    assert target.calls == 3
    assert target.tree() == {"/a": None, "/a/x": b"1"}


def test_names_may_be_refused() -> None:
    target = MemoryTarget(refused_names=frozenset({"bad"}))
    with pytest.raises(NameRefused):
        target.make_folder("/bad")
    target.remove("/bad", Kind.FILE)


def test_moves_between_storages_are_refused() -> None:
    target = MemoryTarget()
    target.network_folders = {"/net"}
    target.make_folder("/net")
    put(target, "/net/x", b"1")
    for old, new in (("/net/x", "/x"), ("/net", "/elsewhere")):
        with pytest.raises(MoveRefused):
            target.move(old, new)
    target.move("/net/x", "/net/y")
    assert target.tree() == {"/net": None, "/net/y": b"1"}
