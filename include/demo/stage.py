"""What every demo has: Airflow and the simulators set up, runs followed, verdicts counted, an end that stays up."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from demo.airflow_stack import AirflowStack
from demo.api import AirflowApi
from demo.costs import Way
from demo.problems import DemoProblem
from demo.settings import ADMIN, AirflowSettings
from demo.show import Screen
from demo.watch import RunResult, Watcher
from demo.workplace import Workplace, occupy
from simulators.launch import LaunchError, LaunchOptions, SimulatorPair

DAG_ID = "spfc_demo"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked of the demo."""

    project: Path
    port: int
    keep: bool = False
    stay: bool = True
    """Leave Airflow's UI up after the last verdict."""
    dags: Path | None = None


class Stage(ABC):
    """One demo from its data to the last verdict; `tell` returns whether every verdict was right."""

    title: str
    below: str
    way: Way = Way.UPLOAD

    def __init__(self, place: Workplace, wishes: Wishes, screen: Screen) -> None:
        self.place = place
        self.wishes = wishes
        self.screen = screen
        self._steps = 0
        self._verdicts: list[bool] = []
        self.report = ""
        """The HTML report of the last run, once there is one."""

    def tell(self) -> bool:
        """Run the demo; raises DemoProblem when it cannot go on. Everything started is stopped at the end."""
        with ExitStack() as stack:
            stack.enter_context(occupy(self.place, keep=self.wishes.keep))
            self.screen.title(self.title, self.below)
            airflow, pair = self._set_up(stack)
            api = stack.enter_context(AirflowApi(airflow.settings.url, ADMIN, airflow.settings.password))
            self.play(self._wait_for_airflow(airflow, pair, api), pair)
            good = bool(self._verdicts) and all(self._verdicts)
            self._end(airflow, good)
            if self.wishes.stay:
                self._stay(airflow)
        return good

    # -- what differs --------------------------------------------------------------------------------

    @abstractmethod
    def check(self) -> None:
        """Raise a problem if this cannot work, before anything is started."""

    @abstractmethod
    def make_data(self) -> str:
        """Make what the simulators publish, and describe it in one line."""

    def options(self) -> LaunchOptions:
        """Return how the simulators are started."""
        place = self.place
        return LaunchOptions(place.published, place.store, state=place.simulators, journal=place.journal)

    @abstractmethod
    def route_file(self, pair: SimulatorPair) -> str:
        """Return the text of the route file."""

    @abstractmethod
    def facts(self, pair: SimulatorPair, described: str) -> list[tuple[str, str]]:
        """Return where things are, for the person who watches."""

    @abstractmethod
    def play(self, watcher: Watcher, pair: SimulatorPair) -> None:
        """Let runs follow each other, with a verdict on each."""

    @abstractmethod
    def playground(self) -> tuple[str, str]:
        """Return what to change by hand while everything stays up: a name and a path."""

    # -- for those who play --------------------------------------------------------------------------

    def step(self, text: str) -> None:
        """Begin a numbered step."""
        self._steps += 1
        self.screen.step(self._steps, text)

    def judge(self, good: bool) -> None:
        """Count a verdict that was shown."""
        self._verdicts.append(good)

    def run(self, watcher: Watcher, files: int | None = None, size: int | None = None) -> RunResult:
        """Trigger a run, follow it, and judge how Airflow says that it ended."""
        with self.screen.following(files, size) as show:
            result = watcher.run(show)
        self.screen.run(result)
        self.report = str(result.report.get("html") or self.report)
        self.judge(result.succeeded)
        if not result.succeeded:
            logs = self.place.airflow / "logs"
            details = [f"{task.task_id} failed; its log is below {logs}" for task in result.failed_tasks]
            self.screen.verdict("Airflow says that the run did not succeed.", False, details)
        return result

    # -- inside --------------------------------------------------------------------------------------

    def _set_up(self, stack: ExitStack) -> tuple[AirflowStack, SimulatorPair]:
        self.step("Prepare the data, the simulators and Airflow")
        self.check()
        settings = AirflowSettings(self.place.airflow, self.wishes.project, self.wishes.port, self.wishes.dags)
        # Airflow's database takes several seconds to make: it is made while the data is written.
        airflow = stack.enter_context(AirflowStack(settings))
        airflow.begin()
        described = self.make_data()
        self.place.published.mkdir(exist_ok=True)  # SharePoint may have no part in this
        try:
            pair = stack.enter_context(SimulatorPair(self.options()))
        except LaunchError as error:
            raise DemoProblem(str(error)) from error
        self.place.routes.write_text(self.route_file(pair), encoding="utf-8")
        self.screen.facts(self.facts(pair, described))
        return airflow, pair

    def _wait_for_airflow(self, airflow: AirflowStack, pair: SimulatorPair, api: AirflowApi) -> Watcher:
        start = time.monotonic()
        with self.screen.busy("Starting Airflow: API server, scheduler, DAG processor, triggerer") as tell:
            airflow.start({**pair.environment(self.place.routes), **self.environment(pair)})
            airflow.wait_healthy(lambda left: tell(f"waiting for {left}" if left else "ready"))
            tell(f"waiting for the DAG {DAG_ID}")
            api.wait_for_dag(DAG_ID, airflow.check)
            api.unpause(DAG_ID)
        ready = f"{airflow.settings.url}  (ready in {time.monotonic() - start:.0f} s)"
        self.screen.facts([("Airflow", ready), _login(airflow)])
        return Watcher(api, DAG_ID, pair.journal, airflow.check, way=self.way)

    def environment(self, _pair: SimulatorPair) -> dict[str, str]:
        """Return further variables of Airflow's environment; nothing by default."""
        return {}

    def _end(self, airflow: AirflowStack, good: bool) -> None:
        self.step("The end")
        if self.report:
            self.screen.facts([("Report of the last run", self.report)])
        wrong = self._verdicts.count(False)
        self.screen.verdict(
            "Every verdict is right." if good else f"{wrong} of {len(self._verdicts)} verdicts are wrong.", good
        )
        if self.wishes.stay:
            self.screen.facts([("Airflow", airflow.settings.url), _login(airflow), self.playground()])
            self.screen.say("Airflow and the simulators stay up: change things, trigger the DAG. Ctrl-C ends it all.")

    def _stay(self, airflow: AirflowStack) -> None:
        """Wait for Ctrl-C, which is the proper end here."""
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                airflow.check()
                time.sleep(1)


def _login(airflow: AirflowStack) -> tuple[str, str]:
    return "Login", f"{ADMIN} / {airflow.settings.password}"
