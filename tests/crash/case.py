"""One crash: a world, a run that dies at one point, the way back, and what must be true then."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from sqlalchemy import select
from tests.crash.scenes import CHUNK, Scene, Shelf, noticed_by

from simulators.filecloud.knobs import FileCloudKnobs
from simulators.filecloud.simulator import FileCloudSimulator
from simulators.sharepoint import scan
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.server import SharePointSimulator
from spfc.ledger.database import Database
from spfc.ledger.debts import debt_summary
from spfc.ledger.leases import LEASE_SECONDS
from spfc.ledger.schema import plan_lines, plans, runs

PROJECT = Path(__file__).parents[2]
KILLED = -9
LIMITS = {"page_size": 5, "workers": 1, "batch_files": 4}
"""Small, so that there are several pages and several transfer tasks; one worker, so that few things interleave."""


class WayBack(StrEnum):
    """What happens after the kill."""

    RETRY = "retry"
    """The same task is tried again, then the tasks behind it follow: the lease is still the run's."""
    ANEW = "anew"
    """Nobody comes back; when the lease has expired, a new run begins."""
    REPORT = "report"
    """The task is given up; the report closes the run, and a new one follows."""


class Worker:
    """The warm process that runs are forked from."""

    def __init__(self) -> None:
        path = {"PYTHONPATH": ":".join(str(PROJECT / part) for part in ("plugins", "include", "."))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=path,
        )  # fmt: skip
        assert self._answer() == "ready"

    def run(self, job: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@dataclass(frozen=True)
class Standing:
    """Everything that a crash must not change: what lies at the target when all is done.

    ``files`` are bytes, time and number of versions by path; of what was retired, the day is cut from the path.
    """

    files: dict[str, tuple[bytes, int, int]]
    folders: frozenset[str]
    recycled: tuple[int, int]
    uploads: int


@dataclass
class World:
    """Both services, the ledger, and a way to run the route in processes of their own."""

    tmp: Path
    scene: Scene
    worker: Worker
    sharepoint: SharePointSimulator
    filecloud: FileCloudSimulator
    shelf: Shelf
    offset: float = 0.0
    _numbers: Counter[str] = field(default_factory=Counter)

    @property
    def ledger(self) -> str:
        return f"sqlite:///{self.tmp / 'ledger.db'}"

    def job(
        self, run_id: str, *, fatal: str | None = None, only_report: bool = False, warm_up: bool = False
    ) -> dict[str, Any]:
        cloud, graph, scene = self.filecloud, self.sharepoint, self.scene
        place = {"hostname": graph.site_hostname, "site": graph.site_path, "library": graph.library_name}
        route = {"source": place, "target": {"folder": f"{cloud.root}/{scene.target}"}, "limits": LIMITS}
        return {
            "ledger": self.ledger,
            "route": {**route, **scene.route},
            "options": scene.options if run_id not in ("first", "quiet") else {},
            "graph": {
                "tenant": graph.tenant_id, "client_id": graph.client_id, "client_secret": graph.client_secret,
                "authority": graph.authority, "graph_root": graph.graph_root, "page_size": LIMITS["page_size"],
            },
            "filecloud": {
                "base_url": cloud.url, "user": cloud.account, "password": cloud.password, "chunk_size": CHUNK,
            },
            "run_id": run_id,
            "offset": self.offset,
            "fatal": fatal,
            "only_report": only_report,
            "warm_up": warm_up,
            "xcoms": str(self.tmp / f"{run_id}.xcoms"),
            "points": str(self.tmp / f"{run_id}.points"),
            "log": str(self.tmp / "log"),
            "reports": str(self.tmp / "reports"),
        }  # fmt: skip

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
        return (self.tmp / f"{run_id}.points").read_text().splitlines()

    def log(self) -> str:
        path = self.tmp / "log"
        return path.read_text()[-4000:] if path.exists() else ""

    def summary(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.tmp / f"{run_id}.xcoms").read_text())["report"]
        return found

    def standing(self) -> Standing:
        store, history = self.tmp / "store", self.filecloud.world.history
        files: dict[str, tuple[bytes, int, int]] = {}
        folders = set()
        for path in store.rglob("*"):
            relative = path.relative_to(store)
            name = str(relative)
            if ".quarantine/" in name:
                name = "/".join((relative.parts[0], "<day>", *relative.parts[2:]))
            if path.is_dir():
                folders.add(name)
            else:
                versions = history.of(self.filecloud.world.find(f"{self.filecloud.root}/{relative}").key)
                files[name] = path.read_bytes(), int(path.stat().st_mtime), len(versions)
        uploads = self.filecloud.journal.count(operation="upload")
        return Standing(files, frozenset(folders), self.filecloud.world.bin.usage(), uploads)


@contextmanager
def _same_ids() -> Iterator[None]:
    """Let items have the same ids in every world of a scene: points are named after some, plans are ordered by them."""
    dice = random.Random(1)
    drawn = SimpleNamespace(uuid4=lambda: uuid.UUID(int=dice.getrandbits(128), version=4))
    with patch.object(scan, "uuid", drawn):  # the module's own name only: nobody else's draws come in between
        yield


@contextmanager
def world(tmp: Path, scene: Scene, worker: Worker, empty_ledger: bytes) -> Iterator[World]:
    """Make the world of a scene, up to the run that is going to die."""
    for name in ("library", "store"):
        (tmp / name).mkdir(parents=True)
    (tmp / "ledger.db").write_bytes(empty_ledger)
    shelf = Shelf(tmp / "library")
    scene.synced(shelf)
    scene.placed(Shelf(tmp / "store"))
    with (
        _same_ids(),
        SharePointSimulator(
            tmp / "library", state_dir=tmp / "sp", knobs=SharePointKnobs.from_dict(scene.sharepoint)
        ) as sharepoint,
        FileCloudSimulator(
            tmp / "store", state_dir=tmp / "fc", knobs=FileCloudKnobs.from_dict(scene.filecloud)
        ) as filecloud,
    ):
        made = World(tmp, scene, worker, sharepoint, filecloud, shelf)
        if scene.first_run:
            made.run("first")
        scene.edited(shelf, noticed_by(sharepoint))
        yield made
    filecloud.close()


def warmed_up(tmp: Path, scene: Scene) -> tuple[Worker, bytes]:
    """Return a worker that has seen a run, and the bytes of a migrated ledger that nobody has written to."""
    worker, clean = Worker(), _empty_ledger(tmp)
    with world(tmp / "warm", scene, worker, clean) as at:
        at.run("warm", warm_up=True)
    return worker, clean


def undisturbed(at: World) -> tuple[Standing, list[str]]:
    """Run once to the end; return how things stand then, and every point that was passed."""
    at.run("run")
    judge_end(at, "run")
    return at.standing(), at.points("run")


def crash(at: World, point: str, way: WayBack, expected: Standing) -> bool:
    """Die at ``point``, come back, and judge. False when the run never came to the point."""
    died = at.run_until("run", point)
    later = at.scene.later
    if later is not None:
        later(at.shelf)
    if died and way is WayBack.ANEW:
        at.offset += LEASE_SECONDS + 60
    elif died:
        at.run("run", only_report=way is WayBack.REPORT)
    last = "next" if later or (died and way is not WayBack.RETRY) else "run"
    if last == "next":
        at.run("next")
    judge_end(at, last)
    if later is None:
        _judge_target(at.standing(), expected)
    judge_ledger(at)
    judge_quiet(at)
    return died


def judge_end(at: World, run_id: str) -> None:
    """The closing run is green, owes nothing, and its report adds up line by line."""
    summary = at.summary(run_id)
    assert (summary["verdict"], summary["debt"]) == ("green", 0), f"{summary['story']}\n{at.log()}"
    with Path(summary["csv"]).open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len({line["seq"] for line in lines}) == len(lines)
    assert {line["outcome"] for line in lines} <= {"done", "skipped"}, [x for x in lines if x["outcome"] != "done"]
    library, mirror = at.tmp / "library", at.tmp / "store" / at.scene.target
    assert _tree(mirror) == _tree(library)


def _tree(root: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


def _judge_target(found: Standing, expected: Standing) -> None:
    different = {
        path: (_short(found.files.get(path)), _short(expected.files.get(path)))
        for path in found.files.keys() | expected.files.keys()
        if found.files.get(path) != expected.files.get(path)
    }
    assert not different, f"found, expected: {different}"
    assert found.folders == expected.folders
    assert found.recycled == expected.recycled
    # One file in flight, and one that had just arrived: at most its first chunk is sent in vain.
    assert found.uploads <= expected.uploads + 4, (found.uploads, expected.uploads)


def _short(file: tuple[bytes, int, int] | None) -> object:
    return None if file is None else (file[0][:20], *file[1:])


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


def judge_quiet(at: World) -> None:
    """One more run costs one request and changes nothing."""
    graph, cloud = at.sharepoint.journal.mark(), at.filecloud.journal.mark()
    at.run("quiet")
    assert at.summary("quiet")["verdict"] == "green"
    asked = [entry.operation for entry in at.sharepoint.journal.since(graph) if entry.service == "graph"]
    assert asked == ["delta"], asked
    assert at.filecloud.journal.since(cloud) == []


def _empty_ledger(tmp: Path) -> bytes:
    """Return the bytes of a migrated ledger that nobody has written to."""
    tmp.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{tmp / 'empty.db'}")
    with database.reading():
        pass
    database.close()
    return (tmp / "empty.db").read_bytes()
