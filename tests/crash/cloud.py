"""A library, mirrored to FileCloud: both services over HTTP, and what must lie in the server's store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.crash.library import LibraryWorld, library, same_files
from tests.crash.process import Worker
from tests.crash.shelf import CHUNK, Shelf

from simulators.filecloud.knobs import FileCloudKnobs
from simulators.filecloud.simulator import FileCloudSimulator

if TYPE_CHECKING:
    from tests.crash.scenes import Scene


@dataclass(frozen=True)
class Standing:
    """Everything that a crash must not change: what lies at the target when all is done.

    ``files`` are bytes, time and number of versions by path; of what was retired, the day is cut from the path.
    """

    files: dict[str, tuple[bytes, int, int]]
    folders: frozenset[str]
    recycled: tuple[int, int]
    uploads: int


@dataclass(kw_only=True)
class CloudWorld(LibraryWorld):
    """A library, mirrored to FileCloud."""

    filecloud: FileCloudSimulator

    @classmethod
    @contextmanager
    def opened(cls, tmp: Path, scene: Scene, worker: Worker) -> Iterator[CloudWorld]:
        """See the base class."""
        (tmp / "store").mkdir()
        scene.placed(Shelf(tmp / "store"))
        knobs = FileCloudKnobs.from_dict(scene.filecloud)
        with (
            library(tmp, scene) as (sharepoint, shelf),
            FileCloudSimulator(tmp / "store", state_dir=tmp / "fc", knobs=knobs) as filecloud,
        ):
            made = cls(tmp=tmp, scene=scene, worker=worker, sharepoint=sharepoint, shelf=shelf, filecloud=filecloud)
            made.begin()
            yield made
        filecloud.close()

    @property
    def mirror(self) -> Path:
        """See the base class."""
        return self.tmp / "store" / self.scene.target

    def ends(self, run_id: str) -> dict[str, Any]:
        """See the base class."""
        cloud, told = self.filecloud, super().ends(run_id)
        account = {"base_url": cloud.url, "user": cloud.account, "password": cloud.password, "chunk_size": CHUNK}
        route = {**told["route"], "target": {"folder": f"{cloud.root}/{self.scene.target}"}}
        return {**told, "route": route, "filecloud": account}

    def standing(self) -> Standing:
        """See the base class."""
        store, history = self.tmp / "store", self.filecloud.world.history
        files: dict[str, tuple[bytes, int, int]] = {}
        folders = set()
        for path in store.rglob("*"):
            relative = path.relative_to(store)
            name = str(relative)
            if ".quarantine/" in name:
                name = "/".join((relative.parts[0], "<day>", *relative.parts[2:]))
            if path.is_dir():
                folders.add(name)
            else:
                versions = history.of(self.filecloud.world.find(f"{self.filecloud.root}/{relative}").key)
                files[name] = path.read_bytes(), int(path.stat().st_mtime), len(versions)
        uploads = self.filecloud.journal.count(operation="upload")
        return Standing(files, frozenset(folders), self.filecloud.world.bin.usage(), uploads)

    def judge_now(self) -> None:
        """A file that is being replaced is FileCloud's own affair."""

    def judge_same(self, expected: Standing) -> None:
        """See the base class."""
        found = self.standing()
        same_files(found.files, expected.files)
        assert found.folders == expected.folders
        assert found.recycled == expected.recycled
        # One file in flight, and one that had just arrived: at most its first chunk is sent in vain.
        assert found.uploads <= expected.uploads + 4, (found.uploads, expected.uploads)

    def judge_quiet(self) -> None:
        """One more run costs one request and changes nothing."""
        mark = self.filecloud.journal.mark()
        super().judge_quiet()
        assert self.filecloud.journal.since(mark) == []
