"""Nothing leads out of the root of a local target, and a disk that is not there is not an empty one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.targets.contract import NOON, noise, put
from tests.targets.storage.local_world import CHUNK, opened

from spfc.errors import (
    ItemError,
    ItemGone,
    NameRefused,
    PlaceNotFound,
    ServiceBusy,
    TargetChanged,
    TargetExists,
)
from spfc.planning.model import Kind
from spfc.targets.base import Made, PutSpec
from spfc.targets.storage.local import LocalFolderTarget
from spfc.targets.storage.staging import STAGING, staged_name


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(b"not ours")
    return folder


def unchanged(outside: Path) -> bool:
    return [(each.name, each.read_bytes()) for each in outside.iterdir()] == [("secret.txt", b"not ours")]


def changes(target: LocalFolderTarget, root: str = "/tmp/elsewhere") -> list[Callable[[], object]]:
    return [
        lambda: target.stat("/a.txt"),
        lambda: target.make_folder("/a"),
        lambda: put(target, "/a.txt", b"1"),
        lambda: target.open("/a.txt", size=1),
        lambda: target.move("/a.txt", "/b.txt"),
        lambda: target.remove("/a.txt", Kind.FILE),
        lambda: target.retire("/a.txt", Kind.FILE, f"{root}/a.txt"),
        lambda: target.list_folder("/a"),
    ]


# -- the root ----------------------------------------------------------------------------------------


def test_a_disk_that_is_not_mounted_is_not_an_empty_target(target: LocalFolderTarget, root: Path) -> None:
    put(target, "/a.txt", b"1")
    root.rename(root.with_name("unmounted"))
    root.mkdir()  # the mount point
    fresh = opened(root)
    for change in [*changes(target), *changes(fresh)]:
        with pytest.raises(PlaceNotFound, match=r"mounted|not marked"):
            change()
    assert list(root.iterdir()) == []
    assert (fresh.list_folder("/"), fresh.stat("/")) == (None, None)
    root.rmdir()
    root.with_name("unmounted").rename(root)
    assert fresh.stat("/a.txt") is not None, "it is there again"


def test_a_root_that_vanished_is_not_an_empty_target(target: LocalFolderTarget, root: Path) -> None:
    root.rename(root.with_name("gone"))
    for change in changes(opened(root)):
        with pytest.raises(PlaceNotFound, match="mounted"):
            change()
    assert opened(root).list_folder("/") is None
    assert not root.exists()


def test_a_folder_of_other_people_is_listed_but_not_changed_before_it_is_made_ours(root: Path) -> None:
    (root / "a").mkdir(parents=True)
    (root / "a" / "x.txt").write_bytes(b"theirs")
    target = opened(root)
    assert [entry.path for entry in target.list_folder("/a") or ()] == ["/a/x.txt"]
    with pytest.raises(PlaceNotFound, match=STAGING):
        put(target, "/y.txt", b"1")
    assert target.make_folder("/") is Made.EXISTED
    put(target, "/y.txt", b"1")
    assert sorted(each.name for each in root.iterdir()) == [STAGING, "a", "y.txt"]


def test_the_root_is_made_but_not_what_is_above_it(tmp_path: Path) -> None:
    target = opened(tmp_path / "disk" / "mirror")
    with pytest.raises(PlaceNotFound, match="mounted"):
        target.make_folder("/")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "disk").mkdir()
    assert target.make_folder("/") is Made.CREATED
    assert target.make_folder("/") is Made.EXISTED


def test_the_root_may_lie_behind_a_link_and_is_no_file(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "link").symlink_to(outside)
    target = opened(tmp_path / "link")
    assert target.make_folder("/") is Made.EXISTED
    put(target, "/x.txt", b"1")
    assert (outside / "x.txt").read_bytes() == b"1"
    with pytest.raises(ValueError, match="root"):
        target.retire("/x.txt", Kind.FILE, f"{outside}/y.txt")
    with pytest.raises(PlaceNotFound):
        opened(outside / "secret.txt").make_folder("/")
    for bad in ("/", "relative", "/a/../b"):
        with pytest.raises(ValueError, match=r"root|path"):
            LocalFolderTarget(bad)


def test_the_folder_of_uploads_is_nobodys_business(target: LocalFolderTarget, root: Path) -> None:
    assert target.list_folder("/") == []
    target.put_chunk(PutSpec("/half.bin", 9, NOON), 0, b"1234", last=False)
    inside = f"/{STAGING}/{staged_name('/half.bin')}"
    assert (target.stat(f"/{STAGING}"), target.list_folder(f"/{STAGING}"), target.stat(inside)) == (None, None, None)
    with pytest.raises(ItemGone):
        target.open(inside, size=4)
    target.make_folder("/a")
    target.make_folder(f"/a/{STAGING}")  # further down it is a name like any other
    put(target, "/x.txt", b"1")
    for change in (
        lambda: target.make_folder(f"/{STAGING}"),
        lambda: put(target, f"/{STAGING}/x.txt", b"1"),
        lambda: target.move("/x.txt", f"/{STAGING}"),
    ):
        with pytest.raises(NameRefused):
            change()


# -- links -------------------------------------------------------------------------------------------


def test_a_planted_link_is_never_followed(target: LocalFolderTarget, root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret.txt")
    kinds = {entry.name: entry.kind for entry in target.list_folder("/") or ()}
    assert kinds == {"link": Kind.LINK, "file": Kind.LINK}
    assert target.list_folder("/link") is None
    assert target.stat("/link/secret.txt") is None
    for refused, change in [
        (TargetExists, lambda: put(target, "/file", b"1")),
        (TargetExists, lambda: put(target, "/link", b"1")),
        (TargetExists, lambda: target.make_folder("/link")),
        (ItemError, lambda: put(target, "/link/new.txt", b"1")),
        (ItemError, lambda: target.make_folder("/link/new")),
        (ItemGone, lambda: target.open("/file", size=8)),
        (ItemGone, lambda: target.open("/link/secret.txt", size=8)),
        (TargetChanged, lambda: target.remove("/link", Kind.FOLDER)),
        (TargetChanged, lambda: target.remove("/file", Kind.FILE)),
        (TargetChanged, lambda: target.move("/file", "/elsewhere")),
    ]:
        with pytest.raises(refused):
            change()
    target.remove("/link/secret.txt", Kind.FILE)
    assert unchanged(outside)
    assert sorted(each.name for each in root.iterdir()) == [STAGING, "file", "link"]


def test_a_folder_that_becomes_a_link_in_the_middle_of_an_upload_takes_nothing(
    target: LocalFolderTarget, root: Path, outside: Path
) -> None:
    target.make_folder("/a")
    spec, content = PutSpec("/a/x.bin", CHUNK + 1, NOON), noise(CHUNK + 1)
    target.put_chunk(spec, 0, content[:CHUNK], last=False)
    (root / "a").rmdir()
    (root / "a").symlink_to(outside)
    with pytest.raises(ItemError):
        target.put_chunk(spec, CHUNK, content[CHUNK:], last=True)
    assert unchanged(outside)


def test_a_removed_folder_takes_links_with_it_and_not_what_they_show(
    target: LocalFolderTarget, root: Path, outside: Path
) -> None:
    target.make_folder("/a")
    (root / "a" / "link").symlink_to(outside)
    target.remove("/a", Kind.FOLDER)
    assert not (root / "a").exists()
    assert unchanged(outside)


def test_a_link_in_the_quarantine_is_not_gone_through(target: LocalFolderTarget, tmp_path: Path, outside: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "day").symlink_to(outside)
    put(target, "/x.txt", b"1")
    went = target.retire("/x.txt", Kind.FILE, f"{tmp_path}/kept/day/x.txt")
    assert went == f"{tmp_path}/kept/day (2)/x.txt"
    assert Path(went).read_bytes() == b"1"
    assert unchanged(outside)


def test_nobody_waits_at_a_pipe(target: LocalFolderTarget, root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(ItemGone):
        target.open("/pipe", size=0)
    with pytest.raises(TargetExists):
        put(target, "/pipe", b"1")
    os.mkfifo(root / STAGING / staged_name("/x.bin"))
    with pytest.raises(ServiceBusy):
        target.put_chunk(PutSpec("/x.bin", 9, NOON), 5, b"1234", last=True)
    put(target, "/x.bin", b"1")


@pytest.mark.parametrize("name", ["x" * 256, "\ud800"])
def test_names_that_the_file_system_cannot_hold_are_refused(target: LocalFolderTarget, name: str) -> None:
    for change in (lambda: put(target, f"/{name}", b"1"), lambda: target.make_folder(f"/{name}")):
        with pytest.raises(NameRefused) as caught:
            change()
        assert "\ud800" not in str(caught.value)


def test_names_that_are_no_text_are_listed_readably(target: LocalFolderTarget, root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/bad\xff.txt")).write_bytes(b"1")
    assert [entry.name for entry in target.list_folder("/") or ()] == ["bad\\xff.txt"]
