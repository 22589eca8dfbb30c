"""The demo's file routes: where people work, what the route says, and what a run without changes may cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.costs import Way
from demo.watch import RunResult
from demo.workplace import Workplace
from simulators.launch import FILECLOUD_CONNECTION, SimulatorPair

_LIMITS = {"batch_files": 100, "workers": 8}
"""Smaller batches than a route's default, so that a few hundred files show more than one transfer task."""


@dataclass(frozen=True, slots=True)
class Free:
    """What a run without changes cost, and whether that is what was promised."""

    sentence: str
    kept: bool


class Scene(ABC):
    """One file route with the folders on both of its ends."""

    name: str
    title: str
    way: Way
    """On which way the journal sees the bytes go."""

    @abstractmethod
    def mirror(self, place: Workplace, pair: SimulatorPair) -> Path:
        """Return the folder on disk behind the target."""

    @abstractmethod
    def ends(self, pair: SimulatorPair) -> Mapping[str, Any]:
        """Return what differs from the ordinary demo route: `source`, `target`."""

    @abstractmethod
    def free(self, result: RunResult, folders: int) -> Free:
        """Judge a run that had nothing to do, over a library with this many folders below its root."""

    def entry(self, place: Workplace, pair: SimulatorPair) -> dict[str, Any]:
        """Return the entry of the route file."""
        return {**pair.route(), "description": self.title, "limits": _LIMITS, **self.ends(pair), **self.place(place)}

    def place(self, _place: Workplace) -> Mapping[str, Any]:
        """Return what of the entry depends on the demo's folders; nothing by default."""
        return {}


class LibraryToFileCloud(Scene):
    """The main job."""

    name = "sample"
    title = "SharePoint library -> FileCloud"
    way = Way.UPLOAD

    def mirror(self, place: Workplace, pair: SimulatorPair) -> Path:
        """See the base class."""
        return pair.mirror

    def ends(self, pair: SimulatorPair) -> Mapping[str, Any]:
        """See the base class."""
        return {}

    def free(self, result: RunResult, folders: int) -> Free:
        """See the base class."""
        graph, calls = result.costs.of("graph"), result.costs.of("filecloud")
        return Free(
            f"A run without changes: {graph} Graph request, {calls} FileCloud calls, {result.transfers} transfer tasks "
            "(promised: 1, 0, 0).",
            (graph, calls, result.costs.of("download"), result.transfers) == (1, 0, 0, 0),
        )


class _ToFolder(Scene):
    """Into a local folder."""

    def mirror(self, place: Workplace, pair: SimulatorPair) -> Path:
        """See the base class."""
        return place.home / "mirror"

    def place(self, place: Workplace) -> Mapping[str, Any]:
        """See the base class."""
        return {"target": {"type": "object_storage", "url": str(place.home / "mirror")}}


class LibraryToFolder(_ToFolder):
    """A library, mirrored to a local folder."""

    name = "local"
    title = "SharePoint library -> local folder"
    way = Way.DOWNLOAD

    def ends(self, pair: SimulatorPair) -> Mapping[str, Any]:
        """See the base class."""
        return {}

    def free(self, result: RunResult, folders: int) -> Free:
        """See the base class."""
        graph, downloads = result.costs.of("graph"), result.costs.of("download")
        return Free(
            f"A run without changes: {graph} Graph request, {downloads} downloads, {result.transfers} transfer tasks "
            "(promised: 1, 0, 0).",
            (graph, downloads, result.transfers) == (1, 0, 0),
        )


class FileCloudToFolder(_ToFolder):
    """A FileCloud folder, mirrored to a local folder."""

    name = "filecloud-local"
    title = "FileCloud folder -> local folder"
    way = Way.FILECLOUD_DOWNLOAD

    def ends(self, pair: SimulatorPair) -> Mapping[str, Any]:
        """See the base class."""
        source = {
            "type": "filecloud_folder",
            "connection": FILECLOUD_CONNECTION,
            "folder": f"{pair.filecloud.root}/library",
        }
        return {"source": source}

    def free(self, result: RunResult, folders: int) -> Free:
        """See the base class. Each folder has fewer entries than a page, so one listing each is one pass."""
        listings = result.costs.operations.get(("filecloud", "getfilelist"), 0)
        fetched = result.costs.operations.get(("filecloud", "downloadfile"), 0)
        return Free(
            f"A run without changes: {listings} listings of {folders + 1} folders, {fetched} downloads, "
            f"{result.transfers} transfer tasks (promised: one listing each, 0, 0).",
            (listings, fetched, result.transfers) == (folders + 1, 0, 0),
        )


SCENES: Mapping[str, Scene] = {
    scene.name: scene for scene in (LibraryToFileCloud(), LibraryToFolder(), FileCloudToFolder())
}
