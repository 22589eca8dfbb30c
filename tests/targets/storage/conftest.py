from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.targets.storage.local_world import opened

from spfc.targets.storage.local import LocalFolderTarget


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


@pytest.fixture
def target(root: Path) -> Iterator[LocalFolderTarget]:
    made = opened(root)
    made.make_folder("/")
    yield made
    made.close()
