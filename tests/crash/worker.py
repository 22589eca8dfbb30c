"""A process that has the engine imported, and becomes one run of a route after another by forking.

Each line on stdin is a JSON object (:class:`tests.crash.case.Job`); each line on stdout is the exit status, negative
for a signal. The process itself has one thread only, so that forking it is safe.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(seconds, 0.02))  # before spfc's clients take hold of it

from tests.crash.points import Points, WatchedDatabase, watched_wire  # noqa: E402

from spfc.filecloud.client import FileCloudClient  # noqa: E402
from spfc.filecloud.settings import FileCloudSettings  # noqa: E402
from spfc.graph.client import GraphClient  # noqa: E402
from spfc.graph.settings import GraphSettings  # noqa: E402
from spfc.ledger.runs import load_run, update_run  # noqa: E402
from spfc.routes import Route, parse_options, parse_route  # noqa: E402
from spfc.sources.sharepoint_library import SharePointLibrary  # noqa: E402
from spfc.steps.closing import close_run  # noqa: E402
from spfc.steps.context import RunContext  # noqa: E402
from spfc.steps.copying import transfer_batch  # noqa: E402
from spfc.steps.enumerate import enumerate_source  # noqa: E402
from spfc.steps.plan import diff_and_plan  # noqa: E402
from spfc.steps.removals import apply_removals  # noqa: E402
from spfc.steps.structure import apply_structure, create_empty_folders  # noqa: E402
from spfc.targets.filecloud import FileCloudTarget  # noqa: E402


class Tasks:
    """The tasks of one run in the order of the DAG.

    What a task returns is kept in a file as Airflow keeps XComs: written when the task has ended, read by the tasks
    behind it, also by those of a later process. A task that has a result there is not run again.
    """

    def __init__(self, job: dict[str, Any], route: Route, points: Points) -> None:
        self._job, self._route, self._points = job, route, points
        self._file = Path(job["xcoms"])
        self._xcoms: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def run(self) -> None:
        if self._job["only_report"]:
            self._note_killed()
            self._report()
            return
        enumeration = self._do("enumerate", enumerate_source)
        if enumeration["debt"]:
            self._work(self._do("diff_and_plan", diff_and_plan))
        self._report()

    def _work(self, manifest: dict[str, Any]) -> None:
        plan_id = manifest["plan_id"]
        self._do("apply_structure", lambda run: apply_structure(run, plan_id))
        for batch in manifest["batches"]:
            number = batch["batch"]
            self._do(f"transfer[{number}]", lambda run, number=number: transfer_batch(run, plan_id, number))
        self._do("create_empty_folders", lambda run: create_empty_folders(run, plan_id))
        self._do("apply_removals", lambda run: apply_removals(run, plan_id))

    def _report(self) -> None:
        self._do("report", lambda run: close_run(run, Path(self._job["reports"])).summary)

    def _do(self, name: str, step: Callable[[RunContext], dict[str, Any]]) -> dict[str, Any]:
        if name not in self._xcoms:
            run = self._open()
            with run.task(name):
                result = step(run)
            run.database.close()
            self._xcoms[name] = result
            self._file.write_text(json.dumps(self._xcoms))
        return self._xcoms[name]

    def _open(self) -> RunContext:
        job, place = self._job, self._route.source
        return RunContext(
            route=self._route,
            run_id=job["run_id"],
            options=parse_options(job["options"]),
            database=WatchedDatabase(job["ledger"], self._points),
            make_source=lambda: SharePointLibrary(
                GraphClient(GraphSettings(**job["graph"])),
                hostname=place.hostname,
                site_path=place.site,
                library=place.library,
            ),
            make_target=lambda: FileCloudTarget(
                FileCloudClient(FileCloudSettings(**job["filecloud"])), self._route.target.folder
            ),
            clock=lambda: time.time() + job["offset"],
            fence=self._xcoms.get("enumerate", {}).get("fence"),
        )

    def _note_killed(self) -> None:
        """What the report task does first under Airflow: tasks that died without a word are the run's error."""
        run = self._open()
        with run.database.reading() as connection:
            known = load_run(connection, self._route.name, run.run_id)
        if known is not None and not known.error:
            with run.database.writing() as connection:
                update_run(connection, self._route.name, run.run_id, error="a task ended without a word")


def perform(job: dict[str, Any]) -> None:
    """Run the tasks of a job that have no result yet."""
    points = Points(Path(job["points"]), job["fatal"])
    route = parse_route("house", job["route"])
    with watched_wire(points, route.target.folder):
        Tasks(job, route, points).run()


def become(job: dict[str, Any]) -> NoReturn:
    """Be one process of a run, to its end or to its fatal point."""
    os.dup2(os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    status = 1
    try:
        perform(job)
        status = 0
    except BaseException:  # noqa: BLE001  # what the interpreter does
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        if job["warm_up"]:  # here, so that everything that is loaded and compiled is inherited by all that follow
            perform(job)
            print(0, flush=True)
            continue
        child = os.fork()
        if child == 0:
            become(job)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
