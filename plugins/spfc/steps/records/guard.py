"""When a run would delete too many rows at once, they are only marked, for a person to judge."""

from __future__ import annotations

from collections.abc import Callable

from spfc.planning.guards import Guarded, judge
from spfc.routes import ListRoute
from spfc.routes.lists import RowRemovals
from spfc.targets.records import Applied, Doomed, RowAction

ROWS = Guarded("rows", "deleted", "Nothing to delete.")
"""What the guard of a list watches."""


class RowGuard:
    """The :data:`~spfc.targets.records.Doom` of one run: judges all that the run deletes, not each page alone.

    Give it what was done after each commit (:meth:`add`). ``text`` is the sentence of the last time it held rows.
    """

    def __init__(self, route: ListRoute, done: Applied) -> None:
        self._policies = route.policies
        self._gone = done[RowAction.DELETED] + done[RowAction.HELD]
        self.text = ""

    def __call__(self, doomed: int, living: Callable[[], int]) -> Doomed:
        """Decide about ``doomed`` more rows. The table as it was at the run's beginning is what the share is of."""
        if self._policies.removals is RowRemovals.MARK:
            return Doomed.MARK
        verdict = judge(ROWS, self._gone + doomed, lambda: living() + self._gone, self._policies.removal_guard)
        if verdict.tripped:
            self.text = verdict.text
        return Doomed.HOLD if verdict.tripped else Doomed.DELETE

    def add(self, done: Applied) -> None:
        """Take in what was committed."""
        self._gone += done[RowAction.DELETED] + done[RowAction.HELD]
