"""The life of one route in memory: turns of changes and a run, with trouble, crashes and repeated steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from tests.steps.history import Library, Step
from tests.steps.house import Clock

from spfc.errors import (
    CursorExpired,
    NameRefused,
    PermissionMissing,
    QuotaFull,
    ReplyLost,
    ServiceBusy,
    SpfcError,
    TargetLocked,
    Throttled,
)
from spfc.ledger.database import Database
from spfc.ledger.debts import debt_summary
from spfc.ledger.leases import LEASE_SECONDS, fence_of
from spfc.ledger.plans import StoredLine, stored_lines
from spfc.ledger.rows import SOURCE_COLUMNS, SYNCED_COLUMNS, source_item, synced_item
from spfc.ledger.runs import load_run, update_run
from spfc.ledger.schema import plans, source_items, synced_items
from spfc.planning.model import Kind, SourceItem, SyncedItem
from spfc.reporting.model import LineOutcome, RunSummary
from spfc.reporting.report import ReportFiles
from spfc.reporting.tally import count_lines
from spfc.reporting.totals import verdict
from spfc.routes import parse_options, parse_route
from spfc.steps.closing import Closed, close_run
from spfc.steps.context import RunContext
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.removals import apply_removals
from spfc.steps.structure import apply_structure, create_empty_folders
from spfc.targets.base import Made, PutSpec
from spfc.targets.memory import MemoryTarget
from spfc.transfer.crew import Crew, Ended

STRANGERS = {"/zz": None, "/zz/theirs.txt": b"theirs", "/theirs.txt": b"also theirs"}
"""What others keep in the mirror: no run may touch it."""

REFUSALS: dict[str, Callable[[], SpfcError]] = {
    "busy": lambda: ServiceBusy("busy"),
    "lost": lambda: ReplyLost("lost"),
    "locked": lambda: TargetLocked("open in an editor"),
    "name": lambda: NameRefused("refused"),
    "quota": lambda: QuotaFull("full"),
    "wait": lambda: Throttled("wait", retry_after=3.0),
    "stop": lambda: PermissionMissing("withdrawn"),
}
LATE = ("busy", "lost")
"""What may come although the change took effect."""

DISTURBANCES: dict[str, Callable[[], SpfcError]] = {
    "busy": lambda: ServiceBusy("busy"),
    "expired": lambda: CursorExpired("gone"),
    "restart": lambda: CursorExpired("gone", restart="fresh"),
    "stop": lambda: PermissionMissing("withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens before and in one run. Numbers of calls and side effects count from the run's beginning.

    ``refusals``: (number of the target change, kind, whether it takes effect all the same). ``disturbances``: (number
    of the source call, kind). ``interludes``: (number of the source call, change at the source). ``crash``: (number of
    the side effect, after it, what follows: ``retry`` the task, ``close`` the run, or ``vanish``); 0 is no crash.
    ``again``: names of stages that run twice.
    """

    steps: tuple[Step, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    empty_folders: bool = True
    removals: str = "quarantine"
    refusals: tuple[tuple[int, str, bool], ...] = ()
    disturbances: tuple[tuple[int, str], ...] = ()
    interludes: tuple[tuple[int, Step], ...] = ()
    crash: tuple[int, bool, str] = (0, False, "vanish")
    again: tuple[str, ...] = ()
    slow: bool = False


class Crashed(Exception):
    """The process of a run has died here."""


class Perils:
    """Counts the side effects of a run, changes of the target and commits of the ledger, and kills it at one."""

    def __init__(self) -> None:
        self.trouble: dict[int, tuple[SpfcError, bool]] = {}
        self.arm(0, after=False)

    def arm(self, at: int, *, after: bool) -> None:
        self.effects = self.changes = 0
        self._at, self._after, self._dead = at, after, False

    @contextmanager
    def effect(self) -> Iterator[None]:
        if self._dead:
            raise Crashed
        self.effects += 1
        mine = self.effects == self._at
        if mine and not self._after:
            self._die()
        yield
        if mine:
            self._die()

    @contextmanager
    def change(self) -> Iterator[None]:
        self.changes += 1
        error, late = self.trouble.pop(self.changes, (None, False))
        with self.effect():
            if error is not None and not late:
                raise error
            yield
            if error is not None:
                raise error

    def _die(self) -> None:
        self._dead = True
        raise Crashed


class MortalTarget(MemoryTarget):
    """A target whose changes count as side effects."""

    def __init__(self, perils: Perils) -> None:
        super().__init__(4)
        self._perils = perils

    def make_folder(self, path: str) -> Made:
        with self._perils.change():
            return super().make_folder(path)

    def put_chunk(self, spec: PutSpec, offset: int, chunk: bytes, *, last: bool) -> Any:
        with self._perils.change():
            return super().put_chunk(spec, offset, chunk, last=last)

    def move(self, old: str, new: str) -> None:
        with self._perils.change():
            super().move(old, new)

    def remove(self, path: str, kind: Kind) -> None:
        with self._perils.change():
            super().remove(path, kind)

    def retire(self, path: str, kind: Kind, destination: str) -> str:
        with self._perils.change():
            return super().retire(path, kind, destination)


class MortalDatabase(Database):
    """A ledger whose commits count as side effects. It forgets when the machine goes down; tests are faster so."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.perils = Perils()
        event.listen(self._engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))

    @contextmanager
    def writing(self, route: str | None = None, fence: int | None = None) -> Iterator[Connection]:
        with self.perils.effect(), super().writing(route, fence) as connection:
            yield connection


class InlineExecutor:
    """Does at once what a thread pool does some time, so that a history can be told again."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> InlineExecutor:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, work: Callable[..., Any], *values: Iterable[Any]) -> Iterator[Any]:
        return iter([work(*each) for each in zip(*values, strict=True)])


class InlineCrew(Crew[Any, Any]):
    """Does at once what threads do some time. A death (no Exception) is nobody's result: it ends everything here."""

    def put(self, job: Any) -> None:
        try:
            self._ended.put(Ended((self._work(job),)))
        except Exception as error:  # noqa: BLE001  # raised again by whoever gathers it
            self._ended.put(Ended(error=error))


def unwritten_report(folder: Path, summary: RunSummary, lines: Callable[[], Iterable[LineOutcome]]) -> ReportFiles:
    """Add a report up as the real one does, without the pages that nobody reads in a thousand tests."""
    totals = count_lines(lines(), summary)
    return ReportFiles(totals, verdict(summary, totals), "", folder, folder, folder)


@dataclass(frozen=True)
class Shot:
    """Everything there is to see between two runs."""

    target: dict[str, bytes | None]
    retired: dict[str, bytes | None]
    source: dict[str, SourceItem]
    synced: dict[str, SyncedItem]
    debt: int

    def path(self, item: SyncedItem) -> str:
        """Return where the ledger believes an item to be."""
        if item.parent_id is None:
            return ""
        return f"{self.path(self.synced[item.parent_id])}/{item.target_name}"


class Life:
    """One route from its first run on. ``folder`` is for reports; ``database`` is shared, ``name`` is not."""

    def __init__(self, database: MortalDatabase, name: str, seed: int, folder: Path) -> None:
        self.database, self.name, self.folder = database, name, folder
        self.library = Library(seed)
        self.perils = database.perils = Perils()
        self.target = MortalTarget(self.perils)
        self.clock = Clock()
        self.kept = False
        """Whether any run so far had the policy to keep what is gone."""
        self.turn = Turn()
        self.closed: Closed | None = None
        self.plans: list[str] = []
        self.run_id = ""
        self._numbers = itertools.count(1)
        self._manifest: dict[str, Any] = {}
        for path, body in STRANGERS.items():
            if body is None:
                self.target.make_folder(path)
            else:
                self.target.put_chunk(PutSpec(path, 1, 5), 0, body[:1], last=True)
        self.strangers = self.target.tree()

    # One turn

    def live(self, turn: Turn) -> None:
        """Let the library change, then run."""
        for step in turn.steps:
            self.library.step(*step)
        self.run(turn)

    def run(self, turn: Turn, *, report: bool = False) -> None:
        """Run once, in whatever way ``turn`` says; the route is free again afterwards."""
        self.turn, self.closed, self.plans, self._manifest = turn, None, [], {}
        self.kept = self.kept or turn.removals == "keep"
        self.library.requests = 0
        self.library.trouble = {number: DISTURBANCES[kind]() for number, kind in turn.disturbances}
        self.library.interludes = {n: lambda s=step: self.library.step(*s) for n, step in turn.interludes}  # type: ignore[misc]
        self.perils.trouble = {
            number: (REFUSALS[kind](), late and kind in LATE) for number, kind, late in turn.refusals
        }
        self.perils.arm(turn.crash[0], after=turn.crash[1])
        self.clock.step = 15.0 if turn.slow else 1.0
        run_id = self.run_id = f"run{next(self._numbers)}"
        alive = self._stages(run_id, turn)
        self.perils.trouble, self.library.trouble, self.library.interludes = {}, {}, {}
        self.perils.arm(0, after=False)
        self.clock.step = 1.0
        if not alive and turn.crash[2] == "close":
            with self.database.writing() as connection:  # as the report task does for tasks that died
                update_run(connection, self.name, run_id, error="ended without a word")
        if alive or turn.crash[2] != "vanish":
            self._close(run_id, report=report)
        self.clock.now += LEASE_SECONDS + 60

    def _stages(self, run_id: str, turn: Turn) -> bool:
        """Run all stages; return False when the process of one of them has died for good."""
        for stage in ("enumerate", "plan", "structure", "transfer", "empty", "removals"):
            again = 2 if stage in turn.again else 1
            for _ in range(again):
                try:
                    more = self._tried(stage, run_id, turn)
                except Crashed:
                    return False
                if not more:
                    return True
        return True

    def _tried(self, stage: str, run_id: str, turn: Turn) -> bool:
        """Run a stage, once more after a crash if that is what follows; return whether the run goes on."""
        try:
            return self._stage(stage, self.context(run_id))
        except Crashed:
            if turn.crash[2] != "retry":
                raise
            self.perils.arm(0, after=False)
        return self._stage(stage, self.context(run_id))

    def _stage(self, stage: str, run: RunContext) -> bool:
        try:
            return self._do(stage, run)
        except SpfcError as error:
            with self.database.writing() as connection:
                update_run(connection, self.name, run.run_id, error=f"{stage}: {error}")
            return False

    def _do(self, stage: str, run: RunContext) -> bool:
        plan_id = self._manifest.get("plan_id", "")
        if stage == "enumerate":
            return bool(enumerate_source(run)["debt"])
        if stage == "plan":
            self._manifest = diff_and_plan(run)
            self.plans.append(self._manifest["plan_id"])
            return not run.options.dry_run
        if stage == "structure":
            apply_structure(run, plan_id)
        elif stage == "transfer":
            for batch in self._manifest["batches"]:
                transfer_batch(run, plan_id, batch["batch"])
        elif stage == "empty":
            create_empty_folders(run, plan_id)
        else:
            apply_removals(run, plan_id)
        return True

    def _close(self, run_id: str, *, report: bool) -> None:
        with pytest.MonkeyPatch.context() as patch:
            if not report:
                patch.setattr("spfc.steps.closing.write_report", unwritten_report)
            self.closed = close_run(self.context(run_id), self.folder)

    def context(self, run_id: str) -> RunContext:
        turn = self.turn
        fields = {
            "source": {"hostname": "h", "site": "/s"},
            "target": {"folder": f"/team/{self.name}"},
            "filters": {"exclude": turn.exclude},
            "policies": {"empty_folders": turn.empty_folders, "removals": turn.removals},
            "limits": {"workers": 1, "batch_files": 3, "time_box_minutes": 1},
        }
        run = RunContext(
            route=parse_route(self.name, fields),
            run_id=run_id,
            options=parse_options(turn.options),
            database=self.database,
            make_source=lambda: self.library,
            make_target=lambda: self.target,
            clock=self.clock,
        )
        with self.database.reading() as connection:
            run.fence = fence_of(connection, self.name, run_id)
        return run

    # What there is to see

    def shot(self) -> Shot:
        with self.database.reading() as connection:
            source = connection.execute(select(*SOURCE_COLUMNS).where(source_items.c.route == self.name))
            seen = {item.id: item for item in map(source_item, source)}
            synced = connection.execute(select(*SYNCED_COLUMNS).where(synced_items.c.route == self.name))
            copied = {item.id: item for item in map(synced_item, synced)}
            debt = debt_summary(connection, self.name)[0]
        return Shot(self.target.tree(), self.target.retired(), seen, copied, debt)

    def lines(self, plans: list[str] | None = None) -> list[StoredLine]:
        """Return the lines of some plans, by default of all of the last run."""
        chosen = self.plans if plans is None else plans
        with self.database.reading() as connection:
            return [stored for plan_id in chosen for stored in stored_lines(connection, plan_id)]

    def error(self) -> str:
        """Return what stopped the last run, empty when nothing did."""
        with self.database.reading() as connection:
            row = load_run(connection, self.name, self.run_id)
        return row.error if row else "never began"

    def sealed_plans(self) -> int:
        with self.database.reading() as connection:
            return len(connection.execute(select(plans.c.plan_id).where(plans.c.route == self.name)).all())
