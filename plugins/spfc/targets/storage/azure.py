"""Azure Blob Storage through adlfs: conditional writes, and blocks that can be taken up again."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock
from fsspec.asyn import sync

from spfc.errors import ServiceBusy
from spfc.targets.storage.azure_errors import code_of, explain
from spfc.targets.storage.labels import STAMP, metadata_of, modified_of, stamp_of
from spfc.targets.storage.meter import Meter
from spfc.targets.storage.store import Blob, Condition, ConditionFailed, Label, NotThere, Upload, split, strip_etag

log = logging.getLogger("spfc.targets")

T = TypeVar("T")

AT_ONCE = 16
"""Deletes under way at once."""
FOLDER = "hdi_isfolder"
"""The metadata by which Azure's own tools, Hadoop and adlfs know an empty blob that stands for a folder."""
_GONE = frozenset({"BlobNotFound", "404"})
_UNMET = frozenset({"ConditionNotMet", "TargetConditionNotMet", "SourceConditionNotMet", "BlobAlreadyExists", "412",
                    "InvalidRange", "416"})  # fmt: skip
_COPY_POLL = 0.5
"""Seconds between two looks at a copy that Azure makes in its own time (large ones, and between accounts)."""


class AzureStore:
    """Implements :class:`spfc.targets.storage.store.Store`. A folder is an empty blob that says so in its metadata."""

    most_parts = 50_000
    bulk = False

    def __init__(self, fs: Any) -> None:
        chatter = logging.getLogger("azure.core.pipeline.policies.http_logging_policy")
        if chatter.level == logging.NOTSET:
            chatter.setLevel(logging.WARNING)  # else it fills the task's log: twenty lines for each request
        self._fs = fs
        self.meter = Meter()

    def head(self, key: str) -> Blob | None:
        """See the protocol."""
        try:
            found = self._ask(key, lambda: self._blob(key).get_blob_properties(**self._counted()))
        except NotThere:
            return None
        return _seen(key, found)

    def page(self, prefix: str, most: int) -> tuple[list[Blob], bool]:
        """See the protocol."""
        container, name = split(prefix)

        async def first() -> tuple[list[Any], bool]:
            listing = self._client(container).list_blobs(
                name_starts_with=name, include=["metadata"], results_per_page=most, **self._counted()
            )
            pages = listing.by_page()
            async for page in pages:
                return [each async for each in page], not pages.continuation_token
            return [], True

        found, whole = self._ask(prefix, first)
        return [_seen(f"{container}/{each.name}", each) for each in found], whole

    def level(self, prefix: str) -> tuple[list[Blob], list[str]]:
        """See the protocol."""
        container, name = split(prefix)

        async def walk() -> list[Any]:
            found = self._client(container).walk_blobs(
                name_starts_with=name, include=["metadata"], delimiter="/", **self._counted()
            )
            return [each async for each in found]

        found = self._ask(prefix, walk)
        blobs = [_seen(f"{container}/{each.name}", each) for each in found if hasattr(each, "etag")]
        return blobs, [f"{container}/{each.name}" for each in found if not hasattr(each, "etag")]

    def below(self, prefix: str) -> Iterator[Blob]:
        """See the protocol."""
        container, name = split(prefix)
        pages = self._client(container).list_blobs(name_starts_with=name, include=["metadata"], **self._counted())
        pages = pages.by_page()

        async def following() -> list[Any] | None:
            async for page in pages:
                return [each async for each in page]
            return None

        while (found := self._ask(prefix, following)) is not None:
            yield from [_seen(f"{container}/{each.name}", each) for each in found]

    def read(self, key: str, start: int, length: int, etag: str | None) -> tuple[bytes, int, str | None]:
        """See the protocol."""

        async def fetch() -> tuple[bytes, int, str | None]:
            match = {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified} if etag else {}
            found = await self._blob(key).download_blob(offset=start, length=length, **match, **self._counted())
            data = await found.readall()
            whole = str(found.properties.content_range or "").rpartition("/")[2]
            return bytes(data), int(whole) if whole.isdecimal() else len(data), strip_etag(found.properties.etag)

        return self._ask(key, fetch)

    def put(self, key: str, data: bytes, label: Label, condition: Condition) -> str | None:
        """See the protocol."""
        found = self._ask(
            key,
            lambda: self._blob(key).upload_blob(
                data, length=len(data), metadata=_metadata(label), **_overwriting(condition), **self._counted()
            ),
        )
        return strip_etag(found.get("etag"))

    def upload(self, key: str, label: Label) -> AzureUpload:
        """See the protocol. Blocks that were left are replaced one by one, and those that were not end in a week."""
        return AzureUpload(self, key)

    def resume(self, key: str, offset: int, part: int) -> Upload | None:
        """See the protocol."""
        try:
            _, left = self._ask(key, lambda: self._blob(key).get_block_list("uncommitted", **self._counted()))
        except NotThere:
            return None
        sizes = {str(block.id): block.size for block in left}
        if any(sizes.get(_block_id(number)) != part for number in range(offset // part)):
            return None
        return AzureUpload(self, key, blocks=offset // part, size=offset)

    def copy(self, blob: Blob, goal: str, stamp: str | None, condition: Condition) -> None:
        """See the protocol."""
        origin = self._blob(blob.key)
        more: dict[str, Any] = {}
        if stamp is not None:
            found = self._ask(blob.key, lambda: origin.get_blob_properties(**self._counted()))
            more["metadata"] = {**found.metadata, STAMP: stamp}
        if blob.etag:
            more |= {"source_etag": f'"{blob.etag}"', "source_match_condition": MatchConditions.IfNotModified}
        if condition.absent:
            more |= {"match_condition": MatchConditions.IfMissing}

        async def copied() -> str:
            client = self._blob(goal)
            found = await client.start_copy_from_url(origin.url, **more, **self._counted())
            status = found.get("copy_status")
            while status == "pending":
                await asyncio.sleep(_COPY_POLL)
                seen = await client.get_blob_properties(**self._counted())
                status = seen.copy.status
            return str(status)

        status = self._ask(goal, copied)
        if status != "success":
            raise ServiceBusy(f"Azure did not complete a copy: {status}.", item=f"/{goal}")

    def delete(self, keys: Sequence[str]) -> None:
        """See the protocol. One request for each, many at once: a batch of Azure's costs as much and orders nothing."""

        async def delete(key: str, gate: asyncio.Semaphore) -> None:
            async with gate:
                try:
                    await self._blob(key).delete_blob(**self._counted())
                except HttpResponseError as error:
                    if code_of(error) not in _GONE:
                        raise

        async def delete_all() -> None:
            gate = asyncio.Semaphore(AT_ONCE)
            results = await asyncio.gather(*(delete(key, gate) for key in keys), return_exceptions=True)
            for problem in results:
                if problem is not None:
                    raise problem

        self._ask(keys[0] if keys else "", delete_all)

    def marker(self, folder: str) -> str:
        """See the protocol."""
        return folder

    def close(self) -> None:
        """See the protocol."""

    # -- requests ------------------------------------------------------------------------------------

    def _ask(self, key: str, send: Callable[[], Awaitable[T]]) -> T:
        async def sent() -> T:
            return await send()

        try:
            return sync(self._fs.loop, sent)  # type: ignore[no-any-return]
        except Exception as error:  # noqa: BLE001 - whatever azure, aiohttp and fsspec have
            if getattr(error, "response", None) is None:
                self._count(0)
            code = code_of(error)
            if code in _GONE:
                raise NotThere(key) from None
            if code in _UNMET:
                raise ConditionFailed(key) from None
            raise explain(error, f"/{key}") from None

    def _counted(self) -> dict[str, Any]:
        return {"raw_response_hook": lambda answer: self._count(answer.http_response.status_code)}

    def _count(self, status: int) -> None:
        self.meter.sent()
        self.meter.answered(status)

    def _client(self, container: str) -> Any:
        return self._fs.service_client.get_container_client(container)

    def _blob(self, key: str) -> Any:
        container, name = split(key)
        return self._fs.service_client.get_blob_client(container, name)


class AzureUpload:
    """Implements :class:`spfc.targets.storage.store.Upload` with blocks, which Azure throws away after a week."""

    def __init__(self, store: AzureStore, key: str, *, blocks: int = 0, size: int = 0) -> None:
        self.size = size
        self._store, self._key, self._blocks = store, key, blocks

    def part(self, data: bytes) -> None:
        """See the protocol."""
        client, block = self._store._blob(self._key), _block_id(self._blocks)  # noqa: SLF001 - one module
        counted = self._store._counted()  # noqa: SLF001
        self._store._ask(  # noqa: SLF001
            self._key, lambda: client.stage_block(block, data, length=len(data), **counted)
        )
        self._blocks += 1
        self.size += len(data)

    def complete(self, condition: Condition, label: Label) -> str | None:
        """See the protocol."""
        client, counted = self._store._blob(self._key), self._store._counted()  # noqa: SLF001 - one module
        blocks = [BlobBlock(block_id=_block_id(number)) for number in range(self._blocks)]
        found = self._store._ask(  # noqa: SLF001
            self._key,
            lambda: client.commit_block_list(blocks, metadata=_metadata(label), **_matching(condition), **counted),
        )
        return strip_etag(found.get("etag"))

    def abort(self) -> None:
        """See the protocol: there is no request for that."""


def _metadata(label: Label) -> dict[str, str]:
    return metadata_of(label, iso=True) | ({FOLDER: "true"} if label.marks else {})


def _overwriting(condition: Condition) -> dict[str, Any]:
    return {"overwrite": False} if condition.absent else {"overwrite": True, **_matching(condition)}


def _matching(condition: Condition) -> dict[str, Any]:
    if condition.absent:
        return {"match_condition": MatchConditions.IfMissing}
    if condition.etag:
        return {"etag": f'"{condition.etag}"', "match_condition": MatchConditions.IfNotModified}
    return {}


def _block_id(number: int) -> str:
    return base64.b64encode(f"spfc-{number:08d}".encode()).decode()


def _seen(key: str, found: Any) -> Blob:
    metadata = found.metadata or {}
    written = found.last_modified
    return Blob(
        key,
        int(found.size or 0),
        strip_etag(found.etag),
        written.timestamp() if written else 0.0,
        modified_of(metadata),
        stamp_of(metadata),
        marks={name.lower(): value for name, value in metadata.items()}.get(FOLDER) == "true",
    )
