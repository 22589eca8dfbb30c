"""Moves in a store that can only copy and delete: repeatable after a death at any point, and nothing gets lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, islice

from spfc.errors import ItemGone, ServiceBusy, TargetChanged, TargetExists
from spfc.targets.paths import MOST_NAMES, numbered
from spfc.targets.storage.folders import Folders, Standing
from spfc.targets.storage.store import (
    ANYWAY,
    MOVING,
    Blob,
    Condition,
    ConditionFailed,
    Label,
    NotThere,
    Store,
)

WORKERS = 8
"""Copies under way at once when a folder is moved: they are small requests, the store does the work."""
ROUNDS = 4
"""How often a folder is looked at again because somebody has changed it while it was being moved."""
BATCH = 1000
"""Objects that are listed before they are deleted together."""


class Mover:
    """Moves files and folders by key. Threads may share it.

    A **file** is copied with a stamp that names the version it is a copy of, then its old place is emptied. A move
    that is repeated knows its own copy by the stamp.

    A **folder** is claimed first: the object ``.spfc-moving`` at its new place says where it comes from. Then all
    objects are copied, both places are listed and compared, what has changed meanwhile is copied again, and only
    what is safe at the new place is deleted at the old one; the claim goes with the last deletion, in one request. A
    move that is repeated finds its own claim and goes on. Whatever at the new place is no copy ends it: TargetExists.

    What somebody writes to the old place within the moment between the last look and the deletion is lost.
    """

    def __init__(self, store: Store, folders: Folders) -> None:
        self._store, self._folders = store, folders

    def move(self, source: str, goal: str, standing: Standing) -> None:
        """Move as :meth:`spfc.targets.base.Target.move` promises; ``standing`` is what is at ``source``."""
        if source == goal:
            if standing.free:
                raise ItemGone("Nothing is there to be moved.", item=f"/{source}")
            return
        if standing.free:
            self._settle(source, goal)
            return
        if not self._moved(source, goal, standing):
            raise TargetExists("Something is there already.", item=f"/{goal}")

    def retire(self, source: str, destination: str) -> str:
        """Move as :meth:`spfc.targets.base.Target.retire` promises; return the key it went to."""
        standing = self._folders.look(source)
        if standing.free:
            raise ItemGone("Nothing is there to be moved.", item=f"/{source}")
        above, _, name = destination.rpartition("/")
        place = self._free_path(above)
        for number in range(1, MOST_NAMES + 1):
            goal = place + numbered(f"/{name}", number)
            if self._moved(source, goal, standing):
                return goal
        raise TargetExists(f"{MOST_NAMES} items of this name were retired already.", item=f"/{destination}")

    def delete_below(self, key: str) -> None:
        """Delete a folder: all files first, then the objects that stand for folders, the deepest first."""
        marks = [key] if self._store.marker(key) == key else []
        for batch in _batches(self._store.below(f"{key}/")):
            self._store.delete([blob.key for blob in batch if not blob.marks])
            marks += [blob.key for blob in batch if blob.marks]
        for group in self._groups(marks):
            self._store.delete(group)

    # -- one item ------------------------------------------------------------------------------------

    def _moved(self, source: str, goal: str, standing: Standing) -> bool:
        """Move what stands at ``source``; False when something is at the goal that no move of it has put there."""
        self._folders.keep(source.rpartition("/")[0])
        if standing.file is not None:
            return self._file_moved(source, goal)
        if not self._claimed(source, goal):
            return False
        self._carry(source, goal)
        self._folders.forget(source)
        self._folders.forget(goal)
        return True

    def _file_moved(self, source: str, goal: str) -> bool:
        blob = self._store.head(source)
        if blob is None:
            raise ItemGone("Nothing is there to be moved.", item=f"/{source}")
        stamp = f"moved-{hashlib.sha256(f'{source} {blob.etag}'.encode()).hexdigest()[:32]}"
        taken = self._folders.look(goal)
        if taken.folder:
            return False
        if taken.file is None:
            try:
                self._store.copy(blob, goal, stamp, Condition(absent=True))
            except ConditionFailed:
                pass  # either place was changed just now: the look below decides
            except NotThere:
                raise ItemGone("Nothing is there to be moved.", item=f"/{source}") from None
        copy = self._store.head(goal)
        if copy is None:
            raise ServiceBusy("The copy did not arrive, so the file stays.", item=f"/{source}")
        if copy.stamp != stamp:
            return False
        if copy.size != blob.size:
            raise ServiceBusy("The copy has another size than the file, so the file stays.", item=f"/{source}")
        self._store.delete([source])
        return True

    def _settle(self, source: str, goal: str) -> None:
        """End a move whose source is gone: done when something is at the goal."""
        if self._folders.look(goal).free:
            raise ItemGone("Nothing is there to be moved.", item=f"/{source}")
        if self._claim_of(goal) == source:
            self._store.delete([_claim_key(goal)])

    # -- folders -------------------------------------------------------------------------------------

    def _claimed(self, source: str, goal: str) -> bool:
        """Write the claim, or find that an earlier try has written it; False when the goal is somebody else's."""
        if not self._folders.look(goal).free:
            return self._claim_of(goal) == source
        body = json.dumps({"moving_from": f"/{source}"}).encode()
        label = Label(None, f"claim-{hashlib.sha256(source.encode()).hexdigest()[:32]}")
        try:
            self._store.put(_claim_key(goal), body, label, Condition(absent=True))
        except ConditionFailed:
            return self._claim_of(goal) == source
        return True

    def _claim_of(self, goal: str) -> str | None:
        """Return the key of the folder that is being moved to ``goal``."""
        try:
            data, _, _ = self._store.read(_claim_key(goal), 0, 8192, None)
        except (NotThere, ConditionFailed):
            return None
        try:
            origin = json.loads(data)["moving_from"]
        except (ValueError, KeyError, TypeError):
            return None
        return origin[1:] if isinstance(origin, str) else None

    def _carry(self, source: str, goal: str) -> None:
        copied: dict[str, str | None] = {}
        for _ in range(ROUNDS):
            old = self._tree(source)
            new = self._tree(goal)
            todo = [blob for rest, blob in old.items() if not _is_copied(blob, new.get(rest), copied)]
            for blob in todo:
                if blob.key not in copied and _rest(blob, source) in new:
                    raise TargetExists(
                        "Something that is no copy is where the folder is being moved to, or the folder was changed.",
                        item=f"/{goal}{_rest(blob, source)}",
                        hint="Bring the two folders together by hand; nothing was removed.",
                    )
            if not todo:
                self._empty(list(old.values()), goal)
                return
            with ThreadPoolExecutor(WORKERS) as pool:
                list(pool.map(lambda blob: self._copied(blob, goal + _rest(blob, source)), todo))
            copied |= {blob.key: blob.etag for blob in todo}
        raise TargetChanged("Somebody keeps changing the folder while it is being moved.", item=f"/{source}")

    def _copied(self, blob: Blob, goal: str) -> None:
        if blob.marks and blob.size == 0:
            self._store.put(goal, b"", Label(None, "folder-moved", marks=True), ANYWAY)
            return
        try:
            self._store.copy(blob, goal, None, ANYWAY)
        except (ConditionFailed, NotThere):
            return  # it was changed or removed just now; the next look shows it

    def _empty(self, old: list[Blob], goal: str) -> None:
        """Delete what is safe at ``goal``; the claim goes last, if possible with the last one in one request."""
        *groups, last = [[blob.key for blob in old if not blob.marks], *self._groups(_marks(old))] if old else [[], []]
        for group in groups:
            self._store.delete(group)
        if self._store.bulk:
            self._store.delete(last[:-1])
            self._store.delete([*last[-1:], _claim_key(goal)])
            return
        self._store.delete(last)
        self._store.delete([_claim_key(goal)])

    def _groups(self, marks: list[str]) -> list[list[str]]:
        """Return the objects of folders in groups that may be deleted one after the other, the deepest first.

        Accounts of Azure with a hierarchical namespace refuse to delete a folder that is not empty.
        """
        ordered = sorted(marks, key=_depth, reverse=True)
        if self._store.bulk:
            return [ordered] if ordered else []
        return [list(group) for _, group in groupby(ordered, _depth)]

    def _tree(self, folder: str) -> dict[str, Blob]:
        """Return everything that belongs to a folder, by what follows its key; the claim on it does not."""
        found = {_rest(blob, folder): blob for blob in self._store.below(f"{folder}/")}
        found.pop(f"/{MOVING}", None)
        if self._store.marker(folder) == folder:
            mark = self._store.head(folder)
            found |= {"": mark} if mark is not None and mark.marks else {}
        return found

    def _free_path(self, folder: str) -> str:
        """Return the folder for retired items: a level whose name a file has gets a number. No request when known."""
        container, *levels = folder.split("/")
        where = container
        for level in levels:
            names = (where + numbered(f"/{level}", number) for number in range(1, MOST_NAMES + 1))
            where = next((name for name in names if self._may_be_folder(name)), "")
            if not where:
                raise TargetExists(f"{MOST_NAMES} files of this name are where a folder must be.", item=f"/{folder}")
        return where

    def _may_be_folder(self, key: str) -> bool:
        return self._folders.knows(key) or self._folders.look(key).file is None


def _is_copied(blob: Blob, copy: Blob | None, copied: dict[str, str | None]) -> bool:
    """Say whether ``copy`` is what ``blob`` is: as large, not older, and nobody has written the blob since."""
    if copy is not None and blob.marks and copy.marks:
        return True
    if copy is None or copy.size != blob.size or copy.written < blob.written:
        return False
    return copied.get(blob.key, blob.etag) == blob.etag


def _rest(blob: Blob, folder: str) -> str:
    return blob.key[len(folder) :]


def _claim_key(folder: str) -> str:
    return f"{folder}/{MOVING}"


def _marks(blobs: list[Blob]) -> list[str]:
    return [blob.key for blob in blobs if blob.marks]


def _depth(key: str) -> int:
    return key.count("/")


def _batches(blobs: Iterable[Blob]) -> Iterator[list[Blob]]:
    rest = iter(blobs)
    while batch := list(islice(rest, BATCH)):
        yield batch
