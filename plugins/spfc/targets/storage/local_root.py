"""The root of a local target: found again only when it is the folder that was once made ours, never an empty mount."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from spfc.errors import PlaceNotFound
from spfc.planning.model import Kind
from spfc.targets.base import Made
from spfc.targets.paths import checked
from spfc.targets.storage import posix
from spfc.targets.storage.posix_errors import NO_FOLDER, explained
from spfc.targets.storage.staging import STAGING


class LocalRoot:
    """One folder of the file system by its absolute path, resolved once and then opened anew for each call.

    :meth:`make` leaves the folder ``.spfc-uploads`` in it, and everything else wants to see that one: a mount point
    whose disk is not mounted lacks it, and so can be taken neither for an emptied mirror nor for a place to fill.
    ``deep``: a place beside the target, such as the quarantine: :meth:`make` makes levels above it, too, where
    otherwise the folder above must be there, and it is marked only as long as something is uploaded to it.
    """

    def __init__(self, path: str, *, deep: bool = False) -> None:
        self.path = checked(path.rstrip("/") or "/")
        if self.path == "/":
            raise ValueError("the root of a local target is a folder below '/', not '/' itself")
        self._deep = deep
        self._real: str | None = None
        self._ignores_case: bool | None = None

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Hold the root open. Raises PlaceNotFound unless it is there and marked as ours."""
        with self.any() as top:
            if not self._deep and not is_marked(top):
                raise self._strange()
            yield top

    @contextmanager
    def any(self) -> Iterator[int]:
        """Hold the root open, marked or not. Raises PlaceNotFound when there is no such folder."""
        with explained(self.path):
            try:
                opening = posix.folder(self.real)
                top = opening.__enter__()
            except OSError as error:
                if error.errno not in NO_FOLDER:
                    raise
                raise self._missing() from error
        try:
            yield top
        finally:
            opening.__exit__(None, None, None)

    @property
    def real(self) -> str:
        """The path without links, found out when the folder is first there."""
        if self._real is not None:
            return self._real
        real = os.path.realpath(self.path)
        if Path(real).is_dir():
            self._real = real
        return real

    def make(self) -> Made:
        """Make the folder if it is missing, and mark it as ours. Raises PlaceNotFound, PermissionMissing."""
        with explained(self.path):
            made = self._make_folder()
            with self.any() as top:
                if not is_marked(top):
                    os.mkdir(STAGING, 0o700, dir_fd=top)
                    posix.sync_folder(top)
            return made

    def unmark(self) -> None:
        """Take the mark off again where it was needed for a moment only: off a place beside the target."""
        if not self._deep or self._real is None:
            return
        with suppress(OSError), posix.folder(self._real) as top:
            os.rmdir(STAGING, dir_fd=top)  # unless an upload lies in it

    def is_ready(self, top: int) -> bool:
        """Say whether the open root is ours, or may be made so because there is something in it to be taken over."""
        if self._deep or is_marked(top):
            return True
        with os.scandir(top) as entries:
            return next(entries, None) is not None

    def ignores_case(self, top: int) -> bool:
        """Say whether this file system finds names in another case, too; found out once."""
        if self._ignores_case is None:
            found = posix.look(top, STAGING)
            if found is None:
                return False
            self._ignores_case = posix.same_thing(found, posix.look(top, STAGING.upper()))
        return self._ignores_case

    @contextmanager
    def down(self, top: int, levels: Sequence[str]) -> Iterator[int]:
        """Hold the folder at ``levels`` open. Raises FileNotFoundError also for a level in another spelling."""
        if not self.ignores_case(top):
            with posix.below(top, levels) as at:
                yield at
            return
        with posix.below(top, ()) as at:
            for name in levels:
                if not posix.is_spelled(at, name):
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                with posix.below(at, [name]) as following:
                    os.dup2(following, at, inheritable=False)
            yield at

    def look(self, top: int, at: int, name: str) -> os.stat_result | None:
        """Return what has exactly this name in the open folder ``at``."""
        found = posix.look(at, name)
        if found is not None and self.ignores_case(top) and not posix.is_spelled(at, name):
            return None
        return found

    def _make_folder(self) -> Made:
        real = Path(self.real)
        if real.is_dir():
            return Made.EXISTED
        if os.path.lexists(real):
            raise PlaceNotFound("Something that is no folder is at the place of the target root.", item=self.path)
        if not self._deep and not real.parent.is_dir():
            raise PlaceNotFound(
                f"The folder above the target root is not there: {real.parent}.",
                item=self.path,
                hint="Is its disk mounted on this worker? Create it, or correct the folder of the route.",
            )
        real.mkdir(parents=self._deep, exist_ok=True)
        return Made.CREATED

    def _missing(self) -> PlaceNotFound:
        return PlaceNotFound(
            "The target folder is not there.",
            item=self.path,
            hint="Is its disk mounted on this worker? Nothing was taken for deleted.",
        )

    def _strange(self) -> PlaceNotFound:
        return PlaceNotFound(
            f"The target folder is there, but without the folder {STAGING!r} that spfc has left in it.",
            item=self.path,
            hint="Most likely its disk is not mounted on this worker. If this is the right folder after all, create "
            f"an empty folder {STAGING!r} in it. Nothing was taken for deleted.",
        )


def is_marked(top: int) -> bool:
    """Say whether an open root was made ours once."""
    found = posix.look(top, STAGING)
    return found is not None and posix.kind_of(found) is Kind.FOLDER
