"""The tasks of one run as a process goes through them: results kept as Airflow keeps XComs, steps watched."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.crash.points import Points, WatchedDatabase

from spfc.graph.client import GraphClient
from spfc.graph.settings import GraphSettings
from spfc.ledger.runs import load_run, update_run
from spfc.steps.context import AnyRun


class Tasks(ABC):
    """The tasks of one run in the order of the DAG.

    What a task returns is kept in a file as Airflow keeps XComs: written when the task has ended, read by the tasks
    behind it, also by those of a later process. A task that has a result there is not run again.
    """

    first: str
    """The task that takes the lease and hands it on."""

    def __init__(self, job: dict[str, Any], points: Points) -> None:
        self.job, self.points = job, points
        self._file = Path(job["xcoms"])
        self._xcoms: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def run(self) -> None:
        """Run the tasks that have no result yet."""
        if self.job["only_report"]:
            self._note_killed()
        else:
            self.work()
        self.do("report", self.report)

    @abstractmethod
    def work(self) -> None:
        """Run all tasks but the report."""

    @abstractmethod
    def report(self, run: Any) -> dict[str, Any]:
        """Close the run; return ``verdict`` and ``story``, and what else the judge wants."""

    @abstractmethod
    def opened(self) -> AnyRun:
        """Return the run as a task of its own sees it."""

    def do(self, name: str, step: Callable[[Any], dict[str, Any] | None]) -> dict[str, Any]:
        """Run one task, unless it has a result, and return that."""
        if name not in self._xcoms:
            run = self.opened()
            with run.task(name):
                result = step(run)
            run.database.close()
            self._xcoms[name] = result or {}
            self._file.write_text(json.dumps(self._xcoms))
        return dict(self._xcoms[name])

    @property
    def fence(self) -> int | None:
        """The number of the lease, as the first task has handed it on."""
        return dict(self._xcoms.get(self.first, {})).get("fence")

    def ledger(self) -> WatchedDatabase:
        """Open the ledger."""
        return WatchedDatabase(self.job["ledger"], self.points)

    def clock(self) -> float:
        """Return the time of this world."""
        return time.time() + float(self.job["offset"])

    def graph(self) -> GraphClient:
        """Return a client of the simulated Graph."""
        return GraphClient(GraphSettings(**self.job["graph"]))

    def _note_killed(self) -> None:
        """What the report task does first under Airflow: tasks that died without a word are the run's error."""
        run = self.opened()
        with run.database.reading() as connection:
            known = load_run(connection, run.route.name, run.run_id)
        if known is not None and not known.error:
            with run.database.writing() as connection:
                update_run(connection, run.route.name, run.run_id, error="a task ended without a word")
