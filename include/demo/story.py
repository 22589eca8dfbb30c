"""The story that the demo tells: copy everything, copy nothing, follow changes, bring things back."""

from __future__ import annotations

import contextlib
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from demo.airflow_stack import AirflowStack
from demo.api import AirflowApi
from demo.compare import compare
from demo.edits import Office
from demo.problems import DemoProblem
from demo.sample_library import SampleLibrary, build, survey
from demo.settings import ADMIN, AirflowSettings
from demo.show import Screen, human_size
from demo.watch import RunResult, Watcher
from demo.workplace import Workplace, check_room, occupy
from simulators.launch import LaunchError, LaunchOptions, SimulatorPair
from spfc.planning.scope import PathGlobs
from spfc.routes import Filters

DAG_ID = "spfc_demo"
LIMITS = {"batch_files": 100, "workers": 8}
"""Smaller batches than a route's default, so that a few hundred files show more than one transfer task."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked of the demo."""

    project: Path
    port: int
    keep: bool = False
    stay: bool = True
    """Leave Airflow's UI up after the last verdict."""
    dags: Path | None = None


class Story:
    """One demo from the library to the last verdict; `tell` returns whether every verdict was right."""

    def __init__(self, place: Workplace, wishes: Wishes, screen: Screen) -> None:
        self._place = place
        self._wishes = wishes
        self._screen = screen
        self._steps = 0
        self._verdicts: list[bool] = []
        self._report = ""

    def tell(self) -> bool:
        """Run the demo; raises DemoProblem when it cannot go on. Everything started is stopped at the end."""
        with ExitStack() as stack:
            stack.enter_context(occupy(self._place, keep=self._wishes.keep))
            self._screen.title(
                "spfc: SharePoint library -> FileCloud",
                "A real Airflow, two local simulators, and a comparison byte by byte after every run.",
            )
            airflow, pair, library = self._set_up(stack)
            api = stack.enter_context(AirflowApi(airflow.settings.url, ADMIN, airflow.settings.password))
            watcher = self._wait_for_airflow(airflow, pair, api)
            if self._first_run(watcher, pair, library):
                self._free_run(watcher, "Run it again: nothing has changed")
                if not self._place.own:
                    self._changing_runs(watcher, pair)
            good = bool(self._verdicts) and all(self._verdicts)
            self._end(airflow, good)
            if self._wishes.stay:
                self._stay(airflow)
        return good

    # -- beginning -----------------------------------------------------------------------------------

    def _set_up(self, stack: ExitStack) -> tuple[AirflowStack, SimulatorPair, SampleLibrary]:
        self._step("Prepare the library, the simulators and Airflow")
        library = survey(self._place.library) if self._place.own else None
        if library is not None:
            check_room(self._place, library.size)
        settings = AirflowSettings(self._place.airflow, self._wishes.project, self._wishes.port, self._wishes.dags)
        # Airflow's database takes several seconds to make: it is made while the library is written.
        airflow = stack.enter_context(AirflowStack(settings))
        airflow.begin()
        library = library or self._sample()
        pair = stack.enter_context(self._pair())
        self._place.routes.write_text(pair.route_file(LIMITS), encoding="utf-8")
        self._screen.facts(
            [
                ("Library", f"{library.root}  ({_describe(library)})"),
                ("SharePoint", f"{pair.sharepoint.url}  (simulator)"),
                ("FileCloud", f"{pair.filecloud.url}  (simulator, stores into {self._place.store})"),
            ]
        )
        return airflow, pair, library

    def _sample(self) -> SampleLibrary:
        root = self._place.library
        if root.is_dir() and any(root.iterdir()):
            return survey(root)
        with self._screen.busy("Writing a sample library of real documents") as tell:
            return build(root, tell=lambda done, of: tell(f"{done} of {of}"))

    def _pair(self) -> SimulatorPair:
        options = LaunchOptions(
            self._place.library, self._place.store, state=self._place.simulators, journal=self._place.journal
        )
        try:
            return SimulatorPair(options)
        except LaunchError as error:
            raise DemoProblem(str(error)) from error

    def _wait_for_airflow(self, airflow: AirflowStack, pair: SimulatorPair, api: AirflowApi) -> Watcher:
        start = time.monotonic()
        with self._screen.busy("Starting Airflow: API server, scheduler, DAG processor, triggerer") as tell:
            airflow.start(pair.environment(self._place.routes))
            airflow.wait_healthy(lambda left: tell(f"waiting for {left}" if left else "ready"))
            tell(f"waiting for the DAG {DAG_ID}")
            api.wait_for_dag(DAG_ID, airflow.check)
            api.unpause(DAG_ID)
        self._screen.facts(
            [
                ("Airflow", f"{airflow.settings.url}  (ready in {time.monotonic() - start:.0f} s)"),
                _login(airflow),
            ]
        )
        return Watcher(api, DAG_ID, pair.journal, airflow.check)

    # -- runs ----------------------------------------------------------------------------------------

    def _first_run(self, watcher: Watcher, pair: SimulatorPair, library: SampleLibrary) -> bool:
        """Return whether it makes sense to go on."""
        fresh = not self._place.store.joinpath(pair.mirror.name).exists()
        self._step("First run: copy the whole library" if fresh else "First run: catch up with the library")
        result = self._run(watcher, library if fresh else None)
        self._compare(pair)
        return result.succeeded

    def _free_run(self, watcher: Watcher, heading: str) -> None:
        self._step(heading)
        result = self._run(watcher, None)
        self._verdicts.append(result.succeeded and result.is_free())
        self._screen.verdict(
            f"A run without changes: {result.costs.of('graph')} Graph request, "
            f"{result.costs.of('filecloud')} FileCloud calls, {result.transfers} transfer tasks "
            "(promised: 1, 0, 0).",
            self._verdicts[-1],
        )

    def _changing_runs(self, watcher: Watcher, pair: SimulatorPair) -> None:
        # What an earlier demo deleted and never restored is gone for good now.
        shutil.rmtree(self._place.trash, ignore_errors=True)
        office = Office(self._place.library, self._place.trash)
        rounds = (
            ("People edit, rename, move and delete; the next run follows", office.first_round),
            ("A deleted file and a deleted folder are restored", office.second_round),
        )
        for heading, act in rounds:
            self._step(heading)
            self._screen.changes(act())
            self._run(watcher, None)
            self._compare(pair)

    def _run(self, watcher: Watcher, expected: SampleLibrary | None) -> RunResult:
        files, size = (expected.files, expected.size) if expected else (None, None)
        with self._screen.following(files, size) as show:
            result = watcher.run(show)
        self._screen.run(result)
        self._report = str(result.report.get("html") or self._report)
        self._verdicts.append(result.succeeded)
        if not result.succeeded:
            logs = self._place.airflow / "logs"
            details = [f"{task.task_id} failed; its log is below {logs}" for task in result.failed_tasks]
            self._screen.verdict("Airflow says that the run did not succeed.", False, details)
        return result

    def _compare(self, pair: SimulatorPair) -> None:
        unwanted = PathGlobs(Filters().exclude)
        with self._screen.busy("Comparing the library with what FileCloud has stored"):
            comparison = compare(self._place.library, pair.mirror, wanted=lambda path: not unwanted.covers(path))
        self._verdicts.append(comparison.equal)
        self._screen.comparison(comparison, self._report)

    # -- end -----------------------------------------------------------------------------------------

    def _end(self, airflow: AirflowStack, good: bool) -> None:
        self._step("The end")
        if self._report:
            self._screen.facts([("Report of the last run", self._report)])
        wrong = self._verdicts.count(False)
        self._screen.verdict(
            "Every verdict is right." if good else f"{wrong} of {len(self._verdicts)} verdicts are wrong.",
            good,
        )
        if self._wishes.stay:
            self._screen.facts(
                [
                    ("Airflow", airflow.settings.url),
                    _login(airflow),
                    ("Library to play with", str(self._place.library)),
                ]
            )
            self._screen.say(
                "Airflow and the simulators stay up: change the library, trigger the DAG. Ctrl-C ends it all."
            )

    def _stay(self, airflow: AirflowStack) -> None:
        """Wait for Ctrl-C, which is the proper end here."""
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                airflow.check()
                time.sleep(1)

    def _step(self, text: str) -> None:
        self._steps += 1
        self._screen.step(self._steps, text)


def _login(airflow: AirflowStack) -> tuple[str, str]:
    return "Login", f"{ADMIN} / {airflow.settings.password}"


def _describe(library: SampleLibrary) -> str:
    return (
        f"{library.files} files, {library.folders} folders, {library.empty_folders} of them empty, "
        f"{human_size(library.size)}, largest {human_size(library.largest)}"
    )
