"""Whole runs of the engine onto each kind of storage: first copy, change, rename, removal, audit, and a quiet run."""

from __future__ import annotations

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
