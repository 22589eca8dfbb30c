"""Files on their way into a local folder: written aside, synced, and only then put at their place in one step."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from spfc.errors import ServiceBusy
from spfc.targets.storage import posix

STAGING = ".spfc-uploads"
"""The folder in the target root that holds uploads under way. It also marks the root as ours, see ``local.py``."""
STALE_DAYS = 7
"""Uploads that nobody has gone on with for so long are cleared away; the longest pause between two tries is a week."""
_MOST_OPEN = 256
"""Uploads held open at once: well above any number of workers, well below the usual limit of open files."""
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


@dataclass(slots=True)
class Staged:
    """An upload under way: its file, held open, and how many bytes it has."""

    name: str
    file: int
    size: int


class Staging:
    """The uploads of one target root, each under a name that follows from its path. Threads may share it.

    A process holds what it uploads locked, so no two put one file together; a file that was taken away meanwhile is
    found out before it becomes visible.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._open: OrderedDict[str, Staged] = OrderedDict()
        self._lock = threading.Lock()
        self._cleaned = False

    def append(self, root: int, path: str, offset: int, chunk: bytes) -> Staged:
        """Write a chunk of the file ``path``; at offset 0 what came before is forgotten.

        Raises ServiceBusy when there are fewer than ``offset`` bytes, or another process is at it; OSError, and the
        room that the upload took is given back.
        """
        with posix.below(root, [STAGING]) as aside:
            self._clean(aside)
            staged = self._begin(aside, path) if offset == 0 else self._go_on(aside, path, offset)
            try:
                _write(staged.file, chunk, offset)
                staged.size = offset + len(chunk)
            except BaseException:
                self.drop(root, path, staged)
                raise
            return staged

    def sync(self, root: int, staged: Staged, modified: int, mode: int | None) -> None:
        """Give the file its time (seconds) and mode, and bring all of it to the disk.

        Raises ServiceBusy when somebody has taken it away from here.
        """
        if mode is not None:
            with suppress(PermissionError):  # file systems without modes; the bytes matter more
                os.fchmod(staged.file, mode)
        os.utime(staged.file, ns=(modified * 10**9, modified * 10**9))
        os.fsync(staged.file)
        with posix.below(root, [STAGING]) as aside:
            if not posix.same_thing(os.fstat(staged.file), posix.look(aside, staged.name)):
                raise ServiceBusy("Another process has begun this upload again.")

    def done(self, path: str) -> None:
        """Let go of an upload that is at its place."""
        with self._lock:
            staged = self._open.pop(path, None)
        if staged is not None:
            os.close(staged.file)

    def drop(self, root: int, path: str, staged: Staged) -> None:
        """Clear an upload away; that of another process under its name is left alone."""
        with posix.below(root, [STAGING]) as aside:
            if posix.same_thing(os.fstat(staged.file), posix.look(aside, staged.name)):
                os.unlink(staged.name, dir_fd=aside)
        self.done(path)

    def close(self) -> None:
        """Let go of all uploads; those that were not completed stay where they are, to be gone on with."""
        for path in list(self._open):
            self.done(path)

    def _begin(self, aside: int, path: str) -> Staged:
        self.done(path)
        name = staged_name(path)
        if posix.look(aside, name) is not None:
            os.unlink(name, dir_fd=aside)
        return self._keep(path, _locked(name, os.open(name, _NEW, 0o666, dir_fd=aside)))

    def _go_on(self, aside: int, path: str, offset: int) -> Staged:
        with self._lock:
            staged = self._open.get(path)
            if staged is not None:
                self._open.move_to_end(path)
        if staged is None:
            staged = self._keep(path, _found(aside, staged_name(path)))
        if staged.size < offset:
            self.done(path)
            raise _lost(f"Only {staged.size} bytes of it are there, not {offset}.")
        return staged

    def _keep(self, path: str, staged: Staged) -> Staged:
        with self._lock:
            self._open[path] = staged
            oldest = self._open.popitem(last=False)[1] if len(self._open) > _MOST_OPEN else None
        if oldest is not None:
            os.close(oldest.file)
        return staged

    def _clean(self, aside: int) -> None:
        """Clear away, once in the life of this object, what dead processes have left long ago, or put at its place by a
        link without ending the name here (see :func:`~spfc.targets.storage.posix.rename_no_replace`).

        The time of the last change of the file itself counts (ctime): its modification time is that of the document as
        soon as the upload is whole, and may be years old while another process is about to put it at its place.
        """
        with self._lock:
            if self._cleaned:
                return
            self._cleaned = True
        oldest = self._clock() - STALE_DAYS * 86400
        with os.scandir(aside) as entries:
            stale = [
                entry.name
                for entry in entries
                if entry.name.endswith(_SUFFIX)
                and entry.is_file(follow_symlinks=False)
                and _is_done_with(entry.stat(follow_symlinks=False), oldest)
            ]
        for name in stale:
            if posix.look(aside, name) is not None:
                os.unlink(name, dir_fd=aside)


_SUFFIX = ".part"


def staged_name(path: str) -> str:
    """Return the name of the file in which an upload to ``path`` grows."""
    return hashlib.sha256(path.encode()).hexdigest()[:40] + _SUFFIX


def _is_done_with(found: os.stat_result, oldest: float) -> bool:
    return found.st_nlink > 1 or found.st_ctime < oldest


def _found(aside: int, name: str) -> Staged:
    """Open the file that a predecessor has left. Raises ServiceBusy when there is none for us."""
    try:
        file = os.open(name, _OLD, dir_fd=aside)
    except FileNotFoundError:
        raise _lost("Nothing of it is there.") from None
    if os.fstat(file).st_nlink > 1:  # whoever reads the mirror would see what we write
        os.close(file)
        raise _lost("It is at its place already.")
    return _locked(name, file)


def _locked(name: str, file: int) -> Staged:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            os.close(file)
            raise _lost("Another process is at it.") from error
        if error.errno not in _NO_LOCKS:
            os.close(file)
            raise
    return Staged(name, file, os.fstat(file).st_size)


def _lost(why: str) -> ServiceBusy:
    return ServiceBusy(f"The upload cannot go on: {why}", hint="Start the file again at offset 0.")


def _write(file: int, chunk: bytes, offset: int) -> None:
    """Write ``chunk`` at ``offset`` and nothing behind it."""
    os.ftruncate(file, offset)
    view, at = memoryview(chunk), offset
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written
