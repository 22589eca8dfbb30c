"""A list, kept in a SQL table: each change exactly once, and a snapshot that is the old one or the new one."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, inspect, text
from tests.crash.case import World
from tests.crash.library import graph_settings
from tests.crash.process import Worker
from tests.crash.shelf import CHUNK
from tests.crash.table_look import NAMES, Row, as_kept, cell, log_of, plain, state_of

from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.list_handle import ListHandle
from simulators.sharepoint.server import SharePointSimulator
from spfc.targets.records import TOUCHED
from spfc.targets.sql_table import SqlTable

if TYPE_CHECKING:
    from tests.crash.list_scenes import ListScene

LIST, TABLE, PAGE = "Contracts", "contracts", 5
_RUNS = ("run", "next")


@dataclass(frozen=True)
class Standing:
    """Everything that a crash must not change.

    ``rows`` are all in the table with their version, whether they are marked, and whether the newest full reading has
    shown them; ``log`` are the lines of all runs, ``applied`` what the run and those behind it say they did;
    ``counters`` are the table's own.
    """

    rows: dict[int, Row]
    log: Counter[tuple[int, str, str]]
    applied: dict[str, int]
    counters: dict[str, object]
    snapshot: dict[int, Row] | None


@dataclass(kw_only=True)
class TableWorld(World):
    """A list, kept in the table of a database at ``url``. ``known`` are the states in which people have left it."""

    scene: ListScene
    sharepoint: SharePointSimulator
    people: ListHandle
    url: str
    known: list[dict[int, Row]] = field(default_factory=list)
    tallies: dict[str, Counter[str]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls, tmp: Path, scene: ListScene, worker: Worker) -> Iterator[TableWorld]:
        """See the base class."""
        for name in ("library", "disk"):
            (tmp / name).mkdir()
        knobs = SharePointKnobs.from_dict(scene.sharepoint)
        with (
            scene.database(tmp) as url,
            SharePointSimulator(tmp / "library", state_dir=tmp / "sp", knobs=knobs) as sharepoint,
        ):
            people = sharepoint.lists.create(LIST, scene.columns, scene.rows)
            made = cls(tmp=tmp, scene=scene, worker=worker, sharepoint=sharepoint, people=people, url=url)
            made._look()
            for number, turn in enumerate(scene.turns, 1):
                made.run(f"turn{number}")
                turn(people)
                made._look()
            yield made

    def ends(self, run_id: str) -> dict[str, Any]:
        """See the base class."""
        graph, scene, disk = self.sharepoint, self.scene, str(self.tmp / "disk")
        place = {"type": "sharepoint_list", "hostname": graph.site_hostname, "site": graph.site_path, "list": LIST}
        snapshot = {"target": {"type": "object_storage", "url": f"{disk}/snapshots"}, "format": "csv"}
        route = {
            "source": place,
            "target": {"type": "sql_table", "connection": "db", "table": TABLE},
            "limits": {"page_size": PAGE},
            **({"snapshot": snapshot} if scene.snapshot else {}),
            **scene.route,
        }
        return {
            "kind": "list", "route": route, "options": scene.options if run_id in _RUNS else {}, "table": self.url,
            "graph": graph_settings(graph, PAGE), "disk": {"root": disk}, "chunk_size": CHUNK,
        }  # fmt: skip

    def run(self, run_id: str, **how: Any) -> None:
        """See the base class."""
        super().run(run_id, **how)
        self._note()

    def run_until(self, run_id: str, fatal: str) -> bool:
        """See the base class."""
        died = super().run_until(run_id, fatal)
        self._note()
        return died

    def standing(self) -> Standing:
        """See the base class."""
        with self._engine() as engine:
            state, log = state_of(engine), log_of(engine)
            marks = "spfc_id, spfc_version, spfc_deleted_at is not null, spfc_generation"
            with engine.connect() as connection:
                told = connection.execute(text(f"SELECT {marks} FROM {TABLE}"))
                marks_of = {row[0]: tuple(row[1:]) for row in told}
        assert state is not None
        living = self._living()
        applied: Counter[str] = Counter()
        for run_id in _RUNS:
            applied += self.tallies.get(run_id, Counter())
        counted = {name: state[name] for name in ("stage", "page", "living", "marked", "revision")}
        counted["held by the snapshot"] = state["revision"] == state["snapshot_revision"]
        # A run that is told to read everything does so again after one that died with its reading done.
        rows = {
            number: (living.get(number), version, marked, shown == state["generation"])
            for number, (version, marked, shown) in marks_of.items()
        }
        return Standing(rows, log, dict(applied), counted, self._snapshot())

    def judge_now(self) -> None:
        """The table counts itself right and holds nothing that the list never said; the snapshot is a whole one."""
        snapshot = self._snapshot()
        assert snapshot is None or snapshot in self.known, snapshot
        with self._engine() as engine:
            state = state_of(engine)
            if state is None:
                return
            assert inspect(engine).has_table(TABLE)
            with engine.connect() as connection:
                marks = text(f"SELECT count(*), count(spfc_deleted_at) FROM {TABLE}")
                rows, marked = connection.execute(marks).one()
        assert (state["living"], state["marked"]) == (rows - marked, marked)
        told = {(number, values) for each in self.known for number, values in each.items()}
        assert {(number, values) for number, values in self._living().items() if (number, values) not in told} == set()

    def judge_end(self, run_id: str) -> None:
        """See the base class, but for runs whose guard held rows; the living ones are the list, value by value."""
        summary = self.summary(run_id)
        assert summary["verdict"] == self.scene.verdict, f"{summary['story']}\n{self.log()}"
        found, wanted = self._living(), self._listed()
        assert found == wanted, {
            n: (found.get(n), wanted.get(n)) for n in found | wanted if found.get(n) != wanted.get(n)
        }
        if self.scene.snapshot:
            assert self._snapshot() == self._listed()
            assert list((self.tmp / "disk" / "snapshots").glob(".spfc*/*")) == [], "nothing is left of broken uploads"

    def judge_same(self, expected: Standing) -> None:
        """See the base class."""
        found = self.standing()
        assert found.log == expected.log, (found.log - expected.log, expected.log - found.log)
        for part in fields(Standing):
            one, other = getattr(found, part.name), getattr(expected, part.name)
            assert one == other, f"{part.name}: {one}, not {other}"

    def judge_quiet(self) -> None:
        """One more run costs one request and changes neither rows nor the snapshot."""
        before, mark = self.standing(), self.sharepoint.journal.mark()
        self.run("quiet")
        assert self.summary("quiet")["verdict"] == self.scene.verdict
        asked = [entry.operation for entry in self.sharepoint.journal.since(mark) if entry.service == "graph"]
        assert asked == ["list_delta"], asked
        self.judge_same(before)
        changes = [point for point in self.points("quiet") if not point.startswith(("commit ", "table apply"))]
        assert not changes, changes

    def move_on(self) -> bool:
        """See the base class."""
        if self.scene.later is not None:
            self.scene.later(self.people)
            self._look()
        return self.scene.later is not None

    # -- what there is to see ---------------------------------------------------------------------------

    def _look(self) -> None:
        self.known.append(self._listed())

    def _listed(self) -> dict[int, Row]:
        """Return the rows of the list as the table must show them."""
        return {number: tuple(map(as_kept, NAMES, map(row.get, NAMES))) for number, row in self.people.rows().items()}

    def _living(self) -> dict[int, Row]:
        table = SqlTable(self.url, route="house", table=TABLE)
        names = [column.sql_name for column in table.layout()]
        rows = [dict(zip(names, row, strict=True)) for row in table.scan()]
        table.close()
        return {int(str(row["spfc_id"])): tuple(map(plain, map(row.get, NAMES.values()))) for row in rows}

    def _snapshot(self) -> dict[int, Row] | None:
        file = self.tmp / "disk" / "snapshots" / "house.csv"
        if not file.exists():
            return None
        with file.open(encoding="utf-8", newline="") as stream:
            return {
                int(row["spfc_id"]): tuple(cell(name, row.get(sql)) for name, sql in NAMES.items())
                for row in csv.DictReader(stream, strict=True)
            }

    def _note(self) -> None:
        """Keep what the newest run says it has done, before the next one takes its place."""
        with self._engine() as engine:
            state = state_of(engine)
        if state is not None:
            rows = json.loads(str(state["tally"]))["rows"]
            touched = {name: rows[name] for name in rows if name in {action.value for action in TOUCHED}}
            self.tallies[str(state["run_id"])] = Counter(touched)

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        engine = create_engine(self.url)
        yield engine
        engine.dispose()
