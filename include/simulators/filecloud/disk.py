"""Moving and removing on disk, also where state and store are on different file systems."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from simulators.filecloud.places import INCOMING

_CANNOT_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


def move(source: Path, target: Path) -> None:
    """Move a file or folder; an existing file at `target` is replaced in one step."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        passing = target.parent / f"{INCOMING}{uuid4().hex}"
        shutil.move(source, passing)
        passing.replace(target)


def keep_copy(source: Path, target: Path) -> None:
    """Give a file's bytes a second name, by link where the file system can."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        shutil.copy2(source, target)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it; nothing there is fine."""
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        return


def set_time(path: Path, epoch: int) -> None:
    """Set the modification time of a file, whole seconds since the epoch."""
    os.utime(path, ns=(epoch * 10**9, epoch * 10**9))


def walk(path: Path) -> Iterator[os.DirEntry[str]]:
    """Yield every file and folder below a folder; links and unfinished copies are left out."""
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith(INCOMING) or entry.is_symlink():
                continue
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from walk(Path(entry.path))


def totals(path: Path) -> tuple[int, int, int]:
    """Return (folders, files, bytes) below a path; a file counts itself, nothing there counts zero."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0, 0, 0
    if not stat.S_ISDIR(status.st_mode):
        return 0, 1, status.st_size
    folders = files = size = 0
    for entry in walk(path):
        if entry.is_dir(follow_symlinks=False):
            folders += 1
        else:
            files += 1
            size += entry.stat(follow_symlinks=False).st_size
    return folders, files, size
