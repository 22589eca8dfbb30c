"""Triggers one run of the DAG through Airflow's API and follows it to its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.api import FINISHED, AirflowApi, TaskState
from demo.costs import Costs, Traffic, Way
from demo.problems import DemoProblem
from simulators.common.journal import Journal

TRANSFER = "transfer"
REPORT = "report"
_PIPELINE = (
    "sync_list",
    "write_snapshot",
    "enumerate",
    "diff_and_plan",
    "apply_structure",
    TRANSFER,
    "create_empty_folders",
    "approve_removals",
    "apply_removals",
    REPORT,
)
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at one moment: the state of each task, the files and bytes that went over, seconds since the trigger."""

    state: str
    tasks: tuple[TaskState, ...]
    files: int
    size: int
    seconds: float

    def by_task(self) -> dict[str, Counter[str]]:
        """Return how many instances of each task are in which state."""
        return _count(self.tasks)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended and what it cost. `report` is what the report task handed over, {} if nothing."""

    run_id: str
    state: str
    seconds: float
    tasks: tuple[TaskState, ...]
    files: int
    size: int
    costs: Costs
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """True when Airflow calls the run a success."""
        return self.state == "success"

    def by_task(self) -> dict[str, Counter[str]]:
        """Return how many instances of each task ended in which state."""
        return _count(self.tasks)

    @property
    def transfers(self) -> int:
        """How many mapped transfer tasks the run had."""
        return sum(_leaf(task) == TRANSFER and task.map_index >= 0 for task in self.tasks)

    @property
    def failed_tasks(self) -> list[TaskState]:
        """The task instances that failed."""
        return [task for task in self.tasks if task.state == "failed"]


class Watcher:
    """Runs the DAG and reports progress; `check` may raise when Airflow itself is in trouble."""

    def __init__(
        self,
        api: AirflowApi,
        dag_id: str,
        journal: Journal,
        check: Callable[[], None],
        timeout_s: float = 3600,
        way: Way = Way.UPLOAD,
    ) -> None:
        self._api = api
        self._dag = dag_id
        self._journal = journal
        self._check = check
        self._timeout = timeout_s
        self._way = way

    def run(self, show: Callable[[Progress], None], conf: Mapping[str, Any] | None = None) -> RunResult:
        """Trigger a run, call `show` with each state of affairs, return the result when it has ended.

        Raises DemoProblem when the run does not end in time.
        """
        before, traffic = self._journal.totals(), Traffic(self._journal, self._way)
        run_id = self._api.trigger(self._dag, conf)
        progress: Progress | None = None
        for progress in self._poll(run_id, traffic):
            show(progress)
        if progress is None:
            raise DemoProblem(f"The run {run_id} could not be followed.")
        return RunResult(
            run_id=run_id,
            state=progress.state,
            seconds=progress.seconds,
            tasks=progress.tasks,
            files=progress.files,
            size=progress.size,
            costs=Costs.between(before, self._journal.totals()),
            report=self._report(run_id, progress.tasks),
        )

    def _poll(self, run_id: str, traffic: Traffic) -> Iterator[Progress]:
        start = time.monotonic()
        while True:
            self._check()
            # The state is read before the tasks, so that an ended run shows the last state of its tasks.
            state = self._api.run_state(self._dag, run_id)
            tasks = tuple(self._api.tasks(self._dag, run_id))
            traffic.update()
            seconds = time.monotonic() - start
            yield Progress(state, tasks, traffic.files, traffic.size, seconds)
            if state in FINISHED:
                return
            if seconds > self._timeout:
                raise DemoProblem(f"The run {run_id} did not end within {self._timeout:.0f} s.")
            time.sleep(_POLL_S)

    def _report(self, run_id: str, tasks: tuple[TaskState, ...]) -> Mapping[str, Any]:
        task_id = next((task.task_id for task in tasks if _leaf(task) == REPORT), None)
        value = self._api.xcom(self._dag, run_id, task_id) if task_id else None
        return value if isinstance(value, Mapping) else {}


def _count(tasks: Iterable[TaskState]) -> dict[str, Counter[str]]:
    """Count states by task, tasks in the order of the pipeline where it is known."""
    found: dict[str, Counter[str]] = {}
    for task in sorted(tasks, key=lambda task: _PIPELINE.index(_leaf(task)) if _leaf(task) in _PIPELINE else 99):
        found.setdefault(_leaf(task), Counter())[task.state] += 1
    return found


def _leaf(task: TaskState) -> str:
    """Return the name of a task without the groups around it."""
    return task.task_id.rpartition(".")[2]
