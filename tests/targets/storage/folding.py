"""A file system that finds names in any case and keeps them as given, as on Windows and macOS: for tests."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from spfc.targets.storage import posix


def ignore_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name that is looked up below an open folder be found in any case."""
    plain: dict[str, Any] = {name: getattr(os, name) for name in ("open", "stat", "mkdir", "unlink", "rename")}

    def real(folder: int | None, name: Any) -> Any:
        if folder is None or not isinstance(name, str):
            return name
        return next((each for each in os.listdir(folder) if each.casefold() == name.casefold()), name)

    def wrapped(call: Any) -> Any:
        def with_any_case(name: Any, *args: Any, dir_fd: int | None = None, **more: Any) -> Any:
            return call(real(dir_fd, name), *args, dir_fd=dir_fd, **more)

        return with_any_case

    def rename(old: Any, new: Any, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        source, standing = real(src_dir_fd, old), real(dst_dir_fd, new)
        found = posix.look(dst_dir_fd, standing)
        if found is not None and not posix.same_thing(found, posix.look(src_dir_fd, source)):
            new = standing
        plain["rename"](source, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def rename_flagged(at: int, name: str, to: int, new: str) -> None:
        if real(to, new) in os.listdir(to):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        rename(name, new, src_dir_fd=at, dst_dir_fd=to)

    for name in ("open", "stat", "mkdir", "unlink"):
        monkeypatch.setattr(os, name, wrapped(plain[name]))
    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr(posix, "_rename_flagged", rename_flagged)
