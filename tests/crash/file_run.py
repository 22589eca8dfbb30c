"""One run of a route that copies files, from a library to FileCloud or to a local folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.crash.disk_points import Disk, watched_disk
from tests.crash.points import Points, watched_wire
from tests.crash.tasks import Tasks

from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.settings import FileCloudSettings
from spfc.routes import Route, parse_options, parse_route
from spfc.sources.sharepoint_library import SharePointLibrary
from spfc.steps.closing import close_run
from spfc.steps.context import RunContext
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.removals import apply_removals
from spfc.steps.structure import apply_structure, create_empty_folders
from spfc.targets.base import Target
from spfc.targets.filecloud import FileCloudTarget
from spfc.targets.storage.local import LocalFolderTarget
from spfc.targets.storage.staging import Staging


class FileTasks(Tasks):
    """The tasks of one run of a route that copies files."""

    first = "enumerate"

    def __init__(self, job: dict[str, Any], points: Points) -> None:
        super().__init__(job, points)
        route = parse_route("house", job["route"])
        assert isinstance(route, Route)
        self._route = route

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Make what changes the target side effects."""
        disk = self.job.get("disk")
        if disk is None:
            with watched_wire(self.points, self._route.target.folder):
                yield
            return
        with watched_disk(Disk(self.points, **disk)):
            yield

    def work(self) -> None:
        """See the base class."""
        enumeration = self.do("enumerate", enumerate_source)
        if not enumeration["debt"]:
            return
        manifest = self.do("diff_and_plan", diff_and_plan)
        plan_id = manifest["plan_id"]
        self.do("apply_structure", lambda run: apply_structure(run, plan_id))
        for batch in manifest["batches"]:
            number = batch["batch"]
            self.do(f"transfer[{number}]", lambda run, number=number: transfer_batch(run, plan_id, number))
        self.do("create_empty_folders", lambda run: create_empty_folders(run, plan_id))
        self.do("apply_removals", lambda run: apply_removals(run, plan_id))

    def report(self, run: RunContext) -> dict[str, Any]:
        """See the base class."""
        return close_run(run, Path(self.job["reports"])).summary

    def opened(self) -> RunContext:
        """See the base class."""
        place = self._route.source
        return RunContext(
            route=self._route,
            run_id=self.job["run_id"],
            options=parse_options(self.job["options"]),
            database=self.ledger(),
            make_source=lambda: SharePointLibrary(
                self.graph(), hostname=place.hostname, site_path=place.site, library=place.library
            ),
            make_target=self._target,
            clock=self.clock,
            fence=self.fence,
        )

    def _target(self) -> Target:
        if "filecloud" in self.job:
            return FileCloudTarget(
                FileCloudClient(FileCloudSettings(**self.job["filecloud"])), self._route.target.folder
            )
        return _Folder(self._route.target.folder, self.job["chunk_size"], self.clock)


class _Folder(LocalFolderTarget):
    """A local folder in which time passes as in the rest of the world."""

    def __init__(self, root: str, chunk_size: int, clock: Callable[[], float]) -> None:
        super().__init__(root, chunk_size=chunk_size)
        self._clock = clock
        self._staging = Staging(clock)

    def beside(self, root: str) -> LocalFolderTarget:
        """See the protocol."""
        vault = super().beside(root)
        vault._staging = Staging(self._clock)
        return vault
