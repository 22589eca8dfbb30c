"""Files on their way into a store of objects: at once, or in parts; every doubtful end is settled by looking."""

from __future__ import annotations

import logging
import threading
import uuid

from spfc.errors import (
    ItemError,
    PlaceNotFound,
    ServiceBusy,
    ServiceError,
    TargetChanged,
    TargetExists,
)
from spfc.targets.base import PutSpec
from spfc.targets.storage.folders import Standing
from spfc.targets.storage.store import Condition, ConditionFailed, Label, NotThere, Store, Upload

log = logging.getLogger("spfc.targets")

WORTH_KEEPING = 4
"""Uploads of more chunks than this are left for another process to go on with; the engine notes how far those are."""
MIB = 1 << 20


class _UnderWay:
    """An upload of parts, with what proves that it was this one which has arrived."""

    __slots__ = ("size", "stamp", "upload")

    def __init__(self, upload: Upload, size: int, stamp: str) -> None:
        self.upload, self.size, self.stamp = upload, size, stamp


class Uploads:
    """The uploads of one target, by key. Threads may share it; each file is one thread's."""

    def __init__(self, store: Store, chunk_size: int) -> None:
        self._store, self._chunk_size = store, chunk_size
        self._open: dict[str, _UnderWay] = {}
        self._lock = threading.Lock()

    def check(self, spec: PutSpec, standing: Standing) -> None:
        """Raise TargetExists or TargetChanged when what stands there is not what ``spec`` expects."""
        there = standing.file
        if standing.folder:
            raise TargetExists("A folder of this name is there already.", item=spec.path)
        if spec.expect_absent and there is not None:
            raise TargetExists(f"A file of {there.size} bytes is there already.", item=spec.path)
        if spec.expect_etag is not None and (there is None or there.etag != spec.expect_etag):
            found = "nothing" if there is None else f"etag {there.etag}, {there.size} bytes"
            raise TargetChanged(f"The file was changed; what is there now: {found}.", item=spec.path)

    def send(self, spec: PutSpec, key: str, offset: int, chunk: bytes) -> None:
        """Send a chunk that is not the last. Raises ServiceBusy when it does not follow what was sent."""
        under_way = self._begin(spec, key) if offset == 0 else self._go_on(spec, key, offset)
        under_way.upload.part(chunk)

    def finish(self, spec: PutSpec, key: str, offset: int, chunk: bytes) -> str | None:
        """Send the last chunk and make the file visible; return its etag."""
        condition = Condition(absent=spec.expect_absent, etag=spec.expect_etag)
        if offset == 0:
            self._drop(key)
            stamp = _stamp()
            try:
                return self._store.put(key, chunk, Label(spec.modified, stamp), condition)
            except (ConditionFailed, NotThere, ServiceError) as problem:
                return self._settle(spec, key, stamp, problem)
        under_way = self._go_on(spec, key, offset)
        under_way.upload.part(chunk)
        try:
            etag = under_way.upload.complete(condition, Label(spec.modified, under_way.stamp))
        except (ConditionFailed, NotThere, ServiceError) as problem:
            etag = self._settle(spec, key, under_way.stamp, problem)  # raised: close() or the next try clears it away
        with self._lock:
            self._open.pop(key, None)
        return etag

    def close(self) -> None:
        """Throw away what was not completed and is not worth to be gone on with."""
        with self._lock:
            left, self._open = self._open, {}
        for under_way in left.values():
            if under_way.size <= WORTH_KEEPING * self._chunk_size:
                under_way.upload.abort()

    def _begin(self, spec: PutSpec, key: str) -> _UnderWay:
        self._drop(key)
        parts = -(-spec.size // self._chunk_size)
        if parts > self._store.most_parts:
            enough = -(-spec.size // self._store.most_parts // MIB) + 1
            raise ItemError(
                f"The file would need {parts} parts; this store takes {self._store.most_parts} at most.",
                item=spec.path,
                hint=f"Set chunk_mib of the target to {enough} or more.",
            )
        stamp = _stamp()
        under_way = _UnderWay(self._store.upload(key, Label(spec.modified, stamp)), spec.size, stamp)
        with self._lock:
            self._open[key] = under_way
        return under_way

    def _go_on(self, spec: PutSpec, key: str, offset: int) -> _UnderWay:
        with self._lock:
            under_way = self._open.get(key)
        if under_way is None:
            upload = self._store.resume(key, offset, self._chunk_size)
            if upload is not None:
                under_way = _UnderWay(upload, spec.size, _stamp())
                with self._lock:
                    self._open[key] = under_way
        if under_way is None or under_way.upload.size != offset:
            raise ServiceBusy(
                "The store has not what came before this chunk.",
                item=spec.path,
                hint="Start the file again at offset 0.",
            )
        return under_way

    def _drop(self, key: str) -> None:
        with self._lock:
            under_way = self._open.pop(key, None)
        if under_way is not None:
            under_way.upload.abort()

    def _settle(self, spec: PutSpec, key: str, stamp: str, problem: Exception) -> str | None:
        """Return the etag if our file is there after all: an answer may be lost, and the request repeated unseen."""
        if isinstance(problem, PlaceNotFound):
            raise problem
        found = self._store.head(key)
        if found is not None and found.stamp == stamp:
            return found.etag
        if isinstance(problem, ServiceError):
            raise problem
        if isinstance(problem, NotThere):
            raise ItemError("The container for this item is not there.", item=spec.path) from None
        if spec.expect_absent:
            raise TargetExists("Somebody was faster: a file is there already.", item=spec.path) from None
        raise TargetChanged("The file was changed at the target.", item=spec.path) from None


def _stamp() -> str:
    return f"put-{uuid.uuid4().hex}"
