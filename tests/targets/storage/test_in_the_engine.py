"""Whole runs of the engine onto each kind of storage: first copy, change, rename, removal, audit, and a quiet run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.planning.trees import ROOT, folder
from tests.steps.house import House
from tests.targets.storage.memory_store import MemoryStore
from tests.targets.storage.shelf import tree

from spfc.errors import ServiceBusy
from spfc.ledger.leases import LEASE_SECONDS
from spfc.targets.base import Target
from spfc.targets.storage.local import LocalFolderTarget
from spfc.targets.storage.object_store import ObjectStoreTarget

MakeTarget = Callable[[], Target]


def local(place: Path) -> tuple[str, MakeTarget]:
    return f"{place}/mirror", lambda: LocalFolderTarget(f"{place}/mirror", chunk_size=16)


def objects(_: Path) -> tuple[str, MakeTarget]:
    store = MemoryStore()
    return "/bucket/mirror", lambda: ObjectStoreTarget(store, "/bucket/mirror", chunk_size=16)


@pytest.mark.parametrize("kind", [local, objects])
@pytest.mark.parametrize("there_before", [False, True])
def test_a_library_is_mirrored(tmp_path: Path, kind: Any, there_before: bool) -> None:
    root, make = kind(tmp_path)
    policies = {"removal_guard": {"max_items": 100, "max_share": 1.0}}
    house = House(tmp_path, fields={"target": {"folder": root}, "policies": policies}, target=make())
    if there_before and kind is local:
        Path(root).mkdir()
    house.publish([
        ROOT, folder("a", "root", "A"), folder("d", "a", "deep"), folder("e", "root", "empty"),
        house.file("1", "a", "one.txt", "body one"), house.file("2", "d", "two.txt", "body two, of more than a chunk"),
        house.file("3", "root", "three.txt", ""),
    ])  # fmt: skip
    house.run()
    wanted: dict[str, bytes | None] = {
        "/A": None, "/A/deep": None, "/A/one.txt": b"body one", "/A/deep/two.txt": b"body two, of more than a chunk",
        "/three.txt": b"",
    }  # fmt: skip
    assert {path: body for path, body in tree(make()).items() if path != "/empty"} == wanted
    assert house.debt() == 0

    items = house.source.items
    house.publish([
        replace(items["a"], name="B"), replace(items["3"], deleted=True),
        house.file("1", "a", "one.txt", "changed", modified=items["1"].modified + 50, version="v2"),
    ])  # fmt: skip
    house.target = make()  # another process
    house.run()
    assert {path: body for path, body in tree(make()).items() if path != "/empty"} == {
        "/B": None, "/B/deep": None, "/B/one.txt": b"changed", "/B/deep/two.txt": b"body two, of more than a chunk",
    }  # fmt: skip
    (day,) = make().beside(f"{root}.quarantine").list_folder("/") or ()
    assert list(tree(make().beside(f"{root}.quarantine/{day.name}"))) == ["/three.txt"]
    assert house.debt() == 0

    house.run(mode="audit")
    assert house.debt() == 0
    calls = house.target.calls
    house.run()
    assert (house.manifest, house.target.calls) == ({}, calls)


def test_a_folder_that_was_half_retired_comes_back_whole(tmp_path: Path) -> None:
    """A store deletes objects one by one: when somebody restores the folder meanwhile, what is gone is brought anew."""
    store = MemoryStore(inside=False)
    policies = {"removal_guard": {"max_share": 1.0}}
    target = ObjectStoreTarget(store, "/bucket/mirror", chunk_size=16)
    house = House(tmp_path, fields={"target": {"folder": "/bucket/mirror"}, "policies": policies}, target=target)
    bodies = {number: f"body {number}" for number in "123"}
    files = [house.file(number, "a", f"{number}.txt", body) for number, body in bodies.items()]
    house.publish([ROOT, folder("a", "root", "A"), *files])
    house.run()
    wanted = tree(target)
    house.publish([replace(house.source.items[item_id], deleted=True) for item_id in "a123"])
    deleted: list[str] = []
    whole = store.delete

    def breaking(keys: Sequence[str]) -> None:
        if deleted:
            raise ServiceBusy("The store is away.")
        deleted.extend(keys[:1])
        whole(keys[:1])

    store.delete = breaking  # type: ignore[method-assign]
    house.run()
    house.end_badly()
    assert len(tree(target)) == len(wanted) - 1
    store.delete = whole  # type: ignore[method-assign]
    house.publish([replace(house.source.items[item_id], deleted=False) for item_id in "a123"])
    house.run()
    assert (tree(target), house.debt()) == (wanted, 0)


class DiedError(Exception):
    """The process is gone."""


class Strand:
    """Lets the store break at a numbered request from now on, with an answer or with the end of the process."""

    def __init__(self, store: MemoryStore, number: int, trouble: Exception, *, after: bool) -> None:
        self.count, self.number, self.trouble, self.after = 0, number, trouble, after
        self._plain = store._do
        store._do = self._do  # type: ignore[method-assign]

    def _do(self, name: str, send: Any) -> Any:
        self.count += 1
        if self.count < self.number:
            return self._plain(name, send)
        if self.count == self.number and self.after:
            self._plain(name, send)
        raise self.trouble


@pytest.mark.parametrize(("trouble", "after"), [(DiedError(), True), (ServiceBusy("The store is away."), False)])
@pytest.mark.parametrize("inside", [True, False], ids=["bulk", "one by one"])
def test_a_move_that_broke_off_and_is_taken_back_at_the_source(
    tmp_path: Path, inside: bool, trouble: Exception, after: bool
) -> None:
    """Wherever it broke off: nothing is missing at the old place, and nothing is left at the new one."""
    migrated = House(tmp_path)
    migrated.debt()
    migrated.database.close()
    for number in range(1, 60):
        place = tmp_path / str(number)
        place.mkdir()
        shutil.copy(tmp_path / "ledger.db", place / "ledger.db")
        store = MemoryStore(inside=inside)
        house = House(place, fields={"target": {"folder": "/bucket/mirror"}, "limits": {"workers": 1}},
                      target=ObjectStoreTarget(store, "/bucket/mirror", chunk_size=16))  # fmt: skip
        files = [house.file(name, "a", f"{name}.txt", f"body {name}") for name in "12"]
        house.publish([ROOT, folder("a", "root", "A"), *files, house.file("9", "root", "nine.txt", "body 9")])
        house.run()
        wanted = tree(house.target)
        house.publish(
            [replace(house.source.items[i], name=n, version="v2") for i, n in (("a", "B"), ("9", "neun.txt"))]
        )
        plain = store._do
        strand = Strand(store, number, trouble, after=after)
        try:
            house.run()
        except DiedError:
            house.clock.now += LEASE_SECONDS + 60
        else:
            house.end_badly()
        store._do = plain  # type: ignore[method-assign]
        back = (("a", "A"), ("9", "nine.txt"))
        house.publish([replace(house.source.items[i], name=n, version="v3") for i, n in back])
        house.target = ObjectStoreTarget(store, "/bucket/mirror", chunk_size=16)
        for _ in range(3):
            house.run()
        assert (tree(house.target), house.debt()) == (wanted, 0), f"broke off at request {number}"
        house.database.close()
        if strand.count < number:
            break
    assert number > 10, "there were requests to break off at"
