"""A library, mirrored to a local folder: no reader ever sees half a file there, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.crash.disk_points import without_days
from tests.crash.library import LibraryWorld, library, same_files, tree
from tests.crash.process import Worker
from tests.crash.shelf import CHUNK, Shelf

from spfc.targets.storage.staging import STAGING, STALE_DAYS

if TYPE_CHECKING:
    from tests.crash.scenes import Scene

STAGED = f"mirror/{STAGING}/"


@dataclass(frozen=True)
class Standing:
    """Everything that a crash must not change: bytes and time by path (of the quarantine without the day), folders.

    ``copies`` counts files that were put at their place by the run and those behind it, ``written`` their chunks.
    """

    files: dict[str, tuple[bytes, int]]
    folders: frozenset[str]
    copies: int
    written: int


@dataclass(kw_only=True)
class FolderWorld(LibraryWorld):
    """A library, mirrored to a local folder. ``store`` is what lies beside and in it before the first run."""

    store: Shelf

    @classmethod
    @contextmanager
    def opened(cls, tmp: Path, scene: Scene, worker: Worker) -> Iterator[FolderWorld]:
        """See the base class."""
        store = Shelf(tmp / "disk")
        store.root.mkdir()
        scene.placed(store)
        with library(tmp, scene) as (sharepoint, shelf):
            made = cls(tmp=tmp, scene=scene, worker=worker, sharepoint=sharepoint, shelf=shelf, store=store)
            made.begin()
            yield made

    @property
    def mirror(self) -> Path:
        """See the base class."""
        return self.store.root / self.scene.target

    def ends(self, run_id: str) -> dict[str, Any]:
        """See the base class."""
        told = super().ends(run_id)
        route = {**told["route"], "target": {"type": "object_storage", "url": str(self.mirror)}}
        return {
            **told, "route": route, "chunk_size": CHUNK, "disk": {"root": str(self.store.root), **self.scene.disk},
        }  # fmt: skip

    def standing(self) -> Standing:
        """See the base class."""
        root = self.store.root
        shown = {without_days(str(path.relative_to(root))): path for path in root.rglob("*")}
        files = {
            name: (path.read_bytes(), int(path.stat().st_mtime))
            for name, path in shown.items()
            if path.is_file() and f"{STAGING}/" not in name
        }
        passed = [*self.points("run"), *self.points("next")]
        # Where a rename is a link that replaces nothing and then the end of the old name, the link is what shows it.
        copies = sum(point.startswith((f"rename {STAGED}", f"link {STAGED}")) for point in _done(passed))
        written = sum(point.startswith(f"write {STAGED}") for point in _done(passed))
        # Where uploads begin may stay behind empty beside the mirror: the next removal to there takes it away.
        folders = frozenset(name for name, path in shown.items() if path.is_dir() and path.name != STAGING)
        return Standing(files, folders, copies, written)

    def judge_now(self) -> None:
        """Whoever looks sees files that the library once had, whole and with a time that they had there.

        Of a file that was only given another time the copy keeps its own: the bytes are the same.
        """
        known = self.shelf.versions | self.store.versions
        half = {
            name: (len(body), body[:20], modified)
            for name, (body, modified) in self.standing().files.items()
            if (body, modified) not in known
        }
        assert not half, f"the library never had these: {half}"

    def judge_same(self, expected: Standing) -> None:
        """See the base class; at most the file that was under way is copied again."""
        found = self.standing()
        same_files(found.files, expected.files)
        assert found.folders == expected.folders, found.folders ^ expected.folders
        assert found.copies <= expected.copies, (found.copies, expected.copies)
        assert found.written <= expected.written + self.scene.chunks, (found.written, expected.written)

    def judge_quiet(self) -> None:
        """One more run costs one request and changes nothing; what nobody goes on with is gone a week later."""
        super().judge_quiet()
        changes = [point for point in self.points("quiet") if not point.startswith("commit ")]
        assert not changes, changes
        if self._under_way():
            self.offset += (STALE_DAYS + 1) * 86_400
            self.shelf.write("a week later.txt", "a week later")
            self.shelf.remove(next(iter(sorted(path for path in tree(self.shelf.root) if "/" not in path))))
            self.run("late")
            self.judge_end("late")
            assert self._under_way() == [], self._under_way()

    def _under_way(self) -> list[str]:
        return [str(path) for path in self.store.root.rglob(f"{STAGING}/*")]


def _done(points: list[str]) -> Iterator[str]:
    return (point for point in points if point.endswith(" after"))
