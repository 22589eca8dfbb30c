"""A local target for tests, with parts so small that most files have several."""

from __future__ import annotations

from pathlib import Path

from spfc.targets.storage.local import LocalFolderTarget

CHUNK = 1024


def opened(root: Path) -> LocalFolderTarget:
    return LocalFolderTarget(str(root), chunk_size=CHUNK)
