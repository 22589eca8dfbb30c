"""Every call that changes a folder on disk is a side effect, named by the paths within that folder."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.crash.points import Points

from spfc.targets.storage import posix

Place = int | str | bytes | os.PathLike[str]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=/|$)")
_STAGED = re.compile(r"(?<=\.spfc-uploads/[0-9a-f]{8})[0-9a-f]+(?=\.part$)")


def without_days(path: str) -> str:
    """Return a path with ``<day>`` for the folder of a day in a quarantine."""
    return _DAY.sub("<day>", path)


@dataclass(frozen=True)
class Disk:
    """What lies below ``root`` is watched. See :class:`tests.crash.scenes.Scene` for what may be odd about it."""

    points: Points
    root: str
    apart: bool = False
    plain: bool = False

    def name(self, place: Place, at: int | None = None) -> str | None:
        """Return the path of what a call is about, None when that is elsewhere; days and digests are cut short."""
        if isinstance(place, int):
            path = os.readlink(f"/proc/self/fd/{place}")
        else:
            above = "" if at is None else os.readlink(f"/proc/self/fd/{at}")
            path = str(Path(above, os.fsdecode(place)))
        if not path.startswith(f"{self.root}/"):
            return None
        return _STAGED.sub("", without_days(path.removeprefix(f"{self.root}/")))

    def watched(self, call: Callable[..., Any], effect: Callable[..., str | None]) -> Callable[..., Any]:
        """Return ``call`` with a point before it and one after it; a call that fails has changed nothing."""

        def calling(*args: Any, **options: Any) -> Any:
            told = effect(self, *args, **options)
            if told is None:
                return call(*args, **options)
            name = self.points.begin(told)
            result = call(*args, **options)
            self.points.end(name)
            return result

        return calling


def _one(verb: str) -> Callable[..., str | None]:
    def effect(disk: Disk, place: Place, *_: Any, dir_fd: int | None = None, **__: Any) -> str | None:
        name = disk.name(place, dir_fd)
        return name and f"{verb} {name}"

    return effect


def _two(verb: str) -> Callable[..., str | None]:
    def effect(
        disk: Disk, old: Place, new: Place, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None, **_: Any
    ) -> str | None:
        name = disk.name(new, dst_dir_fd)
        return name and f"{verb} {disk.name(old, src_dir_fd)} -> {name}"

    return effect


def _create(disk: Disk, place: Place, flags: int, *_: Any, dir_fd: int | None = None) -> str | None:
    name = disk.name(place, dir_fd) if flags & (os.O_CREAT | os.O_TRUNC) else None
    return name and f"create {name}"


def _write(disk: Disk, file: int, _: bytes, offset: int) -> str | None:
    name = disk.name(file)
    return name and f"write {name} @{offset}"


def _truncate(disk: Disk, file: int, length: int) -> str | None:
    name = disk.name(file) if os.fstat(file).st_size != length else None
    return name and f"truncate {name} @{length}"


def _rename(disk: Disk, at: int, name: str, to: int, new: str) -> str | None:
    return _two("rename")(disk, name, new, src_dir_fd=at, dst_dir_fd=to)


CALLS: Mapping[str, Callable[..., str | None]] = {
    "open": _create, "pwrite": _write, "ftruncate": _truncate, "mkdir": _one("mkdir"), "rmdir": _one("rmdir"),
    "unlink": _one("unlink"), "remove": _one("unlink"), "utime": _one("utime"), "fchmod": _one("chmod"),
    "rename": _two("rename"), "replace": _two("rename"), "link": _two("link"),
}  # fmt: skip
"""What says of each function of ``os`` which side effect a call of it is, None for none that matters."""


@contextmanager
def watched_disk(disk: Disk) -> Iterator[None]:
    """Make every change below the root of ``disk`` a side effect. Only what asks ``os`` by its name is seen."""
    flagged = _odd(disk) if disk.apart or disk.plain else posix._rename_flagged
    with ExitStack() as stack:
        for name, effect in CALLS.items():
            stack.enter_context(patch.object(os, name, disk.watched(getattr(os, name), effect)))
        stack.enter_context(patch.object(posix, "_rename_flagged", disk.watched(flagged, _rename)))
        yield


def _odd(disk: Disk) -> Callable[[int, str, int, str], None]:
    """Return a rename as the odd file system does it: none at all that replaces nothing, or none to the quarantine."""
    rename = posix._rename_flagged

    def refusing(at: int, name: str, to: int, new: str) -> None:
        if disk.plain:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        ends = {(disk.name(each, fd) or "").partition("/")[0] for each, fd in ((name, at), (new, to))}
        if len(ends) > 1:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(at, name, to, new)

    return refusing
