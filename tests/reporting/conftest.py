"""Sample runs for the tests of the reports."""

from __future__ import annotations

from typing import Any

import pytest

from spfc.planning.model import Action, Kind, Outcome, Reason
from spfc.reporting import LineOutcome, RunSummary, Spending


class Maker:
    """Makes lines with ascending numbers and a summary that fits."""

    def __init__(self) -> None:
        self.lines: list[LineOutcome] = []

    def line(
        self,
        action: Action,
        outcome: Outcome,
        *,
        path: str = "/a/b.docx",
        reason: Reason = Reason.NEW,
        **fields: Any,
    ) -> LineOutcome:
        """Append one line."""
        values = {"item_id": f"id{len(self.lines)}", "kind": Kind.FILE, "target_path": path, **fields}
        made = LineOutcome(len(self.lines) + 1, action, reason, path=path, outcome=outcome, **values)
        self.lines.append(made)
        return made

    def summary(self, **fields: Any) -> RunSummary:
        """Return the summary of a run that took 100 seconds."""
        values: dict[str, Any] = {
            "route": "legal",
            "source_label": "contoso.sharepoint.com/sites/legal/Documents",
            "target_label": "spfc_filecloud:/team/legal",
            "run_id": "manual__1",
            "mode": "incremental",
            "started_at": 1_763_708_400.0,
            "ended_at": 1_763_708_500.0,
            "spending": Spending.of_tasks({"enumerate": Spending(2, 3, 0), "transfer": Spending(5, 5, 9)}),
        }
        return RunSummary(**values | fields)


@pytest.fixture
def make() -> Maker:
    """Return an empty run."""
    return Maker()
