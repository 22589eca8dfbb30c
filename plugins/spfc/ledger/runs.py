"""The history of runs and what each of their tasks spent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select, update

from spfc.ledger.rows import Row, upsert
from spfc.ledger.schema import costs, runs


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as the ledger remembers it. ``verdict`` is empty while the run is under way."""

    route: str
    run_id: str
    started_at: float
    ended_at: float | None = None
    mode: str = "incremental"
    dry_run: bool = False
    plan_id: str | None = None
    pages: int = 0
    items_seen: int = 0
    changed: int = 0
    verdict: str = ""
    error: str = ""
    totals: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a task spent: source requests, the resource units they are worth, and target calls."""

    requests: int = 0
    units: int = 0
    calls: int = 0


def begin_run(connection: Connection, run: RunRow) -> None:
    """Write a run down; one that is begun again (a retried task) keeps its start."""
    row = {
        "route": run.route,
        "run_id": run.run_id,
        "started_at": run.started_at,
        "ended_at": None,
        "mode": run.mode,
        "dry_run": run.dry_run,
        "plan_id": None,
        "pages": 0,
        "items_seen": 0,
        "changed": 0,
        "verdict": "",
        "error": "",
        "totals": "{}",
    }
    upsert(connection, runs, [row], update=())


def reopen_run(connection: Connection, route: str, run_id: str, now: float) -> None:
    """Give a known run a new beginning, as if it had never had a plan or an end; what it has spent stays."""
    update_run(
        connection, route, run_id,
        started_at=now, ended_at=None, plan_id=None, pages=0, items_seen=0, changed=0, verdict="", error="", totals={},
    )  # fmt: skip


def update_run(connection: Connection, route: str, run_id: str, **values: Any) -> None:
    """Change columns of a run; ``totals`` is given as a mapping."""
    if "totals" in values:
        values["totals"] = json.dumps(values["totals"], ensure_ascii=False)
    connection.execute(update(runs).where(runs.c.route == route, runs.c.run_id == run_id).values(**values))


def load_run(connection: Connection, route: str, run_id: str) -> RunRow | None:
    """Return one run, None when the ledger does not know it."""
    query = select(runs).where(runs.c.route == route, runs.c.run_id == run_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _run(row)


RECENT = 20
"""How far back runs without an end are looked for: each run ends those before it."""


def open_runs(connection: Connection, route: str, *, but: str) -> list[RunRow]:
    """Return those of the :data:`RECENT` newest runs of a route that have no end, except ``but``."""
    return [run for run in recent_runs(connection, route, RECENT) if run.ended_at is None and run.run_id != but]


def feed_was_read_since(connection: Connection, route: str, started_at: float) -> bool:
    """Say whether a run that began after ``started_at`` has read the change feed to its end."""
    query = select(runs.c.run_id).where(runs.c.route == route, runs.c.started_at > started_at, runs.c.pages > 0)
    return connection.execute(query.limit(1)).first() is not None


def recent_runs(connection: Connection, route: str, limit: int = 50) -> list[RunRow]:
    """Return the newest runs of a route, the newest first."""
    query = select(runs).where(runs.c.route == route).order_by(runs.c.started_at.desc()).limit(limit)
    return [_run(row) for row in connection.execute(query).mappings()]


def _run(row: Row) -> RunRow:
    return RunRow(**{**row, "totals": json.loads(row["totals"])})


def add_cost(connection: Connection, route: str, run_id: str, task: str, cost: Cost) -> None:
    """Add to what a task has spent in this run; a retried task adds to its first try."""
    key = {"route": route, "run_id": run_id, "task": task}
    upsert(connection, costs, [{**key, "requests": 0, "units": 0, "calls": 0}], update=())
    connection.execute(
        update(costs)
        .where(costs.c.route == route, costs.c.run_id == run_id, costs.c.task == task)
        .values(
            requests=costs.c.requests + cost.requests,
            units=costs.c.units + cost.units,
            calls=costs.c.calls + cost.calls,
        )
    )


def run_costs(connection: Connection, route: str, run_id: str) -> dict[str, Cost]:
    """Return what each task of a run spent."""
    query = select(costs).where(costs.c.route == route, costs.c.run_id == run_id).order_by(costs.c.task)
    return {
        row["task"]: Cost(row["requests"], row["units"], row["calls"]) for row in connection.execute(query).mappings()
    }


def total_cost(connection: Connection, route: str, run_id: str) -> Cost:
    """Return what a run spent so far."""
    query = select(func.sum(costs.c.requests), func.sum(costs.c.units), func.sum(costs.c.calls)).where(
        costs.c.route == route, costs.c.run_id == run_id
    )
    requests, units, calls = connection.execute(query).one()
    return Cost(int(requests or 0), int(units or 0), int(calls or 0))
