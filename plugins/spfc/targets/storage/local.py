"""A folder of a local or mounted file system as a target: whole files only, and no way out of its root."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from spfc.errors import (
    ItemChanged,
    ItemError,
    ItemGone,
    NameRefused,
    PlaceNotFound,
    ServiceBusy,
    TargetChanged,
    TargetExists,
)
from spfc.planning.model import Kind, TargetEntry
from spfc.targets.base import Made, PutSpec
from spfc.targets.paths import levels_of
from spfc.targets.storage import posix
from spfc.targets.storage.local_retire import Retiring
from spfc.targets.storage.local_root import LocalRoot
from spfc.targets.storage.local_stream import LocalStream
from spfc.targets.storage.meter import Meter
from spfc.targets.storage.posix_errors import NO_FOLDER, explained
from spfc.targets.storage.staging import STAGING, Staging

MIB = 1 << 20


class LocalFolderTarget:
    """The folder ``root`` (absolute path) as :class:`~spfc.targets.base.Target` promises. Further to the protocol:

    - Whoever reads the folder sees the old file or the new one, whole and with its time, never anything between. A
      file is written to ``.spfc-uploads`` in the root, synced to the disk, and then renamed.
    - ``make_folder("/")`` makes the root, but not what is above it, and marks it by that folder; without the mark
      everything else raises PlaceNotFound, so that a disk which is not mounted is never taken for an empty target.
      ``list_folder("/")`` alone answers None for a root that is missing or empty and without the mark: there is none
      yet. One with files of other people in it is listed, so that they can be taken over.
    - Links, devices, pipes are listed as ``Kind.LINK``, belong to strangers, and are never followed or written
      through, wherever they are planted. Only the path of the root itself may lead through links.
    - The etag is made of inode, size and time: it survives a rename and not an edit.
    - ``calls`` counts operations; a file system refuses nobody for now, so ``refusals`` is 0.
    - Service paths, as in :meth:`retire` and :meth:`beside`, are absolute paths of the file system.

    ``expect_etag`` looks at the file right before the rename: an edit within these microseconds is not noticed.
    """

    refusals = 0
    """See the protocol."""
    piecemeal = False
    """See the protocol."""

    def __init__(self, root: str, *, chunk_size: int = 16 * MIB, deep: bool = False) -> None:
        self.chunk_size = chunk_size
        self._root = LocalRoot(root, deep=deep)
        self._staging = Staging()
        self._meter = Meter()
        self._vaults: list[LocalFolderTarget] = []
        self._retiring = Retiring(self._root)

    @property
    def root(self) -> str:
        """The service path of the root."""
        return self._root.path

    @property
    def calls(self) -> int:
        """Operations asked for so far."""
        return self._meter.calls

    def stat(self, path: str) -> TargetEntry | None:
        """See the protocol."""
        levels = levels_of(path)
        self._meter.sent()
        if not levels:
            return self._stat_root()
        with self._root.opened() as top, explained(path):
            try:
                with self._root.down(top, levels[:-1]) as at:
                    found = self._root.look(top, at, levels[-1])
            except OSError as error:
                if error.errno in NO_FOLDER:
                    return None
                raise
        return None if found is None or levels[0] == STAGING else posix.entry_of(path, found)

    def list_folder(self, path: str) -> list[TargetEntry] | None:
        """See the protocol and the class."""
        levels = levels_of(path)
        self._meter.sent()
        try:
            opening = self._root.any()
            with opening as top, explained(path):
                if self._root.is_ready(top):
                    return self._listed(top, path, levels)
        except PlaceNotFound:
            if levels:
                raise
            return None
        if levels:
            raise PlaceNotFound("The target folder is empty and not marked as ours.", item=self.root)
        return None

    def make_folder(self, path: str) -> Made:
        """See the protocol and the class."""
        levels = levels_of(path)
        self._meter.sent()
        if not levels:
            return self._root.make()
        with self._place(path) as (top, at, name):
            try:
                os.mkdir(name, dir_fd=at)
            except FileExistsError:
                found = self._root.look(top, at, name)
                if found is None or posix.kind_of(found) is not Kind.FOLDER:
                    raise _in_the_way(path, found) from None
                return Made.EXISTED
            posix.sync_folder(at)
            return Made.CREATED

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> TargetEntry | None:
        """See the protocol."""
        if last != (offset + len(chunk) == spec.size) or (not chunk and not last):
            raise ValueError(f"chunk of {len(chunk)} bytes at {offset} of {spec.size}, last={last}")
        self._meter.sent()
        with self._place(spec.path) as (top, at, name):
            self._check(spec, top, at, name)
            staged = self._staging.append(top, spec.path, offset, chunk)
            if not last:
                return None
            try:
                old = self._check(spec, top, at, name)
                self._staging.sync(top, staged, spec.modified, None if old is None else old.st_mode & 0o777)
                self._publish(spec, top, staged.name, at, name)
            except BaseException:
                self._staging.drop(top, spec.path, staged)
                raise
            found = os.fstat(staged.file)
            self._staging.done(spec.path)
            posix.sync_folder(at)
        return posix.entry_of(spec.path, found)

    def open(self, path: str, *, size: int, offset: int = 0) -> LocalStream:
        """See the protocol."""
        levels = _below_root(path)
        self._meter.sent()
        with self._root.opened() as top, explained(path):
            try:
                with self._root.down(top, levels[:-1]) as at:
                    found = self._root.look(top, at, levels[-1])
                    if found is None or levels[0] == STAGING or posix.kind_of(found) is not Kind.FILE:
                        raise ItemGone("No such file is there.", item=path)
                    stream = LocalStream(at, levels[-1], path, size, offset)
            except OSError as error:
                if error.errno in NO_FOLDER:
                    raise ItemGone("No such file is there.", item=path) from error
                raise
        if stream.found != size:
            stream.close()
            raise ItemChanged(f"The file has {stream.found} bytes, not {size}.", item=path)
        return stream

    def move(self, old: str, new: str) -> None:
        """See the protocol."""
        _below_root(new)
        standing = self._kind_at(old)
        if standing is None:
            if self.stat(new) is not None:
                return
            raise ItemGone("Nothing is there to be moved.", item=old)
        if new.startswith(old + "/"):
            raise ItemError("A folder cannot be moved into itself.", item=old)
        if standing is Kind.LINK:
            raise TargetChanged("A link or device stands where our item was.", item=old)
        self._meter.sent()
        with self._place(old) as (top, at, name), self._place(new) as (_, to, goal):
            try:
                posix.rename_no_replace(at, name, to, goal)
            except FileExistsError:
                if not self._is_respelling(top, (at, name), (to, goal)):
                    raise _in_the_way(new, posix.look(to, goal)) from None
                os.rename(name, goal, src_dir_fd=at, dst_dir_fd=to)
            except FileNotFoundError as error:
                raise ItemGone("Nothing is there to be moved.", item=old) from error
            posix.sync_folder(to)
            posix.sync_folder(at)

    def remove(self, path: str, kind: Kind) -> None:
        """See the protocol. Raises TargetChanged when a thing of another kind stands there."""
        standing = self._kind_at(path)
        if standing is None:
            return
        if standing is not (Kind.FILE if kind is Kind.FILE else Kind.FOLDER):
            raise TargetChanged(f"A {standing} stands where our {kind} was.", item=path)
        self._meter.sent()
        with self._place(path) as (_, at, name):
            if standing is Kind.FOLDER:
                shutil.rmtree(name, dir_fd=at)
            elif posix.look(at, name) is not None:
                os.unlink(name, dir_fd=at)
            posix.sync_folder(at)

    def retire(self, path: str, kind: Kind, destination: str) -> str:
        """See the protocol. ``destination`` must be on the same file system; else MoveRefused, and the item stays."""
        levels_of(destination)
        _below_root(path)
        if any(f"{destination}/".startswith(f"{root}/") for root in (self.root, self._root.real)):
            raise ValueError(f"{destination!r} lies inside the target root {self.root!r}")
        if self._kind_at(path) is None:
            raise ItemGone("Nothing is there to be moved.", item=path)
        self._meter.sent()
        with self._place(path) as (_, at, name):
            return self._retiring.retire(at, name, destination)

    def beside(self, root: str) -> LocalFolderTarget:
        """See the protocol. The levels above ``root`` are made with it, as far as they are missing."""
        vault = LocalFolderTarget(root, chunk_size=self.chunk_size, deep=True)
        vault._meter = self._meter
        self._vaults.append(vault)
        return vault

    def close(self) -> None:
        """Let go of uploads under way; another process may go on with them for a week."""
        self._staging.close()
        self._root.unmark()
        for vault in self._vaults:
            vault.close()

    def _stat_root(self) -> TargetEntry | None:
        try:
            with self._root.any() as top:
                return posix.entry_of("/", os.fstat(top)) if self._root.is_ready(top) else None
        except PlaceNotFound:
            return None

    def _listed(self, top: int, path: str, levels: list[str]) -> list[TargetEntry] | None:
        entries: list[TargetEntry] = []
        if levels[:1] == [STAGING]:
            return None
        try:
            with self._root.down(top, levels) as at:
                for name in posix.names(at):
                    found = posix.look(at, name)
                    if found is not None and (levels or name != STAGING):
                        entries.append(posix.entry_of(f"{path.rstrip('/')}/{_shown(name)}", found))
        except OSError as error:
            if error.errno in NO_FOLDER:
                return None
            raise
        return entries

    def _kind_at(self, path: str) -> Kind | None:
        _below_root(path)
        standing = self.stat(path)
        return None if standing is None else standing.kind

    @contextmanager
    def _place(self, path: str) -> Iterator[tuple[int, int, str]]:
        """Hold the root and the folder of ``path`` open, and say its name. Raises ItemError when there is no folder."""
        levels = _below_root(path)
        if levels[0] == STAGING:
            raise NameRefused(f"The name {STAGING!r} is spfc's own in the target root.", item=path)
        with self._root.opened() as top, explained(path), self._root.down(top, levels[:-1]) as at:
            yield top, at, levels[-1]

    def _check(self, spec: PutSpec, top: int, at: int, name: str) -> os.stat_result | None:
        """Return the file that is to be replaced, None when there is none."""
        found = posix.look(at, name)
        if found is not None:
            spelled = self._root.look(top, at, name) is not None
            if spec.expect_absent or not spelled or posix.kind_of(found) is not Kind.FILE:
                raise _in_the_way(spec.path, found)
        if spec.expect_etag is not None:
            there = None if found is None else posix.tag_of(found)
            if there != spec.expect_etag:
                raise TargetChanged(f"The file was changed; what is there now: etag {there}.", item=spec.path)
        return found

    def _publish(self, spec: PutSpec, top: int, staged: str, at: int, name: str) -> None:
        with posix.below(top, [STAGING]) as aside:
            try:
                if spec.expect_absent:
                    posix.rename_no_replace(aside, staged, at, name)
                else:
                    posix.replace(aside, staged, at, name)
            except (FileExistsError, IsADirectoryError):
                raise _in_the_way(spec.path, posix.look(at, name)) from None
            except FileNotFoundError as error:
                if posix.look(aside, staged) is not None:
                    raise
                raise ServiceBusy("Somebody has taken the upload away.", item=spec.path) from error

    def _is_respelling(self, top: int, old: tuple[int, str], new: tuple[int, str]) -> bool:
        """Say whether the taken name is only another spelling of the one to be moved, as Windows' file systems do."""
        if not self._root.ignores_case(top) or posix.is_spelled(*new):
            return False
        return posix.same_thing(posix.look(*old), posix.look(*new))


def _below_root(path: str) -> list[str]:
    levels = levels_of(path)
    if not levels:
        raise ValueError("the target root itself is not ours to change")
    return levels


def _in_the_way(path: str, found: os.stat_result | None) -> TargetExists:
    name = path.rpartition("/")[2]
    if found is None:
        return TargetExists(f"Something named {name!r} is there already.", item=path)
    kind = posix.kind_of(found)
    what = "A link or device" if kind is Kind.LINK else f"A {kind}"
    look = f"size {found.st_size}, modified {int(found.st_mtime)}" if kind is Kind.FILE else "not ours"
    return TargetExists(f"{what} named {name!r}, or the same in another case, is there already ({look}).", item=path)


def _shown(name: str) -> str:
    """Return a listed name as text: bytes that are no UTF-8, which only a stranger's name holds, are spelled out."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
