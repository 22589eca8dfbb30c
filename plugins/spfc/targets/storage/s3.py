"""S3 and what speaks like it, through s3fs: conditional writes, parts that can be taken up again, bulk deletes."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError
from fsspec.asyn import sync

from spfc.errors import AnswerUnreadable, SpfcError
from spfc.targets.storage.labels import metadata_of, modified_of, stamp_of
from spfc.targets.storage.meter import Meter
from spfc.targets.storage.s3_errors import SlowDown, code_of, explain
from spfc.targets.storage.store import Blob, Condition, ConditionFailed, Label, NotThere, Upload, split, strip_etag

log = logging.getLogger("spfc.targets")

BATCH = 1000
"""Most keys of one bulk delete (DeleteObjects)."""
LARGEST_COPY = 1 << 30
"""Larger objects are copied in parts: one request (CopyObject) takes up to 5 GB, but then answers late."""
COPY_PART = 256 << 20
"""Bytes of each part of such a copy, more for objects that would need too many parts."""
PATIENCE = 300
"""Seconds for an answer: S3 may take minutes to put a file together, and s3fs would wait for 15 seconds."""
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds, give or take half, before a request is sent again that S3 found too many; s3fs has tried it by then."""
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_KEPT = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
"""What else belongs to an object and must be said again where its metadata are written anew."""


class S3Store:
    """Implements :class:`spfc.targets.storage.store.Store`. A folder is an empty object whose key ends with ``/``."""

    most_parts = 10_000
    bulk = True

    def __init__(self, fs: Any, *, sleep: Callable[[float], None] = time.sleep) -> None:
        fs.read_timeout = max(PATIENCE, getattr(fs, "read_timeout", 0))  # a number in the connection wins over it
        self._fs = fs
        self._sleep = sleep
        self._lock = threading.Lock()
        self.meter = Meter()
        self._listening = False
        self._conditions = True
        """Whether this server takes conditional writes, as far as we know: some refuse them."""

    def head(self, key: str) -> Blob | None:
        """See the protocol."""
        try:
            found = self._ask("head_object", key)
        except NotThere:
            return None
        return _blob(key, found, found.get("ContentLength"), found.get("Metadata"))

    def page(self, prefix: str, most: int) -> tuple[list[Blob], bool]:
        """See the protocol."""
        found = self._list(prefix, MaxKeys=most)
        return self._contents(prefix, found), not found.get("IsTruncated", False)

    def level(self, prefix: str) -> tuple[list[Blob], list[str]]:
        """See the protocol."""
        container = split(prefix)[0]
        blobs: list[Blob] = []
        deeper: list[str] = []
        for found in self._pages(prefix, Delimiter="/"):
            blobs += self._contents(prefix, found)
            deeper += [f"{container}/{each['Prefix']}" for each in found.get("CommonPrefixes", [])]
        return blobs, deeper

    def below(self, prefix: str) -> Iterator[Blob]:
        """See the protocol."""
        for found in self._pages(prefix):
            yield from self._contents(prefix, found)

    def read(self, key: str, start: int, length: int, etag: str | None) -> tuple[bytes, int, str | None]:
        """See the protocol."""
        match = {"IfMatch": f'"{etag}"'} if etag else {}
        found = self._ask("get_object", key, Range=f"bytes={start}-{start + length - 1}", **match)
        data = self._body(found["Body"], key)
        size = str(found.get("ContentRange", "")).rpartition("/")[2]
        return data, int(size) if size.isdecimal() else len(data), strip_etag(found.get("ETag"))

    def put(self, key: str, data: bytes, label: Label, condition: Condition) -> str | None:
        """See the protocol."""
        metadata = metadata_of(label, iso=False)
        found = self._write("put_object", key, condition, Body=data, Metadata=metadata)
        return strip_etag(found.get("ETag"))

    def upload(self, key: str, label: Label) -> S3Upload:
        """See the protocol."""
        for each in self._left_over(key):
            S3Upload(self, key, each["UploadId"]).abort()
        found = self._ask("create_multipart_upload", key, Metadata=metadata_of(label, iso=False))
        return S3Upload(self, key, found["UploadId"])

    def resume(self, key: str, offset: int, part: int) -> Upload | None:
        """See the protocol."""
        for each in self._left_over(key):
            upload = S3Upload(self, key, each["UploadId"])
            if upload.take_up(offset, part):
                return upload
        return None

    def copy(self, blob: Blob, goal: str, stamp: str | None, condition: Condition) -> None:
        """See the protocol."""
        bucket, name = split(blob.key)
        origin: dict[str, Any] = {"CopySource": {"Bucket": bucket, "Key": name}}
        if blob.etag:
            origin["CopySourceIfMatch"] = f'"{blob.etag}"'
        labels: dict[str, Any] = {}
        if stamp is not None or blob.size > LARGEST_COPY:
            found = self._ask("head_object", blob.key)
            labels = {name: found[name] for name in _KEPT if name in found}
            labels["Metadata"] = {**found.get("Metadata", {}), **({"spfc": stamp} if stamp else {})}
        if blob.size > LARGEST_COPY:
            self._copy_parts(blob, goal, origin, labels, condition)
            return
        directive = {"MetadataDirective": "REPLACE"} if labels else {}
        self._write("copy_object", goal, condition, **origin, **labels, **directive)

    def delete(self, keys: Sequence[str]) -> None:
        """See the protocol."""
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            if len(batch) == 1:
                self._ask("delete_object", batch[0])
                continue
            listed = {"Objects": [{"Key": split(key)[1]} for key in batch], "Quiet": True}
            found = self._ask("delete_objects", split(batch[0])[0] + "/", Delete=listed)
            for refused in found.get("Errors", []):
                raise explain(_refusal(refused), f"/{split(batch[0])[0]}/{refused.get('Key')}")

    def marker(self, folder: str) -> str:
        """See the protocol."""
        return f"{folder}/"

    def close(self) -> None:
        """See the protocol."""
        if self._listening:
            self._listening = False
            events = self._fs.s3.meta.events
            events.unregister("before-send.s3", unique_id=f"spfc-sent-{id(self)}")
            events.unregister("needs-retry.s3", unique_id=f"spfc-answered-{id(self)}")

    # -- requests ------------------------------------------------------------------------------------

    def _ask(self, method: str, key: str, **fields: Any) -> Any:
        """Send a request about a key. Raises NotThere, ConditionFailed, or what the answer means."""
        self._listen()
        for pause in PAUSES:
            try:
                return self._ask_once(method, key, **fields)
            except SlowDown:
                self._sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, hides nothing
        return self._ask_once(method, key, **fields)

    def _ask_once(self, method: str, key: str, **fields: Any) -> Any:
        bucket, name = split(key)
        try:
            return self._fs.call_s3(method, Bucket=bucket, **({"Key": name} if name else {}), **fields)
        except Exception as error:  # noqa: BLE001 - s3fs raises whatever botocore, aiohttp and OSError have
            code = code_of(error)
            if code in _ABSENT:
                raise NotThere(key) from None
            if code in ("PreconditionFailed", "412", "InvalidRange", "416"):
                raise ConditionFailed(key) from None
            raise explain(error, f"/{key}") from None

    def _write(self, method: str, key: str, condition: Condition, **fields: Any) -> Any:
        """Send a write with its condition, once more without where the server has no conditional writes."""
        wanted: dict[str, str] = {}
        if self._conditions and condition.absent:
            wanted["IfNoneMatch"] = "*"
        elif self._conditions and condition.etag:
            wanted["IfMatch"] = f'"{condition.etag}"'
        try:
            return self._ask(method, key, **fields, **wanted)
        except NotThere:
            if condition.etag:  # IfMatch on nothing
                raise ConditionFailed(key) from None
            raise
        except SpfcError as error:
            if not wanted or "NotImplemented" not in error.message:
                raise
        log.info("This server takes no conditional writes; what is there is looked at just before.")
        self._conditions = False
        return self._ask(method, key, **fields)

    def _list(self, prefix: str, **fields: Any) -> Any:
        bucket, name = split(prefix)
        try:
            return self._ask("list_objects_v2", f"{bucket}/", Prefix=name, **fields)
        except NotThere:
            raise explain(_refusal({"Code": "NoSuchBucket"}), f"/{bucket}") from None

    def _pages(self, prefix: str, **fields: Any) -> Iterator[Any]:
        token: dict[str, str] = {}
        while True:
            found = self._list(prefix, **fields, **token)
            yield found
            if not found.get("IsTruncated"):
                return
            following = found.get("NextContinuationToken")
            if not following or following == token.get("ContinuationToken"):
                raise AnswerUnreadable("The listing did not end cleanly.", item=f"/{prefix}")
            token = {"ContinuationToken": following}

    def _contents(self, prefix: str, found: Any) -> list[Blob]:
        container = split(prefix)[0]
        return [_blob(f"{container}/{each['Key']}", each, each["Size"], None) for each in found.get("Contents", [])]

    def _body(self, body: Any, key: str) -> bytes:
        async def whole() -> bytes:
            async with body as stream:
                return bytes(await stream.read())

        try:
            return bytes(sync(self._fs.loop, whole))
        except Exception as error:  # noqa: BLE001 - as in _ask
            raise explain(error, f"/{key}") from None

    def _left_over(self, key: str) -> list[Any]:
        """Return unfinished uploads to a key, the newest first; none where we may not look."""
        bucket, name = split(key)
        try:
            found = self._ask("list_multipart_uploads", f"{bucket}/", Prefix=name)
        except (SpfcError, NotThere) as error:
            log.info("Unfinished uploads cannot be listed: %s", error)
            return []
        mine = [each for each in found.get("Uploads", []) if each["Key"] == name]
        return sorted(mine, key=lambda each: str(each["Initiated"]), reverse=True)

    def _copy_parts(
        self, blob: Blob, goal: str, origin: dict[str, Any], labels: dict[str, Any], condition: Condition
    ) -> None:
        found = self._ask("create_multipart_upload", goal, **labels)
        upload = S3Upload(self, goal, found["UploadId"])
        try:
            part = max(COPY_PART, -(-blob.size // self.most_parts))
            for start in range(0, blob.size, part):
                upload.copy_part(origin, start, min(start + part, blob.size))
            upload.complete(condition, Label(None, ""))
        except BaseException:
            upload.abort()
            raise

    # -- counting ------------------------------------------------------------------------------------

    def _listen(self) -> None:
        with self._lock:
            if self._listening:
                return
            self._listening = True
            events = self._fs.s3.meta.events
            events.register("before-send.s3", self._sent, unique_id=f"spfc-sent-{id(self)}")
            events.register_first("needs-retry.s3", self._answered, unique_id=f"spfc-answered-{id(self)}")

    def _sent(self, **_: Any) -> None:
        self.meter.sent()

    def _answered(self, response: Any = None, **_: Any) -> None:
        self.meter.answered(0 if response is None else response[0].status_code)


class S3Upload:
    """Implements :class:`spfc.targets.storage.store.Upload`."""

    def __init__(self, store: S3Store, key: str, upload_id: str) -> None:
        self.size = 0
        self._store, self._key, self._id = store, key, upload_id
        self._parts: list[dict[str, Any]] = []

    def part(self, data: bytes) -> None:
        """See the protocol."""
        number = len(self._parts) + 1
        found = self._ask("upload_part", PartNumber=number, Body=data)
        self._parts.append({"PartNumber": number, "ETag": found["ETag"]})
        self.size += len(data)

    def copy_part(self, origin: dict[str, Any], start: int, end: int) -> None:
        """Let the store itself send a part out of another object."""
        number = len(self._parts) + 1
        found = self._ask("upload_part_copy", PartNumber=number, CopySourceRange=f"bytes={start}-{end - 1}", **origin)
        self._parts.append({"PartNumber": number, "ETag": found["CopyPartResult"]["ETag"]})
        self.size += end - start

    def take_up(self, offset: int, part: int) -> bool:
        """Believe what lies there, if it is ``offset`` bytes and more in parts of ``part``."""
        wanted, marker = offset // part, 0
        while len(self._parts) < wanted:
            found = self._ask("list_parts", **({"PartNumberMarker": marker} if marker else {}))
            for each in found.get("Parts", []):
                if each["PartNumber"] != len(self._parts) + 1 or each["Size"] != part:
                    break
                self._parts.append({"PartNumber": each["PartNumber"], "ETag": each["ETag"]})
            if not found.get("IsTruncated"):
                break
            marker = found["NextPartNumberMarker"]
        self._parts = self._parts[:wanted]
        self.size = len(self._parts) * part
        return self.size == offset

    def complete(self, condition: Condition, label: Label) -> str | None:
        """See the protocol: the label is the one of the beginning."""
        found = self._store._write(  # noqa: SLF001 - one module
            "complete_multipart_upload", self._key, condition, UploadId=self._id,
            MultipartUpload={"Parts": self._parts},
        )  # fmt: skip
        return strip_etag(found.get("ETag"))

    def abort(self) -> None:
        """See the protocol."""
        try:
            self._ask("abort_multipart_upload")
        except (SpfcError, NotThere) as error:
            log.info("An unfinished upload could not be thrown away: %s", error)

    def _ask(self, method: str, **fields: Any) -> Any:
        return self._store._ask(method, self._key, UploadId=self._id, **fields)  # noqa: SLF001 - one module


def _blob(key: str, found: Any, size: Any, metadata: Any) -> Blob:
    written = found.get("LastModified")
    return Blob(
        key,
        int(size or 0),
        strip_etag(found.get("ETag")),
        written.timestamp() if written else 0.0,
        modified_of(metadata),
        stamp_of(metadata),
        marks=key.endswith("/"),
    )


def _refusal(error: Any) -> Exception:
    refusal: Exception = ClientError({"Error": {"Code": error.get("Code"), "Message": error.get("Message", "")}}, "")
    return refusal
