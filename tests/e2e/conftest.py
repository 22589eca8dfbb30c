"""A whole run against both simulators over HTTP, without a scheduler."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.schema.watch import watching
from tests.e2e import profile

from simulators.filecloud.knobs import FileCloudKnobs
from simulators.filecloud.simulator import FileCloudSimulator
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.server import SharePointSimulator
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.settings import FileCloudSettings
from spfc.graph.client import GraphClient
from spfc.graph.settings import GraphSettings
from spfc.ledger.database import Database
from spfc.pipeline.budgets import Budgets
from spfc.routes import Route, parse_options, parse_route
from spfc.sources.sharepoint_library import SharePointLibrary
from spfc.steps.closing import Closed, close_run
from spfc.steps.context import RunContext
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.removals import apply_removals
from spfc.steps.structure import apply_structure, create_empty_folders
from spfc.targets.filecloud import FileCloudTarget


@dataclass
class House:
    """Both services, a library on disk, a store on disk, a ledger, and a way to run the route."""

    tmp: Path
    sharepoint: SharePointSimulator
    filecloud: FileCloudSimulator
    database: Database
    fields: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    clock: Callable[[], float] = time.time
    manifest: dict[str, Any] = field(default_factory=dict)
    enumeration: dict[str, Any] = field(default_factory=dict)

    @property
    def library(self) -> Path:
        return self.tmp / "library"

    @property
    def mirror(self) -> Path:
        return self.tmp / "store" / "mirror"

    def entry(self) -> dict[str, Any]:
        """Return source and target of the route."""
        return {
            "source": {
                "hostname": self.sharepoint.site_hostname,
                "site": self.sharepoint.site_path,
                "library": self.sharepoint.library_name,
            },
            "target": {"folder": f"{self.filecloud.root}/mirror"},
        }

    def route(self) -> Route:
        route = parse_route("house", {**self.entry(), **self.fields})
        assert isinstance(route, Route)
        return route

    def context(self, **options: Any) -> RunContext:
        route, settings = self.route(), self.graph_settings()
        budgets = Budgets(self.database, beat=lambda: None)
        return RunContext(
            route=route,
            run_id=f"run{next(self.numbers)}",
            options=parse_options(options),
            database=self.database,
            make_source=lambda: SharePointLibrary(
                GraphClient(settings, governor=budgets.governor(settings)),
                hostname=route.source.hostname,
                site_path=route.source.site,
                library=route.source.library,
            ),
            make_target=lambda: FileCloudTarget(FileCloudClient(self.filecloud_settings()), route.target.folder),
            clock=self.clock,
            at_end=budgets.settle,
        )

    def graph_settings(self) -> GraphSettings:
        sim = self.sharepoint
        return GraphSettings(
            tenant=sim.tenant_id,
            client_id=sim.client_id,
            client_secret=sim.client_secret,
            authority=sim.authority,
            graph_root=sim.graph_root,
        )

    def filecloud_settings(self) -> FileCloudSettings:
        sim = self.filecloud
        return FileCloudSettings(base_url=sim.url, user=sim.account, password=sim.password)

    def run(self, **options: Any) -> Closed:
        """One run of all steps, in the order of the DAG."""
        run = self.context(**options)
        with run.task("enumerate"):
            self.enumeration = enumerate_source(run)
        run = self._next_task(run)
        self.manifest = {}
        if self.enumeration["debt"] or run.options.mode.looks_at_target:
            with run.task("diff_and_plan"):
                self.manifest = diff_and_plan(run)
        if self.manifest and not run.options.dry_run:
            self._apply(run, self.manifest)
        return close_run(self._next_task(run), self.tmp / "reports")

    def _apply(self, run: RunContext, manifest: dict[str, Any]) -> None:
        plan_id = manifest["plan_id"]
        self._step(run, "apply_structure", lambda task: apply_structure(task, plan_id))
        for batch in range(len(manifest["batches"])):
            self._step(run, f"transfer[{batch}]", partial(transfer_batch, plan_id=plan_id, batch=batch))
        self._step(run, "create_empty_folders", lambda task: create_empty_folders(task, plan_id))
        self._step(run, "apply_removals", lambda task: apply_removals(task, plan_id))

    def _step(self, run: RunContext, name: str, step: Callable[[RunContext], object]) -> None:
        task = self._next_task(run)
        with task.task(name):
            step(task)

    def _next_task(self, run: RunContext) -> RunContext:
        return RunContext(
            route=run.route, run_id=run.run_id, options=run.options, database=run.database,
            make_source=run.make_source, make_target=run.make_target, clock=run.clock,
            fence=self.enumeration.get("fence"), at_end=run.at_end,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def graph_fits_the_metadata() -> Iterator[None]:
    """Whatever the simulated Graph answers in these tests fits Microsoft's metadata."""
    with watching():
        yield


@contextmanager
def housed(tmp: Path, graph: SharePointKnobs | None = None, cloud: FileCloudKnobs | None = None) -> Iterator[House]:
    """Run a house below an empty folder, its services behaving as the knobs say."""
    (tmp / "library").mkdir()
    (tmp / "store").mkdir()
    with (
        SharePointSimulator(tmp / "library", state_dir=tmp / "sp", knobs=graph) as sharepoint,
        FileCloudSimulator(tmp / "store", state_dir=tmp / "fc", knobs=cloud) as filecloud,
    ):
        database = Database(f"sqlite:///{tmp / 'ledger.db'}")
        yield House(tmp, sharepoint, filecloud, database)
        database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with housed(tmp_path, cloud=profile.KNOBS) as made:
        yield made
