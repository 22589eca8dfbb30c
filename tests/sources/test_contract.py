"""Every source keeps the promises of its protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sources.contract import SourceContract, World, furnish
from tests.sources.worlds import FileCloudWorld, MemoryWorld, SharePointWorld
from tests.targets.world import world as cloud

from simulators.filecloud import FileCloudKnobs
from simulators.sharepoint import SharePointSimulator


class TestMemorySource(SourceContract):
    has_feed = True

    @pytest.fixture
    def world(self) -> Iterator[World]:
        made = MemoryWorld(has_feed=self.has_feed)
        furnish(made)
        yield made


class TestMemorySourceWithoutFeed(TestMemorySource):
    has_feed = False


class TestSharePointLibrary(SourceContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[World]:
        root = tmp_path / "library"
        root.mkdir()
        with SharePointSimulator(root, state_dir=tmp_path / "state") as simulator:
            made = SharePointWorld(simulator, root)
            furnish(made)
            yield made


class TestFileCloudFolder(SourceContract):
    knobs = FileCloudKnobs(max_limit=7)
    change_feed = False
    settings: dict[str, Any] = {}  # noqa: RUF012 - a constant of the class, replaced by others

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[World]:
        with cloud(tmp_path, self.knobs) as running:
            made = FileCloudWorld(running, change_feed=self.change_feed, **self.settings)
            furnish(made)
            yield made


class TestFileCloudFolderByItsFeed(TestFileCloudFolder):
    knobs = FileCloudKnobs(max_limit=7, change_feed=True)
    change_feed = True


class TestFileCloudFolderOf2024(TestFileCloudFolder):
    knobs = FileCloudKnobs.profile("2024", listing_order="permuted", download_missing="http_404")


class TestFileCloudFolderOf2024ByItsFeed(TestFileCloudFolder):
    knobs = FileCloudKnobs.profile("2024", change_feed=True, listing_order="permuted")
    change_feed = True


class TestFileCloudFolderOfAnOldServer(TestFileCloudFolder):
    """No etags, no true times, types in digits, no ranges."""

    knobs = FileCloudKnobs.profile("legacy", entry_types="numbers", range="ignore", max_limit=7)
    settings = {"entry_types": "legacy", "server_tz": "America/Chicago"}  # noqa: RUF012


class TestFileCloudFolderOfAnOldServerInAnUnknownZone(TestFileCloudFolder):
    knobs = FileCloudKnobs.profile("legacy", entry_types="words", range="error", content_length=False, change_feed=True)
    settings = {"entry_types": "legacy"}  # noqa: RUF012
    change_feed = True
