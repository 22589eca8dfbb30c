"""The values a report is made of: how each plan line ended, what the run spent, and what the run was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from spfc.planning.model import Action, Evidence, Kind, Outcome, Reason


class Verdict(StrEnum):
    """The run at a glance."""

    GREEN = "green"
    """No failure, and nothing is owed beyond policy."""
    ATTENTION = "attention"
    """Nothing failed, but something is held, deferred or still owed."""
    FAILED = "failed"
    """The run stopped, a line failed, or the sums of the report do not add up."""


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """One plan line and how it ended.

    ``seq`` is the position of the line in its plan (ascending, unique). ``size`` is bytes to be copied for
    uploads and updates. ``code`` is the code of an error (see :mod:`spfc.errors`) or empty, ``detail`` a
    sentence for a human, ``hint`` the next step. ``ended_at`` is seconds since 1970 UTC, None while the line
    is pending.
    """

    seq: int
    action: Action
    reason: Reason
    item_id: str
    kind: Kind
    path: str
    target_path: str
    from_path: str | None = None
    size: int = 0
    outcome: Outcome = Outcome.PENDING
    code: str = ""
    detail: str = ""
    hint: str = ""
    evidence: Evidence = field(default_factory=dict)
    attempts: int = 0
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run, or one task of it, cost: requests to the source and the units they are worth, calls of the target.

    ``by_task`` holds the share of each task (whose own ``by_task`` is empty); :meth:`of_tasks` adds them up.
    """

    source_requests: int = 0
    source_units: int = 0
    target_calls: int = 0
    by_task: Mapping[str, Spending] = field(default_factory=dict)

    @classmethod
    def of_tasks(cls, by_task: Mapping[str, Spending]) -> Spending:
        """Return the sum over tasks, keeping the shares."""
        return cls(
            source_requests=sum(share.source_requests for share in by_task.values()),
            source_units=sum(share.source_units for share in by_task.values()),
            target_calls=sum(share.target_calls for share in by_task.values()),
            by_task=dict(by_task),
        )


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What the run was and what it left behind; times are seconds since 1970 UTC.

    ``guard`` is the sentence of the removal guard when it tripped, else empty; ``overwrite_guard`` likewise.
    ``error`` is the sentence that stopped the run, else empty. ``oldest_debt_age`` is seconds, None when nothing is
    owed. ``unchanged_documents`` and ``unchanged_folders`` are items in scope that the run compared and found in
    order, so that the plan has no line for them (audit and full runs; 0 where the feed spoke of changes
    only). ``planned_lines`` is the number of lines the plan was sealed with; when given, the report must
    show exactly as many. ``dag_id`` names the DAG whose readers may read the report; empty means that it
    equals the route name. ``audit`` counts what a look at the target found, empty when the run did not look:
    ``folders`` listed, ``entries`` seen, and the kinds of :class:`~spfc.planning.audit.Drift`. ``scrub`` counts the old
    copies that were read back: ``read`` and found as they were, ``missing``, ``changed``, ``unread``; empty when none
    were due.
    """

    route: str
    source_label: str
    target_label: str
    run_id: str
    mode: str
    started_at: float
    ended_at: float
    dry_run: bool = False
    plan_id: str | None = None
    digest: str = ""
    guard: str = ""
    overwrite_guard: str = ""
    items_seen: int = 0
    pages: int = 0
    debt_left: int = 0
    oldest_debt_age: float | None = None
    spending: Spending = field(default_factory=Spending)
    airflow_url: str | None = None
    error: str = ""
    unchanged_documents: int = 0
    unchanged_folders: int = 0
    planned_lines: int | None = None
    dag_id: str = ""
    audit: Mapping[str, int] = field(default_factory=dict)
    scrub: Mapping[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall time of the run, never negative."""
        return max(0.0, self.ended_at - self.started_at)
