"""How the scripts that drive a client report: lines of JSON in a file. Runs in the client's own environment."""

from __future__ import annotations

import json
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def files_below(folder: str | Path) -> list[Path]:
    """Return all files of a folder and its folders."""
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def edit(books: Path) -> dict[str, str]:
    """Change the published library in every way the change feed tells of; return old and new paths of what moved."""
    (books / "plain.txt").write_bytes(b"quite another content")
    (books / "new folder").mkdir()
    (books / "new folder/new.txt").write_bytes(b"new")
    (books / "it's.txt").unlink()
    shutil.rmtree(books / "deep/1/2")
    moved = {
        "a+b.txt": "a+b renamed.txt",
        "deep/1/two.txt": "many/two.txt",
        "Folder é #1 & 50%": "Folder two",
        "empty folder": "many/empty folder",
    }
    for old, new in moved.items():
        (books / old).rename(books / new)
    return moved


class Report:
    """What a script was told (``config``), where it may write (``scratch``), and what it has to say."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        self.scratch = Path(self.config["scratch"])
        self._file = Path(self.config["report"])

    def entries(self, check: str, entries: Mapping[str, int | None]) -> None:
        """Say what was listed: size by path, None for folders."""
        self._line(check, entries=dict(entries))

    def hashes(self, check: str, hashes: Mapping[str, str]) -> None:
        """Say which quickXorHash each file has, by path."""
        self._line(check, hashes=dict(hashes))

    def folder(self, check: str, folder: Path, reference: Path | None = None, only: str = "") -> None:
        """Say where the files lie that were read, to be compared with the library or another folder."""
        self._line(check, folder=str(folder), only=only, **({"with": str(reference)} if reference else {}))

    def kept(self, folder: Path) -> Path:
        """Return a copy of what was read so far, for a folder that is about to change."""
        copy = self.scratch / f"kept {folder.name}"
        shutil.copytree(folder, copy)
        return copy

    def said(self, check: str, good: bool, note: str = "") -> None:
        """Say how something went."""
        self._line(check, good=bool(good), note=note)

    @contextmanager
    def trying(self, check: str) -> Iterator[None]:
        """Turn an exception of the block into a finding."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever a client does is a finding
            traceback.print_exc()
            self.said(check, False, f"{type(error).__name__}: {str(error)[:300]}")

    def _line(self, check: str, **values: Any) -> None:
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"check": check, **values}) + "\n")
