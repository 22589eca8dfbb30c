"""From an error about one item to the outcome of its line."""

from __future__ import annotations

from spfc.errors import Disposition, IntegrityMismatch, SpfcError
from spfc.ledger.outcomes import LineResult
from spfc.ledger.plans import StoredLine
from spfc.planning.model import Outcome

_OUTCOMES = {
    Disposition.HOLD: Outcome.HELD,
    Disposition.DEFER: Outcome.DEFERRED,
    Disposition.RETRY: Outcome.FAILED,
    Disposition.WAIT: Outcome.FAILED,
}


def result_of_error(stored: StoredLine, error: SpfcError) -> LineResult:
    """Return how the line ended; an error that stops the run is raised again instead."""
    if error.disposition is Disposition.STOP:
        raise error
    outcome = Outcome.FAILED if isinstance(error, IntegrityMismatch) else _OUTCOMES[error.disposition]
    return LineResult(stored.seq, stored.line.item_id, outcome, code=error.code, detail=error.message, hint=error.hint)


def deferred(stored: StoredLine, code: str, detail: str) -> LineResult:
    """Return the result of a line that could not be tried yet; it stays owed."""
    return LineResult(stored.seq, stored.line.item_id, Outcome.DEFERRED, code=code, detail=detail)
