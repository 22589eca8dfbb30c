"""A server that speaks S3 over HTTP on this machine (moto's), and the ways to it, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec.asyn
import moto.s3.models
import s3fs
from moto.server import ThreadedMotoServer

from spfc.targets.storage.object_store import ObjectStoreTarget
from spfc.targets.storage.s3 import S3Store

BUCKET = "mirrors"
SECRET = "wJalrXUtnFEMI-planted-secret"
ACCESS = "AKIAPLANTEDKEY000001"
SMALLEST_PART = 256
"""Real S3 wants 5 MiB; tests want to be quick."""


class S3World:
    """A running server with one bucket."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fs = self.connect()
        self.fs.call_s3("create_bucket", Bucket=BUCKET)

    def connect(self, **fields: Any) -> Any:
        """Return a file system of its own, as Airflow makes one from a connection."""
        values = {"key": ACCESS, "secret": SECRET, "endpoint_url": self.url, **fields}
        client = {"region_name": "us-east-1"}
        config = {"retries": {"max_attempts": 0}}
        return s3fs.S3FileSystem(**values, client_kwargs=client, config_kwargs=config, skip_instance_cache=True)

    def target(self, root: str = f"/{BUCKET}/mirror", **fields: Any) -> ObjectStoreTarget:
        """Return a target of its own, as a new process has one."""
        return ObjectStoreTarget(S3Store(self.fs), root, **{"chunk_size": 4096, **fields})

    def clear(self) -> None:
        """Empty the bucket."""
        (account,) = moto.s3.models.s3_backends.values()
        bucket = account["aws"].buckets[BUCKET]
        bucket.keys.clear()
        bucket.multiparts.clear()

    def names(self) -> list[str]:
        """Return all keys of the bucket."""
        keys: list[str] = []
        more: dict[str, str] = {}
        while True:
            found = self.fs.call_s3("list_objects_v2", Bucket=BUCKET, **more)
            keys += [each["Key"] for each in found.get("Contents", [])]
            if not found["IsTruncated"]:
                return keys
            more = {"ContinuationToken": found["NextContinuationToken"]}

    def uploads(self) -> list[Any]:
        """Return all unfinished uploads."""
        found = self.fs.call_s3("list_multipart_uploads", Bucket=BUCKET)
        return list(found.get("Uploads", []))

    def read(self, key: str) -> bytes | None:
        """Return the bytes of an object, None when there is none."""

        async def whole() -> bytes:
            found = await self.fs._call_s3("get_object", Bucket=BUCKET, Key=key)
            async with found["Body"] as body:
                return bytes(await body.read())

        try:
            return bytes(fsspec.asyn.sync(self.fs.loop, whole))
        except FileNotFoundError:
            return None


@contextmanager
def s3_world() -> Iterator[S3World]:
    """Run a server."""
    moto.s3.models.S3_UPLOAD_PART_MIN_SIZE = SMALLEST_PART
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3World(f"http://{host}:{port}")
    finally:
        server.stop()
