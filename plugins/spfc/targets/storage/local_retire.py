"""Take things out of a local target to another place of the same file system."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spfc.errors import ItemGone, TargetExists
from spfc.targets.paths import MOST_NAMES, levels_of, numbered
from spfc.targets.storage import posix
from spfc.targets.storage.local_root import LocalRoot
from spfc.targets.storage.posix_errors import explained


class Retiring:
    """Moves things to absolute paths outside a root, making the folders there.

    Below the folder that holds the root no link is followed. Elsewhere the part of a destination that is there when
    it is first used may lead through links; it is remembered.
    """

    def __init__(self, root: LocalRoot) -> None:
        self._root = root
        self._anchors: dict[str, str] = {}

    def retire(self, at: int, name: str, destination: str) -> str:
        """Move ``name`` of the open folder ``at`` there; return where it went. Raises ItemGone, MoveRefused."""
        above, _, wanted = destination.rpartition("/")
        with explained(destination), self._made(above) as (place, where):
            for number in range(1, MOST_NAMES + 1):
                goal = numbered(f"{where}/{wanted}", number)
                try:
                    posix.rename_no_replace(at, name, place, goal.rpartition("/")[2])
                except FileExistsError:
                    continue
                except FileNotFoundError as error:
                    raise ItemGone("Nothing is there to be moved.", item=name) from error
                posix.sync_folder(place)
                posix.sync_folder(at)
                return goal
        raise TargetExists(f"{MOST_NAMES} items of this name were retired already.", item=destination)

    @contextmanager
    def _made(self, path: str) -> Iterator[tuple[int, str]]:
        """Hold a folder open, made with all levels above it; return its path, too: a taken level gets a number."""
        where, levels = self._anchor(path)
        with posix.folder(self._anchors.get(where, where)) as at:
            for level in levels:
                where = f"{where.rstrip('/')}/{_enter(at, level)}"
            yield at, where

    def _anchor(self, path: str) -> tuple[str, list[str]]:
        """Return the trusted folder above ``path`` and the levels below it."""
        beside = str(Path(self._root.path).parent)
        if f"{path}/".startswith(f"{beside.rstrip('/')}/"):
            self._anchors.setdefault(beside, os.path.realpath(beside))
            return beside, levels_of(path[len(beside.rstrip("/")) :] or "/")
        known = next((each for each in self._anchors if each != beside and f"{path}/".startswith(f"{each}/")), None)
        if known is None:
            known = path
            while not Path(known).is_dir():
                known = str(Path(known).parent)
            self._anchors[known] = os.path.realpath(known)
        return known, levels_of(path[len(known.rstrip("/")) :] or "/")


def _enter(at: int, level: str) -> str:
    """Let the open folder ``at`` stand for its child ``level``, made if missing; return the name that the child got."""
    for number in range(1, MOST_NAMES + 1):
        name = numbered(f"/{level}", number)[1:]
        try:
            os.mkdir(name, dir_fd=at)
            posix.sync_folder(at)
        except FileExistsError:
            pass
        try:
            with posix.below(at, [name]) as child:
                os.dup2(child, at, inheritable=False)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
        else:
            return name
    raise TargetExists(f"{MOST_NAMES} files of this name are where a folder must be.", item=level)
