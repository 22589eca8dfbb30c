"""What all worlds with a library share: the simulated library, people who work in it, the report of a run."""

from __future__ import annotations

import csv
import random
import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.crash.case import World
from tests.crash.shelf import Shelf

from simulators.sharepoint import scan
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.server import SharePointSimulator

if TYPE_CHECKING:
    from tests.crash.scenes import Scene

LIMITS = {"page_size": 5, "workers": 1, "batch_files": 4}
"""Small, so that there are several pages and several transfer tasks; one worker, so that few things interleave."""


@dataclass(kw_only=True)
class LibraryWorld(World):
    """A library that is mirrored somewhere. ``shelf`` is what people work in."""

    scene: Scene
    sharepoint: SharePointSimulator
    shelf: Shelf

    @property
    @abstractmethod
    def mirror(self) -> Path:
        """The folder that must come to hold what the library holds."""

    def ends(self, run_id: str) -> dict[str, Any]:
        """See the base class; the target is added by those who have one."""
        graph, scene = self.sharepoint, self.scene
        place = {"hostname": graph.site_hostname, "site": graph.site_path, "library": graph.library_name}
        return {
            "kind": "files",
            "route": {"source": place, "limits": LIMITS, **scene.route},
            "options": scene.options if run_id not in ("first", "quiet") else {},
            "graph": graph_settings(graph, LIMITS["page_size"]),
        }

    def begin(self) -> None:
        """Bring the library over, if the scene wants that, and change it."""
        if self.scene.first_run:
            self.run("first")
        self.scene.edited(self.shelf, noticed_by(self.sharepoint))

    def judge_end(self, run_id: str) -> None:
        """The closing run is green, owes nothing, and its report adds up line by line."""
        summary = self.summary(run_id)
        assert (summary["verdict"], summary["debt"]) == ("green", 0), f"{summary['story']}\n{self.log()}"
        with Path(summary["csv"]).open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
        assert len({line["seq"] for line in lines}) == len(lines)
        assert {line["outcome"] for line in lines} <= {"done", "skipped"}, [x for x in lines if x["outcome"] != "done"]
        found, wanted = tree(self.mirror), tree(self.tmp / "library")
        assert found == wanted, {path for path in found.keys() | wanted.keys() if found.get(path) != wanted.get(path)}

    def judge_quiet(self) -> None:
        """One more run costs one request of the source."""
        mark = self.sharepoint.journal.mark()
        self.run("quiet")
        assert self.summary("quiet")["verdict"] == "green"
        asked = [entry.operation for entry in self.sharepoint.journal.since(mark) if entry.service == "graph"]
        assert asked == ["delta"], asked

    def move_on(self) -> bool:
        """See the base class."""
        if self.scene.later is not None:
            self.scene.later(self.shelf)
        return self.scene.later is not None


def tree(root: Path) -> dict[str, bytes | None]:
    """Return the bytes of every file below a folder, None for folders; what uploads under way hold is left out."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if not path.relative_to(root).parts[0].startswith(".spfc")
    }


def same_files(found: Mapping[str, tuple[Any, ...]], expected: Mapping[str, tuple[Any, ...]]) -> None:
    """Assert that both hold the same files: bytes first, then whatever else counts, by path."""
    different = {
        path: (_short(found.get(path)), _short(expected.get(path)))
        for path in found.keys() | expected.keys()
        if found.get(path) != expected.get(path)
    }
    assert not different, f"found, expected: {different}"


def _short(file: tuple[Any, ...] | None) -> object:
    return None if file is None else (file[0][:20], *file[1:])


def graph_settings(graph: SharePointSimulator, page_size: int) -> dict[str, Any]:
    """Return what makes :class:`spfc.graph.settings.GraphSettings` for a simulator."""
    return {
        "tenant": graph.tenant_id, "client_id": graph.client_id, "client_secret": graph.client_secret,
        "authority": graph.authority, "graph_root": graph.graph_root, "page_size": page_size,
    }  # fmt: skip


@contextmanager
def library(tmp: Path, scene: Scene) -> Iterator[tuple[SharePointSimulator, Shelf]]:
    """Publish the library of a scene as it is before the first run."""
    (tmp / "library").mkdir()
    shelf = Shelf(tmp / "library")
    scene.synced(shelf)
    knobs = SharePointKnobs.from_dict(scene.sharepoint)
    with _same_ids(), SharePointSimulator(tmp / "library", state_dir=tmp / "sp", knobs=knobs) as sharepoint:
        yield sharepoint, shelf


def noticed_by(service: SharePointSimulator) -> Callable[[], None]:
    """Return what makes the service look at its folder now, as a request would."""

    def look() -> None:
        with service._services.library.opened(rescan=True):
            pass

    return look


@contextmanager
def _same_ids() -> Iterator[None]:
    """Let items have the same ids in every world of a scene: points are named after some, plans are ordered by them."""
    dice = random.Random(1)
    drawn = SimpleNamespace(uuid4=lambda: uuid.UUID(int=dice.getrandbits(128), version=4))
    with patch.object(scan, "uuid", drawn):  # the module's own name only: nobody else's draws come in between
        yield
