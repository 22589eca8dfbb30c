"""Second step: turn debt into a sealed plan and return its change manifest."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from spfc.ledger.debts import copy_rows, debt_summary, strike_off
from spfc.ledger.outcomes import REPLACED, end_open_lines
from spfc.ledger.plans import LineDigest, add_lines, discard_lines, new_plan_id, seal
from spfc.ledger.rows import chunks
from spfc.ledger.runs import load_run, update_run
from spfc.ledger.surroundings import count_synced, occupants, synced_below
from spfc.planning.batches import batch_count
from spfc.planning.context import PlanContext
from spfc.planning.debt import DebtRow, NameKey, Occupant, wanted_key
from spfc.planning.files import FilePlan, plan_files
from spfc.planning.guards import REMOVALS, GuardVerdict, judge
from spfc.planning.model import Action, Kind, Outcome, PlanLine, Reason, SourceItem
from spfc.planning.structure import Structure, mark_empty, plan_structure, room_line, without_unlisted
from spfc.routes import RemovalPolicy, RunMode, Window
from spfc.steps.audit import Audit, audit_target, audit_window
from spfc.steps.context import RunContext
from spfc.steps.overwrites import OverwriteGate, judge_overwrites
from spfc.steps.packing import assign_batches
from spfc.steps.scrub import scrub
from spfc.steps.survey import survey

log = logging.getLogger("spfc.plan")

MIB = 1024 * 1024
SAMPLE = 20
"""Lines shown in the manifest: enough to recognise what is going on, small enough for an XCom."""

FIRST_COPY = 1_000_000_000
"""Copies are numbered from here on, all other lines from 1: they are executed in the order of their numbers."""

_COPIES = (Action.UPLOAD, Action.UPDATE)
_WAITING = (Reason.BACKING_OFF, Reason.PARENT_UNKNOWN)


def diff_and_plan(run: RunContext) -> dict[str, Any]:
    """Compute and seal the plan of this run; return its manifest.

    Keys: ``plan_id``, ``digest``, ``counts`` and ``bytes`` by action, ``guard`` of removals and ``overwrite_guard``
    (tripped, text), ``batches`` (``{"plan_id", "batch", "files", "bytes"}`` each), ``sample``, ``removals`` (their
    first paths), ``over_limit``, ``outside_paths``, ``dry_run``, ``audit`` (what a look at the target found; None
    without one), ``scrub`` (what reading old copies back came to; None when none were due).
    May be repeated: each call makes a plan of its own.
    """
    audit = _look_at_target(run)
    scrubbed = scrub(run)
    context, rows = survey(run, audit.present() if audit else {})
    with run.writing() as connection:
        plan_id = new_plan_id(connection, run.route.name, run.fence or 0)
        discard_lines(connection, plan_id)
    gate = judge_overwrites(run, plan_id, context, partial(_eligible, run=run))
    book = _PlanWriter(run, plan_id, context, gate)
    structure = plan_structure(_eligible(rows, run), context, _occupants(run, rows, context))
    book.write_copies(structure.copies)
    evictions = _plan_copies(run, context, book)
    book.write_structure(structure, evictions)
    if audit is not None:
        book.write_strangers(audit.lines())
    manifest = book.seal(audit, scrubbed)
    log.info("Plan %s: %s. %s", plan_id, _sentence(manifest["counts"]), manifest["guard"]["text"])
    return manifest


def _look_at_target(run: RunContext) -> Audit | None:
    if run.options.mode is RunMode.AUDIT:
        return audit_target(run)
    return audit_window(run, run.options.window) if run.options.window else None


def _eligible(rows: Iterable[DebtRow], run: RunContext) -> list[DebtRow]:
    """Return the rows that a run of this mode deals with; a new folder may be needed by what is dealt with."""
    window = run.options.window
    if window is not None:
        return [row for row in rows if _lies_in(row, window) or _is_new_folder(row)]
    if run.options.mode is RunMode.RETRY_FAILED:
        return [row for row in rows if row.attempts > 0 or _is_new_folder(row)]
    return list(rows)


def _lies_in(row: DebtRow, window: Window) -> bool:
    """Say whether a row is about a live file that was last modified within the window."""
    source = row.source
    if source is None or source.deleted or source.kind is not Kind.FILE:
        return False
    return window.start.timestamp() <= source.modified < window.end.timestamp()


def _is_new_folder(row: DebtRow) -> bool:
    """Say whether files that are tried again may need this folder first."""
    source = row.source
    return source is not None and not source.deleted and source.kind is Kind.FOLDER and row.synced is None


def _occupants(run: RunContext, rows: Iterable[DebtRow], context: PlanContext) -> dict[NameKey, Occupant]:
    """Return who stands at the names that live rows want; a folder that is new to the target has nobody in it."""
    live = [row.source for row in rows if row.source and not row.source.deleted]
    keys = {wanted_key(source) for source in live if source.parent_id in context.folders}
    with run.reading() as connection:
        return occupants(connection, run.route.name, sorted(keys, key=str))


def _plan_copies(run: RunContext, context: PlanContext, book: _PlanWriter) -> list[PlanLine]:
    """Plan the plain copies piece by piece; return the lines that make room for them."""
    rooms: dict[str, PlanLine] = {}
    named: list[SourceItem] = []
    with run.reading() as connection:
        for piece in copy_rows(connection, run.route.name):
            rows = _eligible(piece, run)
            fresh = [row for row in rows if row.synced is None]
            planned: FilePlan = plan_files(rows, context, _occupants(run, fresh, context))
            book.write_copies(planned.lines)
            book.settled.extend(planned.settled)
            rooms |= {item.id: room_line(item, context) for item in planned.evicted}
            named.extend(row.source for row in fresh if row.source)
            last = named[-1].parent_id if named else None
            context.forget_names(named, last)
            named = [source for source in named if source.parent_id == last]
    return list(rooms.values())


class _PlanWriter:
    """Numbers lines, applies the limits of the run, and writes them down as they come."""

    def __init__(self, run: RunContext, plan_id: str, context: PlanContext, gate: OverwriteGate) -> None:
        self._run, self._plan_id, self._context, self._gate = run, plan_id, context, gate
        self._limit = run.options.max_documents or run.route.limits.max_documents
        self._digest = LineDigest()
        self._counts: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._sample: list[dict[str, str]] = []
        self._removals: list[str] = []
        self._used: set[str] = set()
        self._copy_seq = FIRST_COPY
        self._seq = 0
        self._copies = self._copied_bytes = 0
        self._over_limit = 0
        self._outside = 0
        self._guard = GuardVerdict(False, "Nothing to remove.")
        self.settled: list[str] = []

    def write_copies(self, lines: Sequence[PlanLine]) -> None:
        """Write lines of files; copies beyond the limit are left owed without a line."""
        kept = [line for line in self._gate.mark(lines) if self._admit(line)]
        for line in kept:
            self._use(line)
        # Copies are numbered apart, so that structure can be numbered in its own order after it is complete.
        numbered = [(self._copy_seq + place, line) for place, line in enumerate(kept)]
        self._copy_seq += len(kept)
        self._write(numbered)

    def write_structure(self, structure: Structure, evictions: list[PlanLine]) -> None:
        """Write folders, moves, removals and the rest, after all copies are known."""
        for line in structure.ordered:
            if line.action is not Action.CREATE_FOLDER and self._in_paths(line):
                self._use(line)
        moved_aside = {line.item_id for line in structure.ordered if line.action is Action.MOVE}
        rooms = [line for line in evictions if line.item_id not in moved_aside]
        made = without_unlisted(structure, self._used)
        ordered = mark_empty(made, self._used, self._run.route.policies.empty_folders)
        wanted = [line for line in (*ordered, *rooms) if self._needed(line)]
        removals = [line for line in structure.removals if self._in_paths(line)]
        self._judge(removals)
        self._removals = [line.target_path for line in removals if _is_loss(line)][:SAMPLE]
        others = [line for line in structure.others if self._in_paths(line)]
        lines = [*wanted, *removals, *others]
        self._write([(self._seq + place, line) for place, line in enumerate(lines, 1)])
        self._seq += len(lines)
        self.settled.extend(structure.settled)

    def write_strangers(self, lines: Iterable[PlanLine]) -> None:
        """Write lines about what is at the target without being ours."""
        for piece in chunks(line for line in lines if self._in_paths(line)):
            self._write([(self._seq + place, line) for place, line in enumerate(piece, 1)])
            self._seq += len(piece)

    def seal(self, audit: Audit | None, scrubbed: dict[str, int] | None) -> dict[str, Any]:
        """Pack batches, make the plan final and return its manifest."""
        batches = self._pack()
        manifest: dict[str, Any] = {
            "plan_id": self._plan_id,
            "digest": self._digest.value(),
            "counts": dict(self._counts),
            "bytes": dict(self._bytes),
            "guard": {"tripped": self._guard.tripped, "text": self._guard.text},
            "overwrite_guard": {"tripped": self._gate.verdict.tripped, "text": self._gate.verdict.text},
            "batches": batches,
            "sample": self._sample,
            "removals": self._removals,
            "over_limit": self._over_limit,
            "outside_paths": self._outside,
            "dry_run": self._run.options.dry_run,
            "audit": audit.summary() if audit else None,
            "scrub": scrubbed,
        }
        run = self._run
        with run.writing() as connection:
            self._gate.explain(connection)
            if not run.options.dry_run:
                strike_off(connection, run.route.name, self.settled)
            owed, _ = debt_summary(connection, run.route.name)
            manifest["debt"] = owed
            seal(
                connection, plan_id=self._plan_id, route=run.route.name, run_id=run.run_id, now=run.now(),
                manifest=manifest,
            )  # fmt: skip
            self._replace_earlier(connection)
            update_run(connection, run.route.name, run.run_id, plan_id=self._plan_id)
            run.renew(connection)
        return manifest

    def _replace_earlier(self, connection: Connection) -> None:
        """End the plan that an earlier try of this task has sealed: nobody will execute it."""
        before = load_run(connection, self._run.route.name, self._run.run_id)
        if before is not None and before.plan_id:
            end_open_lines(connection, before.plan_id, self._run.now(), REPLACED)

    def _admit(self, line: PlanLine) -> bool:
        if not self._in_paths(line):
            self._outside += 1
            return False
        if line.action in _COPIES and not self._gate.holds(line):
            if self._limit is not None and self._copies >= self._limit:
                self._over_limit += 1
                return False
            self._copies += 1
            self._copied_bytes += line.size
        return True

    def _in_paths(self, line: PlanLine) -> bool:
        return not self._context.paths or self._context.paths.covers(line.path)

    def _needed(self, line: PlanLine) -> bool:
        return line.item_id in self._used or line.reason is Reason.MAKE_ROOM or self._in_paths(line)

    def _use(self, line: PlanLine) -> None:
        """Note that something is put into the folders above a line."""
        if line.action in (Action.SKIP, Action.HOLD, Action.REMOVE):
            return
        at = line.parent_id
        while at is not None and at not in self._used:
            self._used.add(at)
            folder = self._context.source_folders.get(at)
            at = folder.parent_id if folder else None

    def _judge(self, removals: list[PlanLine]) -> None:
        if not removals or self._run.route.policies.removals is RemovalPolicy.KEEP:
            return
        limits = self._run.route.policies.removal_guard
        with self._run.reading() as connection:
            going = sum(
                synced_below(connection, self._run.route.name, line.item_id) for line in removals if _is_loss(line)
            )
            self._guard = judge(REMOVALS, going, lambda: count_synced(connection, self._run.route.name), limits)

    def _write(self, numbered: list[tuple[int, PlanLine]]) -> None:
        for seq, line in numbered:
            self._digest.add(seq, line)
            self._counts[line.action.value] += 1
            self._bytes[line.action.value] += line.size
            if len(self._sample) < SAMPLE:
                self._sample.append({"action": line.action.value, "reason": line.reason.value, "path": line.path})
        rows = [(seq, line, self._first_outcome(line)) for seq, line in numbered]
        skipped = [line.item_id for _, line, outcome in rows if outcome is Outcome.SKIPPED and line.item_id]
        with self._run.writing() as connection:
            add_lines(connection, self._run.route.name, self._plan_id, rows)
        self.settled.extend(skipped)

    def _first_outcome(self, line: PlanLine) -> Outcome:
        if line.action is Action.SKIP:
            return Outcome.SKIPPED
        if line.action is Action.HOLD:
            return Outcome.DEFERRED if line.reason in _WAITING else Outcome.HELD
        if self._gate.holds(line) or (self._guard.tripped and _is_loss(line)):
            return Outcome.HELD
        return Outcome.PENDING

    def _pack(self) -> list[dict[str, Any]]:
        limits = self._run.route.limits
        number = batch_count(
            self._copies, self._copied_bytes, batch_files=limits.batch_files, batch_bytes=limits.batch_mib * MIB,
            max_batches=limits.max_batches,
        )  # fmt: skip
        if number == 0:
            return []
        return assign_batches(self._run, self._plan_id, number, range(FIRST_COPY, self._copy_seq))


def _is_loss(line: PlanLine) -> bool:
    """Say whether a line removes what is not at the target a second time: the guard of removals counts only that."""
    return line.action is Action.REMOVE and line.reason is not Reason.LEFT_BEHIND


def _sentence(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {action}" for action, count in sorted(counts.items())) or "nothing to do"
