from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.targets.contract import TargetContract
from tests.targets.world import world

from simulators.filecloud import FileCloudKnobs
from spfc.targets.base import Target
from spfc.targets.filecloud import FileCloudTarget


class TestFileCloudTarget(TargetContract):
    knobs = FileCloudKnobs()
    outside = "/spfc/retired"

    @pytest.fixture
    def target(self, tmp_path: Path) -> Iterator[FileCloudTarget]:
        self._store = tmp_path / "store" / "mirror"
        with world(tmp_path, self.knobs) as made:
            target = made.target()
            assert target.calls == 0
            yield target

    def read(self, target: Target, path: str) -> bytes | None:
        file = self._store / path[1:]
        return file.read_bytes() if file.is_file() else None

    def read_outside(self, target: Target, path: str) -> bytes | None:
        return (self._store.parent / path.removeprefix("/spfc/")).read_bytes()


class TestLegacyServer(TestFileCloudTarget):
    """A server without etags and without true times, with answers at the other end of what is unknown."""

    knobs = FileCloudKnobs.profile("legacy", mkdir_exists_result=0, delete_missing_result=0, max_limit=7)
    etags = False
    times = False


class TestServerOf2024(TestFileCloudTarget):
    knobs = FileCloudKnobs.profile(
        "2024", upload_failure_shape="xml", upload_ok_text="\ufeffOK\n", precondition_failure="http"
    )
    etags = False


class TestOddServer(TestFileCloudTarget):
    knobs = FileCloudKnobs(
        upload_failure_shape="json", precondition_failure="http", upload_etag_header=True, recycle=False,
        delete_missing_result=1, listing_order="permuted", max_chunk=0, range="ignore", content_length=False,
    )  # fmt: skip
