"""Folders where there are none: an object for each, so that empty ones exist too, and a memory that saves requests."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass

from spfc.targets.storage.store import Blob, Condition, ConditionFailed, Label, Store

_GLANCE = 100
"""Objects asked for to see what stands at a name: those of the name itself, and of longer ones that begin with it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands at a name: a file, a folder, both (some stranger's doing), or nothing."""

    file: Blob | None
    folder: bool

    @property
    def free(self) -> bool:
        """Whether nothing stands there."""
        return self.file is None and not self.folder


class Folders:
    """What stands where, by keys without a closing ``/``. Threads may share it.

    Folders that were seen are remembered, those that were emptied by somebody else included: a file needs none to be
    there. ``kept`` ones are known to have an object of their own, and so to outlive their last file.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: set[str] = set()
        self._kept: set[str] = set()
        self._lock = threading.Lock()

    def look(self, key: str) -> Standing:
        """Return what stands at a key. One request when few names begin with it, else two."""
        blobs, whole = self._store.page(key, _GLANCE)
        file = next((blob for blob in blobs if blob.key == key and not blob.marks), None)
        folder = any(blob.key.startswith(f"{key}/") or (blob.key == key and blob.marks) for blob in blobs)
        if not folder and not whole:
            folder = bool(self._store.page(f"{key}/", 1)[0])
        if folder:
            self._remember(key)
        return Standing(file, folder)

    def exists(self, key: str) -> bool:
        """Say whether there is such a folder; a container always is one. At most two requests, none the next time."""
        if "/" not in key or key in self._known:
            return True
        found = bool(self._store.page(f"{key}/", 1)[0])
        if not found and self._store.marker(key) == key:
            blob = self._store.head(key)
            found = blob is not None and blob.marks
        if found:
            self._remember(key)
        return found

    def knows(self, key: str) -> bool:
        """Say whether a folder was seen before."""
        with self._lock:
            return key in self._known

    def keep(self, key: str) -> None:
        """Give a folder an object of its own, lest it vanish with its last file. One request, none the next time."""
        if "/" not in key or key in self._kept:
            return
        try:
            self.mark(key)
        except ConditionFailed:
            self._remember(key, kept=True)

    def mark(self, key: str) -> None:
        """Write the object of a new folder. Raises ConditionFailed when it, or a file, is there."""
        label = Label(None, f"folder-{uuid.uuid4().hex}", marks=True)
        self._store.put(self._store.marker(key), b"", label, Condition(absent=True))
        self._remember(key, kept=True)

    def forget(self, key: str) -> None:
        """Forget a folder and all below it."""
        with self._lock:
            for seen in (self._known, self._kept):
                seen -= {each for each in seen if each == key or each.startswith(f"{key}/")}

    def _remember(self, key: str, *, kept: bool = False) -> None:
        with self._lock:
            self._known.add(key)
            if kept:
                self._kept.add(key)
