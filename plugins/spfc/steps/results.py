"""How lines end: from an error to an outcome, and from outcomes to the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from spfc.errors import Disposition, IntegrityMismatch, SpfcError
from spfc.ledger.outcomes import LineResult, record_results
from spfc.ledger.plans import StoredLine
from spfc.ledger.surroundings import occupants
from spfc.planning.debt import NameKey, Occupant
from spfc.planning.model import Outcome, PlanLine
from spfc.planning.names import fold
from spfc.steps.context import RunContext

_OUTCOMES = {
    Disposition.HOLD: Outcome.HELD,
    Disposition.DEFER: Outcome.DEFERRED,
    Disposition.RETRY: Outcome.FAILED,
    Disposition.WAIT: Outcome.FAILED,
}


def record(run: RunContext, plan_id: str, results: Sequence[LineResult]) -> None:
    """Commit outcomes with what they mean for the synced tree and for debt, and keep the lease alive."""
    with run.writing() as connection:
        record_results(
            connection, route=run.route.name, plan_id=plan_id, run_id=run.run_id, now=run.now(), results=results
        )
        run.renew(connection)


def result_of_error(stored: StoredLine, error: SpfcError) -> LineResult:
    """Return how the line ended; an error that stops the run is raised again instead."""
    if error.disposition is Disposition.STOP:
        raise error
    outcome = Outcome.FAILED if isinstance(error, IntegrityMismatch) else _OUTCOMES[error.disposition]
    return LineResult(stored.seq, stored.line.item_id, outcome, code=error.code, detail=error.message, hint=error.hint)


def deferred(stored: StoredLine, code: str, detail: str) -> LineResult:
    """Return the result of a line that could not be tried yet; it stays owed."""
    return LineResult(stored.seq, stored.line.item_id, Outcome.DEFERRED, code=code, detail=detail)


def _place_key(line: PlanLine) -> NameKey:
    return line.parent_id, fold(line.target_path.rpartition("/")[2])


def name_holders(connection: Connection, route: str, lines: Iterable[PlanLine]) -> dict[NameKey, Occupant]:
    """Return who stands in the synced tree at the names that lines want."""
    return occupants(connection, route, [_place_key(line) for line in lines])


def taken_by_another(stored: StoredLine, holders: Mapping[NameKey, Occupant]) -> LineResult | None:
    """Return the result of a line whose name is still held by another item of ours, None when it is free.

    Its move away was planned before this line, but has failed. Two rows of one name cannot be written down.
    """
    holder = holders.get(_place_key(stored.line))
    if holder is None or holder.item.id == stored.line.item_id:
        return None
    return deferred(stored, "name_taken", f"{holder.item.source_name!r} has yet to leave its name.")
