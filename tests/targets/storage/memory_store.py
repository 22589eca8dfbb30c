"""A store of objects in memory that can be told to fail at any request: before it takes effect, or after."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from spfc.errors import ServiceBusy
from spfc.targets.storage.meter import Meter
from spfc.targets.storage.store import Blob, Condition, ConditionFailed, Label, NotThere


class MemoryStore:
    """Implements the protocol of ``spfc.targets.storage.store`` as S3 does, or (``inside=False``) as Azure.

    ``fail_at`` is the number of the request that fails, counted from 1; ``after`` lets it take effect all the same.
    ``requests`` names all of them. ``clock`` is the store's own.
    """

    most_parts = 10_000

    def __init__(self, *, inside: bool = True) -> None:
        self.bulk = inside
        self.objects: dict[str, tuple[Blob, bytes]] = {}
        self.requests: list[str] = []
        self.fail_at = 0
        self.after = False
        self.meter = Meter()
        self.clock = 1000.0
        self._serial = itertools.count(1)
        self._lock = threading.RLock()

    def keys(self) -> list[str]:
        return sorted(self.objects)

    def head(self, key: str) -> Blob | None:
        return self._do("head", lambda: self.objects[key][0] if key in self.objects else None)

    def page(self, prefix: str, most: int) -> tuple[list[Blob], bool]:
        def first() -> tuple[list[Blob], bool]:
            found = self._listed(prefix)
            return found[:most], len(found) <= most

        return self._do("list", first)

    def level(self, prefix: str) -> tuple[list[Blob], list[str]]:
        def right_below() -> tuple[list[Blob], list[str]]:
            found = self._listed(prefix)
            deeper = {prefix + blob.key[len(prefix) :].partition("/")[0] + "/" for blob in found
                      if "/" in blob.key[len(prefix) :]}  # fmt: skip
            return [blob for blob in found if "/" not in blob.key[len(prefix) :]], sorted(deeper)

        return self._do("list", right_below)

    def below(self, prefix: str) -> Iterator[Blob]:
        yield from self._do("list", lambda: self._listed(prefix))

    def read(self, key: str, start: int, length: int, etag: str | None) -> tuple[bytes, int, str | None]:
        def fetch() -> tuple[bytes, int, str | None]:
            if key not in self.objects:
                raise NotThere(key)
            blob, data = self.objects[key]
            if (etag and blob.etag != etag) or start >= len(data):
                raise ConditionFailed(key)
            return data[start : start + length], len(data), blob.etag

        return self._do("read", fetch)

    def put(self, key: str, data: bytes, label: Label, condition: Condition) -> str | None:
        return self._do("put", lambda: self._write(key, data, label.modified, label.stamp, condition, label.marks))

    def upload(self, key: str, label: Label) -> MemoryUpload:
        return self._do("upload", lambda: MemoryUpload(self, key))

    def resume(self, key: str, offset: int, part: int) -> None:
        return None

    def copy(self, blob: Blob, goal: str, stamp: str | None, condition: Condition) -> None:
        def copied() -> None:
            if blob.key not in self.objects:
                raise NotThere(blob.key)
            old, data = self.objects[blob.key]
            if old.etag != blob.etag:
                raise ConditionFailed(blob.key)
            self._write(goal, data, old.modified, stamp or old.stamp, condition, old.marks)

        self._do("copy", copied)

    def delete(self, keys: Sequence[str]) -> None:
        if self.bulk and keys:
            self._do("delete", lambda: [self.objects.pop(key, None) for key in keys])
        for key in () if self.bulk else keys:
            self._do("delete", lambda key=key: self.objects.pop(key, None))  # type: ignore[misc]

    def marker(self, folder: str) -> str:
        return f"{folder}/" if self.bulk else folder

    def close(self) -> None: ...

    def _listed(self, prefix: str) -> list[Blob]:
        return [
            replace(blob, modified=None, stamp=None) for key, (blob, _) in sorted(self.objects.items())
            if key.startswith(prefix)
        ]  # fmt: skip

    def _write(
        self, key: str, data: bytes, modified: int | None, stamp: str | None, condition: Condition, marks: bool
    ) -> str:
        there = self.objects.get(key)
        if (condition.absent and there) or (condition.etag and (not there or there[0].etag != condition.etag)):
            raise ConditionFailed(key)
        etag = f"e{next(self._serial)}"
        marks = marks or key.endswith("/")
        self.objects[key] = (Blob(key, len(data), etag, self.clock, modified, stamp, marks), data)
        return etag

    def _do(self, name: str, send: Any) -> Any:
        with self._lock:
            self.requests.append(name)
            self.meter.sent()
            fails = len(self.requests) == self.fail_at
            if fails and not self.after:
                raise ServiceBusy(f"declared: request {self.fail_at} ({name})")
            result = send()
            if fails:
                raise ServiceBusy(f"declared: after request {self.fail_at} ({name})")
            return result


class MemoryUpload:
    """Parts in memory."""

    def __init__(self, store: MemoryStore, key: str) -> None:
        self.size = 0
        self._store, self._key, self._data = store, key, b""

    def part(self, data: bytes) -> None:
        def sent() -> None:
            self._data += data
            self.size = len(self._data)

        self._store._do("part", sent)

    def complete(self, condition: Condition, label: Label) -> str | None:
        def made() -> str:
            return self._store._write(self._key, self._data, label.modified, label.stamp, condition, marks=False)

        etag: str = self._store._do("complete", made)
        return etag

    def abort(self) -> None:
        self._data = b""
