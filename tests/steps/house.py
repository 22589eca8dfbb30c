"""A route between a source and a target in memory, with a ledger on disk and a clock that tests move."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.planning.trees import ROOT, file, folder

from spfc.ledger.database import Database
from spfc.ledger.debts import debt_summary
from spfc.ledger.leases import release_lease
from spfc.ledger.plans import StoredLine, stored_lines
from spfc.ledger.runs import update_run
from spfc.planning.model import SourceItem
from spfc.routes import parse_options, parse_route
from spfc.sources.memory import MemorySource
from spfc.steps.context import RunContext
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.first_look import end_look
from spfc.steps.plan import diff_and_plan
from spfc.steps.removals import apply_removals
from spfc.steps.structure import apply_structure, create_empty_folders
from spfc.targets.memory import MemoryTarget


class Clock:
    """Moves by a step whenever it is read, so that no two moments are the same."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.step = 1.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@dataclass
class House:
    folder: Path
    fields: dict[str, Any] = field(default_factory=dict)
    source: MemorySource = field(default_factory=MemorySource)
    target: MemoryTarget = field(default_factory=lambda: MemoryTarget(16))
    clock: Clock = field(default_factory=Clock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    enumeration: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database = Database(f"sqlite:///{self.folder / 'ledger.db'}")

    def context(self, run_id: str = "", **options: Any) -> RunContext:
        place = {"source": {"hostname": "h", "site": "/s"}, "target": {"folder": "/team/mirror"}}
        return RunContext(
            route=parse_route("house", {**place, **self.fields}),
            run_id=run_id or f"run{next(self.numbers)}",
            options=parse_options(options),
            database=self.database,
            make_source=lambda: self.source,
            make_target=lambda: self.target,
            clock=self.clock,
        )

    def file(self, item_id: str, parent: str, name: str, body: str = "body", **more: Any) -> SourceItem:
        item = file(item_id, parent, name, body, **more)
        return self.source.put(item, body.encode())

    def run(self, **options: Any) -> RunContext:
        """One run of all steps, as the DAG does; the lease stays with it until :meth:`end`."""
        run = self.context(**options)
        self.enumeration = enumerate_source(run)
        self.manifest, self.results = {}, {}
        if self.enumeration["debt"] or run.options.mode.looks_at_target:
            self.manifest = diff_and_plan(run)
            if not run.options.dry_run:
                self.execute(run)
        self.end(run)
        return run

    def execute(self, run: RunContext) -> None:
        plan_id = self.manifest["plan_id"]
        self.results["structure"] = apply_structure(run, plan_id)
        for batch in self.manifest["batches"]:
            self.results[f"transfer{batch['batch']}"] = transfer_batch(run, plan_id, batch["batch"])
        self.results["empty"] = create_empty_folders(run, plan_id)
        self.results["removals"] = apply_removals(run, plan_id)

    def end(self, run: RunContext) -> None:
        """What closing a run means to the ledger, without the report."""
        with self.database.writing() as connection:
            if self.manifest and not run.options.dry_run:
                end_look(connection, "house", self.manifest["plan_id"])
            update_run(connection, "house", run.run_id, ended_at=self.clock())
            release_lease(connection, "house", run.fence or 0)

    def end_badly(self) -> None:
        """Close the last run as the report does when lines have failed."""
        from spfc.ledger.runs import recent_runs, update_run

        with self.database.writing() as connection:
            last = recent_runs(connection, "house", 1)[0]
            update_run(connection, "house", last.run_id, verdict="failed")

    def lines(self) -> list[StoredLine]:
        with self.database.reading() as connection:
            return list(stored_lines(connection, self.manifest["plan_id"]))

    def told(self) -> set[tuple[str, str, str]]:
        """Return path, action and outcome of every line of the last plan."""
        return {(stored.line.path, stored.line.action.value, stored.outcome.value) for stored in self.lines()}

    def debt(self) -> int:
        with self.database.reading() as connection:
            return debt_summary(connection, "house")[0]

    def publish(self, *pages: Iterable[SourceItem]) -> None:
        self.source.publish(*pages)

    def fill(self) -> None:
        self.publish(
            [ROOT, folder("a", "root", "A"), self.file("1", "a", "one.txt", "first body")],
            [folder("e", "root", "Empty"), self.file("2", "root", "two.txt", ""), self.file("3", "a", "3.txt", "3")],
        )


FILLED = {
    "/A": None,
    "/A/one.txt": b"first body",
    "/A/3.txt": b"3",
    "/Empty": None,
    "/two.txt": b"",
}
"""What the target shows after :meth:`House.fill` and a run."""
