"""Every file source with every file target, over HTTP where there is a service: a new place is one line in a table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import House
from tests.targets.storage.azure_world import azure_world
from tests.targets.storage.s3_world import s3_world
from tests.targets.storage.shelf import tree

from spfc.filecloud.client import FileCloudClient
from spfc.sources.filecloud_folder import FileCloudFolder
from spfc.steps.context import RunContext
from spfc.targets.base import Target
from spfc.targets.filecloud import FileCloudTarget
from spfc.targets.storage.local import LocalFolderTarget

pytestmark = pytest.mark.e2e

SIZES = {"a.txt": 10, "Reports/2024/q1.bin": 9_000, "Reports/empty.txt": 0, "Übersicht #1 & 50%.txt": 300}


class PairHouse(House):
    """A house whose ends can be changed: ``folder`` is where people work, ``make_target`` what is mirrored to."""

    from_cloud = False
    make_target: Callable[[], Target]
    place: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.tmp / "store" / "team" if self.from_cloud else self.library

    def entry(self) -> dict[str, Any]:
        source = {"type": "filecloud_folder", "folder": "/spfc/team"} if self.from_cloud else super().entry()["source"]
        return {"source": source, "target": self.place}

    def context(self, **options: Any) -> RunContext:
        run = replace(super().context(**options), make_target=lambda: self.make_target())
        if not self.from_cloud:
            return run
        return replace(
            run, make_source=lambda: FileCloudFolder(FileCloudClient(self.filecloud_settings()), "/spfc/team")
        )

    def write(self, path: str, size: int, mark: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((mark.encode() * size)[:size])
        os.utime(file, (1_700_000_000 + size, 1_700_000_000 + size))


def on_disk(root: Path) -> dict[str, bytes | None]:
    return {f"/{p.relative_to(root)}": p.read_bytes() if p.is_file() else None for p in root.rglob("*")}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with s3_world() as world:
        yield world


@pytest.fixture(scope="module")
def azure() -> Iterator[Any]:
    with azure_world() as world:
        yield world


def to_filecloud(house: PairHouse, _: Callable[[str], Any]) -> None:
    house.place = {"folder": "/spfc/mirror", "connection": "another"}
    house.make_target = lambda: FileCloudTarget(FileCloudClient(house.filecloud_settings()), "/spfc/mirror")


def to_folder(house: PairHouse, _: Callable[[str], Any]) -> None:
    root = str(house.tmp / "mirror")
    house.place = {"type": "object_storage", "url": root}
    house.make_target = lambda: LocalFolderTarget(root, chunk_size=4096)


def to_s3(house: PairHouse, world: Callable[[str], Any]) -> None:
    to_store(house, world("s3"), "s3")


def to_azure(house: PairHouse, world: Callable[[str], Any]) -> None:
    to_store(house, world("azure"), "abfs")


def to_store(house: PairHouse, world: Any, scheme: str) -> None:
    world.clear()
    house.place = {"type": "object_storage", "url": f"{scheme}://mirrors/mirror"}
    house.make_target = lambda: world.target()


@pytest.mark.parametrize("end", [to_filecloud, to_folder, to_s3, to_azure], ids=lambda end: end.__name__)
@pytest.mark.parametrize("from_cloud", [False, True], ids=["from_library", "from_filecloud"])
def test_a_pair_follows_everything_that_people_do(
    house: House, from_cloud: bool, end: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    pair = PairHouse(house.tmp, house.sharepoint, house.filecloud, house.database)
    pair.from_cloud = from_cloud
    pair.fields = {"policies": {"removal_guard": {"max_share": 1.0}}}
    end(pair, request.getfixturevalue)
    for path, size in SIZES.items():
        pair.write(path, size, "one ")
    assert pair.run().verdict == "green"
    assert tree(pair.make_target()) == on_disk(pair.folder)

    quiet = pair.run()
    assert (quiet.verdict, quiet.summary["calls"]) == ("green", 0)
    assert quiet.summary["requests"] == (5 if from_cloud else 1), "one listing each of three folders, login and logout"

    pair.write("a.txt", 5_000, "two ")
    pair.write("new/b.bin", 4_096, "three ")
    (pair.folder / "Reports").rename(pair.folder / "Berichte")
    (pair.folder / "Übersicht #1 & 50%.txt").unlink()
    assert pair.run().verdict == "green"
    assert tree(pair.make_target()) == on_disk(pair.folder)
    (day,) = pair.make_target().beside(pair.route().quarantine_folder).list_folder("/") or ()
    kept = tree(pair.make_target().beside(f"{pair.route().quarantine_folder}/{day.name}"))
    assert kept["/Übersicht #1 & 50%.txt"] == (b"one " * 300)[:300]

    assert pair.run(mode="audit").verdict == "green"
    assert pair.run().summary["calls"] == 0
