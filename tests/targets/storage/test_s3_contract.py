from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.targets.contract import TargetContract
from tests.targets.storage.s3_world import BUCKET, S3World, s3_world

from spfc.targets.base import Target
from spfc.targets.storage.object_store import ObjectStoreTarget


@pytest.fixture(scope="module")
def server() -> Iterator[S3World]:
    with s3_world() as world:
        yield world


class TestS3(TargetContract):
    listed_times = False
    ignores_case = False
    root = f"/{BUCKET}/mirror"
    outside = f"/{BUCKET}/retired"

    @pytest.fixture
    def target(self, server: S3World) -> Iterator[ObjectStoreTarget]:
        server.clear()
        self._server = server
        target = server.target(self.root)
        assert target.calls == 0
        yield target
        target.close()

    def read(self, target: Target, path: str) -> bytes | None:
        return self._server.read(f"{self.root}{path}".removeprefix(f"/{BUCKET}/"))

    def read_outside(self, target: Target, path: str) -> bytes | None:
        return self._server.read(path.removeprefix(f"/{BUCKET}/"))
