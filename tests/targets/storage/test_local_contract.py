from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.targets.contract import TargetContract
from tests.targets.storage.folding import ignore_case

from spfc.targets.base import Target
from spfc.targets.storage import posix
from spfc.targets.storage.local import LocalFolderTarget


class TestLocalFolder(TargetContract):
    ignores_case = False

    @pytest.fixture(autouse=True)
    def places(self, tmp_path: Path) -> None:
        self.root = tmp_path / "mirror"
        self.outside = f"{tmp_path}/retired"

    @pytest.fixture
    def target(self, places: None) -> Iterator[LocalFolderTarget]:
        target = LocalFolderTarget(str(self.root), chunk_size=4096)
        assert target.calls == 0
        target.make_folder("/")
        yield target
        target.close()

    def read(self, target: Target, path: str) -> bytes | None:
        file = self.root / path[1:]
        return file.read_bytes() if file.is_file() else None

    def read_outside(self, target: Target, path: str) -> bytes | None:
        return Path(path).read_bytes()


class TestFileSystemThatIgnoresCase(TestLocalFolder):
    ignores_case = True

    @pytest.fixture(autouse=True)
    def folding(self, monkeypatch: pytest.MonkeyPatch, target: LocalFolderTarget) -> None:
        ignore_case(monkeypatch)


class TestFileSystemWithoutFlags(TestLocalFolder):
    """Such as NFS: renames cannot refuse to replace, hard links are there."""

    @pytest.fixture(autouse=True)
    def without_flags(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(posix, "_renameat2", None)


class TestFileSystemWithoutLinks(TestFileSystemWithoutFlags):
    """Such as a share of Windows: no hard links either."""

    @pytest.fixture(autouse=True)
    def without_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise OSError(errno.EPERM, "no links")

        monkeypatch.setattr(os, "link", refuse)
