"""Troubled houses with other ends: a library or a FileCloud folder, mirrored to a local folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.e2e.folder_edits import CHUNK
from tests.e2e.troubled_house import TroubledHouse

from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.settings import EntryTypes, FileCloudSettings
from spfc.sources.filecloud_folder import FileCloudFolder
from spfc.steps.context import RunContext
from spfc.targets.storage.local import LocalFolderTarget
from spfc.targets.storage.staging import STAGING


class FolderHouse(TroubledHouse):
    """A library, mirrored to a local folder."""

    @property
    def mirror(self) -> Path:
        return self.tmp / "mirror"

    def entry(self) -> dict[str, Any]:
        return {**super().entry(), "target": {"type": "object_storage", "url": str(self.mirror)}}

    def context(self, **options: Any) -> RunContext:
        run = super().context(**options)
        return replace(run, make_target=lambda: LocalFolderTarget(str(self.mirror), chunk_size=CHUNK))

    def tree(self) -> dict[str, bytes | None]:
        staged = f"/{STAGING}"
        return {path: body for path, body in super().tree().items() if f"{path}/".partition(f"{staged}/")[0]}

    def _in_store(self, path: str) -> bool:
        return Path(path).exists()

    def _children(self, copy: Path) -> list[Path]:
        return [path for path in copy.iterdir() if path != self.mirror / STAGING]


class CloudFolderHouse(FolderHouse):
    """A FileCloud folder, mirrored to a local folder: people work in what the server keeps its files in."""

    has_feed = False
    server_tz = "America/Chicago"
    """The zone of the simulator's wall clock: what a server without UTC times needs to be told."""

    @property
    def library(self) -> Path:
        return self.tmp / "store" / "library"

    def entry(self) -> dict[str, Any]:
        folder = f"{self.filecloud.root}/library"
        return {**super().entry(), "source": {"type": "filecloud_folder", "folder": folder}}

    def filecloud_settings(self) -> FileCloudSettings:
        types = EntryTypes.PLAIN if self.filecloud.knobs.entry_types == "plain" else EntryTypes.LEGACY
        return replace(super().filecloud_settings(), server_tz=self.server_tz, entry_types=types)

    def context(self, **options: Any) -> RunContext:
        run = super().context(**options)
        clock, folder = self.clock_now, f"{self.filecloud.root}/library"

        def source() -> FileCloudFolder:
            client = FileCloudClient(
                self.filecloud_settings(), sleep=clock.sleep, monotonic=clock.now, jitter=self.rng.random
            )
            return FileCloudFolder(client, folder)

        return replace(run, make_source=source)

    @property
    def _feed_is_silent(self) -> bool:
        """Every run lists everything."""
        return False

    def check_nothing_left(self) -> None:
        """One more run lists each page of each folder once, and fetches nothing. Pages overlap by an entry."""
        mark = self.filecloud.journal.mark()
        assert self.trouble().closed.verdict == "green"
        asked = [entry.operation for entry in self.filecloud.journal.since(mark)]
        assert set(asked) <= {"getfilelist", "loginguest", "getauthenticationinfo", "locksession"}, asked
        limit = self.filecloud.knobs.max_limit or 1000
        folders = [path for path in (self.library, *self.library.rglob("*")) if path.is_dir()]
        sizes = [len(list(folder.iterdir())) for folder in folders]
        pages = sum(1 + max(0, -(-(size - limit) // (limit - 1))) for size in sizes)
        assert asked.count("getfilelist") == pages

    def _observe(self) -> None:
        for path, item in self._ids().items():
            place = self.library / path
            if place.is_file():
                self.ids_of.setdefault(place.read_bytes(), set()).add(item)
                self.names_of.setdefault(item, set()).add(place.name)

    def _ids(self) -> Mapping[str, str]:
        found = {}
        for path in self.library.rglob("*"):
            inner = str(path.relative_to(self.library))
            found[inner] = f"/{inner}/" if path.is_dir() else f"/{inner}"
        return found
