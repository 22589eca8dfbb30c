from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.targets.contract import TargetContract
from tests.targets.storage.azure_world import CONTAINER, AzureWorld, azure_world

from spfc.targets.base import Target
from spfc.targets.storage.object_store import ObjectStoreTarget


@pytest.fixture(scope="module")
def server() -> Iterator[AzureWorld]:
    with azure_world() as world:
        yield world


class TestAzureBlob(TargetContract):
    ignores_case = False
    root = f"/{CONTAINER}/mirror"
    outside = f"/{CONTAINER}/retired"

    @pytest.fixture
    def target(self, server: AzureWorld) -> Iterator[ObjectStoreTarget]:
        server.clear()
        self._server = server
        target = server.target(self.root)
        assert target.calls == 0
        yield target
        target.close()

    def read(self, target: Target, path: str) -> bytes | None:
        return self._server.read(f"{self.root}{path}".removeprefix(f"/{CONTAINER}/"))

    def read_outside(self, target: Target, path: str) -> bytes | None:
        return self._server.read(path.removeprefix(f"/{CONTAINER}/"))
