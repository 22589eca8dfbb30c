"""Work below a folder that is held open, name by name: no name leads out of it, and no link is ever followed."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from spfc.planning.model import Kind, TargetEntry

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOREPLACE = 1
"""``RENAME_NOREPLACE`` of Linux's renameat2(2)."""
_NOT_HERE = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
"""Kernel, or file system (NFS among them), without that."""
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EACCES})
"""File system without hard links."""


_NO_SYNC = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM})


@contextmanager
def folder(path: str, levels: Sequence[str] = ()) -> Iterator[int]:
    """Open a folder, then those below it one by one, and hold the last; OSError when one is missing or a link.

    ``path`` itself is trusted: links above its last level are followed.
    """
    at = _down(os.open(path, _FOLDER), levels)
    try:
        yield at
    finally:
        os.close(at)


@contextmanager
def below(top: int, levels: Sequence[str]) -> Iterator[int]:
    """Open the folder at ``levels`` below an open one, as :func:`folder` does."""
    at = _down(os.dup(top), levels)
    try:
        yield at
    finally:
        os.close(at)


def _down(at: int, levels: Sequence[str]) -> int:
    """Go down from ``at``, which is closed unless it is the end of the way."""
    for name in levels:
        try:
            following = os.open(name, _FOLDER, dir_fd=at)
        except BaseException:
            os.close(at)
            raise
        os.close(at)
        at = following
    return at


def look(at: int, name: str) -> os.stat_result | None:
    """Return what has this name in an open folder, links not followed; None when nothing has."""
    try:
        return os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None


def names(at: int) -> list[str]:
    """Return all names in an open folder."""
    with os.scandir(at) as entries:
        return [entry.name for entry in entries]


def is_spelled(at: int, name: str) -> bool:
    """Say whether a folder lists exactly this name, in whatever Unicode form: some find it in another case, too."""
    wanted = unicodedata.normalize("NFC", name)
    return any(unicodedata.normalize("NFC", each) == wanted for each in names(at))


def kind_of(found: os.stat_result) -> Kind:
    """Return what a thing is. Links, devices, pipes and sockets are all strangers: ``LINK``."""
    if stat.S_ISDIR(found.st_mode):
        return Kind.FOLDER
    return Kind.FILE if stat.S_ISREG(found.st_mode) else Kind.LINK


def entry_of(path: str, found: os.stat_result) -> TargetEntry:
    """Return the entry for what stands at ``path``. A file's time is whole seconds, rounded down."""
    kind = kind_of(found)
    name = path.rpartition("/")[2]
    if kind is not Kind.FILE:
        return TargetEntry(path, name, kind, 0, found.st_mtime_ns // 10**9)
    return TargetEntry(path, name, kind, found.st_size, found.st_mtime_ns // 10**9, tag_of(found))


def tag_of(found: os.stat_result) -> str:
    """Return a weak etag: another one after every edit that a file system can show, the same after a rename."""
    return f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"


def same_thing(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    """Say whether two looks saw one and the same thing."""
    return one is not None and other is not None and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def sync_folder(at: int) -> None:
    """Bring the names in an open folder to the disk, where the file system can do that: shares of Windows cannot."""
    try:
        os.fsync(at)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def replace(at: int, name: str, to: int, new: str) -> None:
    """Rename within a file system; a file that has the new name is replaced."""
    with _settled(at, name, to, new):
        os.rename(name, new, src_dir_fd=at, dst_dir_fd=to)


@contextmanager
def _settled(at: int, name: str, to: int, new: str) -> Iterator[None]:
    """Let a rename pass that was done although the answer says that nothing is there: NFS may repeat one unasked."""
    before = look(at, name)
    try:
        yield
    except FileNotFoundError:
        if look(at, name) is not None or not same_thing(before, look(to, new)):
            raise


def rename_no_replace(at: int, name: str, to: int, new: str) -> None:
    """Rename within a file system. Raises FileExistsError when ``new`` is taken, and changes nothing then.

    One step where the kernel and the file system can do that (Linux, local ones); by a hard link for files elsewhere;
    where there is neither, by looking first: then what somebody else puts there within microseconds is replaced, if
    it is a file or an empty folder.
    """
    with _settled(at, name, to, new):
        try:
            _rename_flagged(at, name, to, new)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            _rename_looking(at, name, to, new)


def _rename_looking(at: int, name: str, to: int, new: str) -> None:
    found = os.stat(name, dir_fd=at, follow_symlinks=False)
    if stat.S_ISREG(found.st_mode):
        try:
            os.link(name, new, src_dir_fd=at, dst_dir_fd=to, follow_symlinks=False)
        except FileExistsError:
            if not _is_half_done(found, to, new):
                raise
            os.unlink(name, dir_fd=at)
            return
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            os.unlink(name, dir_fd=at)
            return
    if look(to, new) is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.rename(name, new, src_dir_fd=at, dst_dir_fd=to)


def _is_half_done(found: os.stat_result, to: int, new: str) -> bool:
    """Say whether a rename by a hard link was broken off before the end of the old name: both stand for one file.

    A file that is found in another spelling, too, has one name only.
    """
    return found.st_nlink > 1 and same_thing(found, look(to, new)) and is_spelled(to, new)


def _rename_flagged(at: int, name: str, to: int, new: str) -> None:
    if _renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if _renameat2(at, os.fsencode(name), to, os.fsencode(new), _NOREPLACE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _find_renameat2() -> ctypes._NamedFuncPointer | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return None  # another C library or another system
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    call.restype = ctypes.c_int
    return call


_renameat2 = _find_renameat2()
