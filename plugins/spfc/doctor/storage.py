"""A local folder or an object store that copies go to: can it be reached, may we write there, is there room?"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from spfc.doctor.shape import Finding, Step, fail, ok, skipped, warn
from spfc.errors import PlaceNotFound
from spfc.planning.model import Kind
from spfc.routes import ObjectStorageTarget, RemovalPolicy, Route
from spfc.targets.base import PutSpec, Target
from spfc.wording import plural, size

_TIGHT = 0.05
_PROBE = b"written by spfc doctor, and removed again"


class StorageChecks:
    """The checks of a route that copies to a folder or an object store. Nothing is left there.

    ``make`` returns the target, or raises; ``coming`` returns how many bytes a first run would bring, if that is known.
    """

    def __init__(
        self,
        make: Callable[[], Target],
        route: Route,
        place: ObjectStorageTarget,
        *,
        coming: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._make = make
        self._route, self._place = route, place
        self._coming = coming
        self._target: Target | None = None
        self._there = False

    def steps(self) -> list[Step]:
        """Return all checks of the target."""
        return [
            Step("storage.connection", self._connect),
            Step("storage.folder", self._look, ("storage.connection",)),
            Step("storage.rights", self._write, ("storage.folder",)),
            Step("storage.quarantine", self._look_beside, ("storage.folder",)),
            Step("storage.room", self._measure, ("storage.folder",)),
        ]

    def secrets(self) -> list[str]:
        """Return what must not be shown: the target's own errors hold no secret."""
        return []

    def close(self) -> None:
        """Close all connections."""
        if self._target is not None:
            self._target.close()

    def _connect(self) -> Finding:
        self._target = self._make()
        return ok(f"{self._place.label}{f' through {self._place.connection}' if self._place.connection else ''}.")

    def _look(self) -> Finding:
        if self._place.local and (wrong := _wrong_place(Path(self._place.folder))):
            return wrong
        listed = self._used.list_folder("/")
        if listed is None:
            return ok(f"{self._place.label} is not there yet; the first run makes it.")
        self._there = True
        return ok(f"{self._place.label} is there, with {plural(len(listed), 'entry', 'entries')}.")

    def _write(self) -> Finding:
        if not self._there:
            return skipped("the folder is not there yet, so nothing was written")
        path = f"/spfc-doctor-{secrets.token_hex(4)}.txt"
        target = self._used
        try:
            target.put_chunk(PutSpec(path, len(_PROBE), 0, expect_absent=True), 0, _PROBE, last=True)
            with closing(target.open(path, size=len(_PROBE))) as stream:
                same = stream.read(len(_PROBE)) == _PROBE
        finally:
            target.remove(path, Kind.FILE)
        if not same:
            return fail("A small file came back with other bytes.", "Ask whoever runs the storage; do not sync to it.")
        return ok("A small file was written, read and removed again.")

    def _look_beside(self) -> Finding:
        if self._route.policies.removals is not RemovalPolicy.QUARANTINE:
            return skipped(f"removed items are not quarantined (policies.removals: {self._route.policies.removals})")
        folder = self._route.quarantine_folder
        try:
            there = self._used.beside(folder).list_folder("/") is not None
        except PlaceNotFound:
            there = False
        return ok(f"{folder} is {'there' if there else 'made when needed'}.")

    def _measure(self) -> Finding:
        if not self._place.local:
            return skipped("an object store tells no limit")
        folder = Path(self._place.folder)
        standing = next(above for above in (folder, *folder.parents) if above.exists())
        disk, coming = shutil.disk_usage(standing), self._coming()
        text = f"{size(disk.free)} of {size(disk.total)} free"
        step = "Make room, or use a larger disk."
        if coming is not None and coming > disk.free and not self._there:
            return warn(f"{text}, and the first run would bring {size(coming)}.", step)
        if disk.free < _TIGHT * disk.total:
            return warn(f"{text}: that is tight.", step)
        return ok(f"{text}.")

    @property
    def _used(self) -> Target:
        if self._target is None:
            raise RuntimeError("the connection has not been read")
        return self._target


def _wrong_place(folder: Path) -> Finding | None:
    """Say what is wrong with a local folder that the first run could not make."""
    if folder.exists() and not folder.is_dir():
        return fail(f"{folder} is no folder.", "Move it away, or change target.url of the route.")
    if not folder.parent.is_dir():
        return fail(
            f"The folder above it, {folder.parent}, is not there.",
            "Is its disk mounted on this machine? Create it, or change target.url of the route.",
        )
    return None
