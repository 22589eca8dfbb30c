"""Azurite on this machine, the server that Microsoft gives out to try Azure Blob Storage with, for tests."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import adlfs
import pytest
from fsspec.asyn import sync

from spfc.targets.storage.azure import AzureStore
from spfc.targets.storage.object_store import ObjectStoreTarget

CONTAINER = "mirrors"
ACCOUNT = "spfctests"
KEY = base64.b64encode(b"planted-azure-account-key-" * 2).decode()
PROGRAM = Path(__file__).parents[3] / ".azurite" / "node_modules" / ".bin" / "azurite-blob"


class AzureWorld:
    """A running server with one container."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fs = self.connect()
        self._sync(lambda: self.fs.service_client.create_container(CONTAINER))

    def connect(self, key: str = KEY) -> Any:
        """Return a file system of its own, as Airflow makes one from a connection."""
        text = f"AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={self.url}/{ACCOUNT}"
        return adlfs.AzureBlobFileSystem(connection_string=text, skip_instance_cache=True)

    def target(self, root: str = f"/{CONTAINER}/mirror", **fields: Any) -> ObjectStoreTarget:
        """Return a target of its own, as a new process has one."""
        return ObjectStoreTarget(AzureStore(self.fs), root, **{"chunk_size": 4096, **fields})

    def clear(self) -> None:
        """Empty the container."""
        AzureStore(self.fs).delete([f"{CONTAINER}/{name}" for name in self.names()])

    def names(self) -> list[str]:
        """Return all names of blobs in the container."""

        async def walk() -> list[str]:
            return [each.name async for each in self._container().list_blobs()]

        return list(sync(self.fs.loop, walk))

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a blob, None when there is none."""

        async def whole() -> bytes | None:
            client = self._container().get_blob_client(name)
            return await (await client.download_blob()).readall() if await client.exists() else None

        return sync(self.fs.loop, whole)

    def _container(self) -> Any:
        return self.fs.service_client.get_container_client(CONTAINER)

    def _sync(self, call: Any) -> Any:
        async def sent() -> Any:
            return await call()

        return sync(self.fs.loop, sent)

    def close(self) -> None:
        """Close connections."""
        self._sync(self.fs.service_client.close)


@contextmanager
def azure_world() -> Iterator[AzureWorld]:
    """Run a server; skips the test when it is not installed."""
    if not PROGRAM.exists():
        pytest.skip("Azurite is not installed: run scripts/azurite (needs npm)")
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck",
               "--disableTelemetry"]  # fmt: skip
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with subprocess.Popen(
        [PROGRAM, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            url = _address(process)
            world = AzureWorld(url)
            yield world
            world.close()
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "successfully listens on " in line:
            return line.rpartition(" ")[2].strip()
    raise AssertionError(f"Azurite did not start: {said}")
