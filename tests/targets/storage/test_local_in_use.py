"""A local target in the hands of the engine: carried files, a quarantine on another disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.targets.contract import NOON, noise, put
from tests.targets.storage.shelf import assert_carried

from spfc.errors import TargetExists
from spfc.planning.model import Kind
from spfc.targets.storage.local import LocalFolderTarget
from spfc.targets.storage.staging import STAGING
from spfc.transfer.read_back import read_back


def test_a_file_is_carried_beside(tmp_path: Path) -> None:
    target = LocalFolderTarget(f"{tmp_path}/mirror", chunk_size=1024)
    target.make_folder("/")
    assert_carried(target, f"{tmp_path}/mirror.quarantine/2026-11-21")
    target.close()
    assert not (tmp_path / "mirror.quarantine" / "2026-11-21" / STAGING).exists()
    assert (tmp_path / "mirror" / STAGING).exists()


def test_what_two_processes_wrote_can_be_proven(tmp_path: Path) -> None:
    target = LocalFolderTarget(f"{tmp_path}/mirror", chunk_size=1024)
    target.make_folder("/")
    put(target, "/x.bin", noise(5000))
    found = read_back(target, "/x.bin", size=5000)
    assert found is not None
    assert found.size == 5000
    assert read_back(target, "/x.bin", size=4999) is None


def test_a_quarantine_folder_is_merged_and_nothing_replaced(tmp_path: Path) -> None:
    target = LocalFolderTarget(f"{tmp_path}/mirror", chunk_size=1024)
    target.make_folder("/")
    vault = target.beside(f"{tmp_path}/kept")
    vault.make_folder("/")
    put(vault, "/x.bin", b"1", modified=NOON)
    with pytest.raises(TargetExists):
        put(vault, "/x.bin", b"2", expect_absent=True)
    put(target, "/x.bin", b"3")
    assert target.retire("/x.bin", Kind.FILE, f"{tmp_path}/kept/x.bin") == f"{tmp_path}/kept/x (2).bin"
