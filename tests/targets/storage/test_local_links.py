"""Where a link and the end of the old name stand for a rename (NFS), a process may die between the two."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.targets.contract import put

from spfc.errors import NotReached, ServiceBusy, TargetExists
from spfc.planning.model import Kind
from spfc.targets.base import PutSpec
from spfc.targets.onlooker import Onlooker
from spfc.targets.storage import posix
from spfc.targets.storage.local import LocalFolderTarget
from spfc.targets.storage.staging import STAGING, staged_name

CHUNK = 1024
BODY = bytes(range(256)) * 10


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def target(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFolderTarget]:
    monkeypatch.setattr(posix, "_renameat2", None)
    made = LocalFolderTarget(str(root), chunk_size=CHUNK)
    made.make_folder("/")
    yield made
    made.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != STAGING)


def test_a_move_that_was_broken_off_is_ended(target: LocalFolderTarget, root: Path) -> None:
    put(target, "/old.txt", BODY)
    put(target, "/theirs.txt", BODY)
    os.link(root / "old.txt", root / "new.txt")
    with pytest.raises(TargetExists):
        target.move("/old.txt", "/theirs.txt")
    target.move("/old.txt", "/new.txt")
    assert names(root) == ["new.txt", "theirs.txt"]


def test_who_only_looks_ends_it_and_begins_none(target: LocalFolderTarget, root: Path) -> None:
    put(target, "/old.txt", BODY)
    put(target, "/same.txt", BODY)
    onlooker = Onlooker(target)
    for goal in ("/new.txt", "/same.txt"):
        with pytest.raises(NotReached):
            onlooker.move("/old.txt", goal)
    assert names(root) == ["old.txt", "same.txt"]
    os.link(root / "old.txt", root / "new.txt")
    onlooker.move("/old.txt", "/new.txt")
    assert names(root) == ["new.txt", "same.txt"]


def test_a_removal_that_was_broken_off_is_ended(target: LocalFolderTarget, root: Path, tmp_path: Path) -> None:
    put(target, "/old.txt", BODY)
    (tmp_path / "kept").mkdir()
    os.link(root / "old.txt", tmp_path / "kept" / "old.txt")
    target.retire("/old.txt", Kind.FILE, f"{tmp_path}/kept/old.txt")
    assert names(root) == []
    assert names(tmp_path / "kept") == ["old.txt"], "once, and under its own name"


def test_nobody_goes_on_with_an_upload_that_is_at_its_place(target: LocalFolderTarget, root: Path) -> None:
    put(target, "/x.bin", BODY)
    left = root / STAGING / staged_name("/x.bin")
    os.link(root / "x.bin", left)
    with pytest.raises(ServiceBusy):
        target.put_chunk(PutSpec("/x.bin", 2 * CHUNK, 1), CHUNK, b"y" * CHUNK, last=True)
    assert (root / "x.bin").read_bytes() == BODY
    another = LocalFolderTarget(str(root), chunk_size=CHUNK)
    put(another, "/y.bin", b"1")
    assert not left.exists(), "it need not grow old"
    assert (root / "x.bin").read_bytes() == BODY
    another.close()
