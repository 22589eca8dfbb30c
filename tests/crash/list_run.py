"""One run of a route that keeps a list in a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.crash.disk_points import Disk, watched_disk
from tests.crash.points import Points
from tests.crash.table_points import watched_table
from tests.crash.tasks import Tasks

from spfc.routes import ListRoute, parse_list_options, parse_route
from spfc.sources.sharepoint_list import SharePointList
from spfc.steps.context import ListRun
from spfc.steps.records import box_of, close_list, sync_list, write_snapshot
from spfc.targets.sql_table import SqlTable
from spfc.targets.storage.local import LocalFolderTarget


class ListTasks(Tasks):
    """The tasks of one run of a list."""

    first = "sync_list"

    def __init__(self, job: dict[str, Any], points: Points) -> None:
        super().__init__(job, points)
        route = parse_route("house", job["route"])
        assert isinstance(route, ListRoute)
        self._route = route

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Make what changes the table and the snapshot side effects."""
        with watched_table(self.points), watched_disk(Disk(self.points, **self.job["disk"])):
            yield

    def work(self) -> None:
        """See the base class."""
        if self.do("sync_list", self._sync)["snapshot_due"]:
            self.do("write_snapshot", self._snapshot)

    def report(self, run: ListRun) -> dict[str, Any]:
        """See the base class."""
        closed = close_list(run, Path(self.job["reports"]))
        run.target.close()
        return {"verdict": closed.verdict.value, "story": closed.story}

    def opened(self) -> ListRun:
        """See the base class."""
        place = self._route.source
        run: ListRun = ListRun(
            route=self._route,
            run_id=self.job["run_id"],
            options=parse_list_options(self.job["options"]),
            database=self.ledger(),
            make_source=lambda: SharePointList(
                self.graph(), hostname=place.hostname, site_path=place.site, list_name=place.list
            ),
            make_target=lambda: SqlTable(self.job["table"], route="house", table=self._route.target.table),
            clock=self.clock,
            fence=self.fence,
        )
        return run

    def _sync(self, run: ListRun) -> dict[str, Any]:
        result = sync_list(run, box_of(run))
        return {**result, "snapshot_due": self._route.snapshot is not None and run.target.revision() is not None}

    def _snapshot(self, run: ListRun) -> dict[str, Any] | None:
        wanted = self._route.snapshot
        assert wanted is not None
        folder = wanted.target.folder
        done = write_snapshot(run, lambda: LocalFolderTarget(folder, chunk_size=self.job["chunk_size"]))
        return None if done is None else asdict(done)
