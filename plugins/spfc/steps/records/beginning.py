"""How a run of a list begins: its lease, its history, and the list and the table that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from spfc.ledger.leases import take_lease
from spfc.ledger.runs import RunRow, begin_run, load_run
from spfc.sources.base import Binding
from spfc.steps.context import ListRun
from spfc.steps.standing import PLACE, check_place, check_source, place_of
from spfc.steps.wreckage import begin_again, end_dead_runs
from spfc.targets.records import ListState


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a run begins: the state as stored (None before the first run), and where the list was found.

    ``anew``: the run had ended before and was told to begin again; else this may be a try that goes on.
    """

    stored: ListState | None
    binding: Binding
    anew: bool


def begin(run: ListRun) -> Beginning:
    """Write the run down, take the lease, load the state, find the list. May be repeated.

    Raises LeaseHeld, RouteInvalid when the route was pointed at another list or table under its old name.
    """
    row = RunRow(
        route=run.route.name,
        run_id=run.run_id,
        started_at=run.now(),
        mode=run.options.mode_name,
    )
    with run.database.writing() as connection:
        begin_run(connection, row)
    with run.database.writing() as connection:
        run.fence = take_lease(connection, run.route.name, run.run_id, run.now())
        end_dead_runs(connection, run)
        known_run = load_run(connection, run.route.name, run.run_id)
        begin_again(connection, run)
    stored = run.target.load()
    known = {} if stored is None else stored.binding
    check_place(run.route, known)
    found = run.source.bind(known or None)
    check_source(run.route, known, found)
    anew = known_run is not None and known_run.ended_at is not None
    return Beginning(stored, {**found, PLACE: place_of(run.route)}, anew)


def fence_of(run: ListRun) -> int:
    """Return the fencing number of the run's lease."""
    if run.fence is None:
        raise AssertionError("the lease is taken first")
    return run.fence
