"""One crash: a world, a run that dies at one point, the way back, and what must be true then."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select
from tests.crash.process import KILLED, Worker

from spfc.ledger.database import Database
from spfc.ledger.debts import debt_summary
from spfc.ledger.leases import LEASE_SECONDS
from spfc.ledger.schema import plan_lines, plans, runs


class WayBack(StrEnum):
    """What happens after the kill."""

    RETRY = "retry"
    """The same task is tried again, then the tasks behind it follow: the lease is still the run's."""
    ANEW = "anew"
    """Nobody comes back; when the lease has expired, a new run begins."""
    REPORT = "report"
    """The task is given up; the report closes the run, and a new one follows."""


class Staged(Protocol):
    """A scene, which names the house that it plays in."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def house(self) -> type[World]:
        """The kind of world."""


@dataclass(kw_only=True)
class World(ABC):
    """The services of a scene, the ledger, and a way to run the route in processes of their own.

    A kind of world, with its ends, its points and its judge, is a subclass.
    """

    tmp: Path
    scene: Any
    worker: Worker
    offset: float = 0.0
    """How many seconds the clock of the runs is ahead."""

    # -- what each kind is about ------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def opened(cls, tmp: Path, scene: Any, worker: Worker) -> AbstractContextManager[World]:
        """Make the world of a scene, up to the run that is going to die."""

    @abstractmethod
    def ends(self, run_id: str) -> dict[str, Any]:
        """Return what the worker must know of this kind of run."""

    @abstractmethod
    def standing(self) -> Any:
        """Return everything that a crash must not change."""

    @abstractmethod
    def judge_now(self) -> None:
        """Judge what must hold at every moment, also right after a kill."""

    @abstractmethod
    def judge_end(self, run_id: str) -> None:
        """Judge the run that ends it all: it is green, and target and source are the same."""

    @abstractmethod
    def judge_same(self, expected: Any) -> None:
        """Judge that things stand as if nobody had been killed."""

    @abstractmethod
    def judge_quiet(self) -> None:
        """Judge one more run: it costs one request and changes nothing."""

    @abstractmethod
    def move_on(self) -> bool:
        """Let people go on working after the crash, as the scene wants; False when they do not."""

    # -- runs -------------------------------------------------------------------------------------------

    @property
    def ledger(self) -> str:
        """The address of the ledger."""
        return f"sqlite:///{self.tmp / 'ledger.db'}"

    def job(
        self, run_id: str, *, fatal: str | None = None, only_report: bool = False, warm_up: bool = False
    ) -> dict[str, Any]:
        """Return what the worker is told of a run."""
        return {
            **self.ends(run_id),
            "ledger": self.ledger,
            "run_id": run_id,
            "offset": self.offset,
            "fatal": fatal,
            "only_report": only_report,
            "warm_up": warm_up,
            "xcoms": str(self.tmp / f"{run_id}.xcoms"),
            "points": str(self.tmp / f"{run_id}.points"),
            "log": str(self.tmp / "log"),
            "reports": str(self.tmp / "reports"),
        }

    def run(self, run_id: str, **how: Any) -> None:
        """Run to the end; whatever goes wrong is raised with what the process said."""
        status = self.worker.run(self.job(run_id, **how))
        assert status == 0, f"run {run_id} ended with {status}:\n{self.log()}"

    def run_until(self, run_id: str, fatal: str) -> bool:
        """Run until the fatal point; False when the run never came to it and ended well."""
        status = self.worker.run(self.job(run_id, fatal=fatal))
        assert status in (KILLED, 0), f"run {run_id} ended with {status}:\n{self.log()}"
        return status == KILLED

    def points(self, run_id: str) -> list[str]:
        """Return the points that a run has passed, over all its processes."""
        path = self.tmp / f"{run_id}.points"
        return path.read_text().splitlines() if path.exists() else []

    def log(self) -> str:
        """Return the end of what the processes said."""
        path = self.tmp / "log"
        return path.read_text()[-4000:] if path.exists() else ""

    def summary(self, run_id: str) -> dict[str, Any]:
        """Return what the report of a run came to. Raises KeyError when there was none."""
        found: dict[str, Any] = json.loads((self.tmp / f"{run_id}.xcoms").read_text())["report"]
        return found


@contextmanager
def world(tmp: Path, scene: Staged, worker: Worker, empty_ledger: bytes) -> Iterator[Any]:
    """Make the world of a scene below ``tmp``, up to the run that is going to die."""
    tmp.mkdir(parents=True)
    (tmp / "ledger.db").write_bytes(empty_ledger)
    with scene.house.opened(tmp, scene, worker) as made:
        yield made


def warmed_up(tmp: Path, *scenes: Staged) -> tuple[Worker, bytes]:
    """Return a worker that has seen a run of each scene, and the bytes of a migrated ledger nobody has written to."""
    worker, clean = Worker(), _empty_ledger(tmp)
    warm_up(tmp, scenes, worker, clean)
    return worker, clean


def warm_up(tmp: Path, scenes: Iterable[Staged], worker: Worker, clean: bytes) -> None:
    """Let a worker see a run of each scene, which makes all later ones of their houses fast."""
    for scene in scenes:
        with world(tmp / f"warm-{scene.name}", scene, worker, clean) as at:
            at.run("warm", warm_up=True)


def undisturbed(at: World) -> tuple[Any, list[str]]:
    """Run once to the end; return how things stand then, and every point that was passed."""
    at.run("run")
    at.judge_now()
    at.judge_end("run")
    return at.standing(), at.points("run")


def crash(at: World, point: str, way: WayBack, expected: Any) -> bool:
    """Die at ``point``, come back, and judge. False when the run never came to the point."""
    died = at.run_until("run", point)
    at.judge_now()
    moved = at.move_on()
    if died and way is WayBack.ANEW:
        at.offset += LEASE_SECONDS + 60
    elif died:
        at.run("run", only_report=way is WayBack.REPORT)
        at.judge_now()
    last = "next" if moved or (died and way is not WayBack.RETRY) else "run"
    if last == "next":
        at.run("next")
        at.judge_now()
    at.judge_end(last)
    if not moved:
        at.judge_same(expected)
    judge_ledger(at)
    at.judge_quiet()
    return died


def judge_ledger(at: World) -> None:
    """Nothing half-done is left: no line without outcome, no line without plan, no run without end."""
    database = Database(at.ledger)
    with database.reading() as connection:
        owed, _ = debt_summary(connection, "house")
        pending = connection.execute(select(plan_lines.c.plan_id).where(plan_lines.c.outcome == "pending")).all()
        stray = connection.execute(
            select(plan_lines.c.plan_id).where(plan_lines.c.plan_id.not_in(select(plans.c.plan_id)))
        ).all()
        ends = {row.run_id: (row.ended_at, row.verdict) for row in connection.execute(select(runs))}
    database.close()
    assert owed == 0
    assert not stray, f"lines of plans that were never sealed: {Counter(stray)}"
    assert not pending, f"lines without an outcome: {Counter(pending)}"
    assert all(ended and verdict for ended, verdict in ends.values()), f"runs without an end: {ends}"


def _empty_ledger(tmp: Path) -> bytes:
    """Return the bytes of a migrated ledger that nobody has written to."""
    tmp.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{tmp / 'empty.db'}")
    with database.reading():
        pass
    database.close()
    return (tmp / "empty.db").read_bytes()
