"""Before copies are planned: are so many of ours to be overwritten that a person should look first?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from spfc.errors import RouteInvalid
from spfc.ledger.overwrites import (
    changed_rows,
    count_changed,
    count_synced_files,
    explain_held,
    has_held,
    held_versions,
    plan_is_known,
)
from spfc.planning.context import PlanContext
from spfc.planning.debt import DebtRow
from spfc.planning.difference import same_content
from spfc.planning.files import hold_or_skip
from spfc.planning.guards import OVERWRITES, GuardVerdict, is_overwrite, judge
from spfc.planning.model import PlanLine, SourceItem, Verification
from spfc.planning.tree import Standing
from spfc.steps.context import RunContext

log = logging.getLogger("spfc.plan")

RELEASED_BY = "released_by_plan"
"""Key of the evidence that names the plan whose held overwrites a person has looked at."""


Eligible = Callable[[Iterable[DebtRow]], Sequence[DebtRow]]


def check_release(run: RunContext) -> None:
    """Refuse a ``release_plan`` that releases nothing: a slip of the pen must not pass for a decision."""
    plan_id, route = run.options.release_plan, run.route.name
    if not plan_id:
        return
    with run.reading() as connection:
        known = plan_is_known(connection, route, plan_id)
        held = known and has_held(connection, plan_id)
    if not known:
        raise RouteInvalid(
            f"release_plan: the ledger holds no plan {plan_id!r} of route {route!r}.",
            hint="The report of the run that held the overwrites shows its plan id, at the end under Run.",
        )
    if not held:
        raise RouteInvalid(
            f"release_plan: plan {plan_id!r} held no overwrites, so there is nothing to release.",
            hint="Held removals are released by the task approve_removals instead.",
        )


@dataclass(frozen=True, slots=True)
class OverwriteGate:
    """What the guard has decided for one plan, before the first line of it is written."""

    run: RunContext
    plan_id: str
    verdict: GuardVerdict

    def mark(self, lines: Sequence[PlanLine]) -> Sequence[PlanLine]:
        """Note in the evidence of released overwrites which plan they were looked at in."""
        release = self.run.options.release_plan
        if not release:
            return lines
        overwrites = [line.item_id for line in lines if is_overwrite(line)]
        with self.run.reading() as connection:
            looked_at = held_versions(connection, release, overwrites)
        return [
            replace(line, evidence={**line.evidence, RELEASED_BY: release})
            if is_overwrite(line) and looked_at.get(line.item_id) == line.evidence["new_version"]
            else line
            for line in lines
        ]

    def holds(self, line: PlanLine) -> bool:
        """Say whether a line, marked before, has to wait for a person."""
        return self.verdict.tripped and is_overwrite(line) and RELEASED_BY not in line.evidence

    def explain(self, connection: Connection) -> None:
        """Write down at the held lines why they wait and what to do."""
        if self.verdict.tripped:
            held = explain_held(
                connection, self.plan_id, "Held with all other overwrites of this run: there are too many.",
                release_hint(self.plan_id),
            )  # fmt: skip
            log.warning("%d overwrites are held. %s", held, self.verdict.text)


def release_hint(plan_id: str) -> str:
    """Return what a person should do about the held overwrites of a plan."""
    return (
        "Look at the report: are these changes meant, or is something rewriting the library? If they are meant, "
        f"trigger the route with release_plan = {plan_id}."
    )


def judge_overwrites(run: RunContext, plan_id: str, context: PlanContext, eligible: Eligible) -> OverwriteGate:
    """Count the copies that this plan wants to overwrite, released ones aside, and judge.

    All copies count, also those beyond ``max_documents``:
    else a mass change would pass in slices. A count that reads only the debt settles nearly every run; the exact one,
    which needs the trees, is made when that one would trip.
    """
    limits = run.route.policies.overwrite_guard
    with run.reading() as connection:

        def synced() -> int:
            return count_synced_files(connection, run.route.name)

        verdict = judge(OVERWRITES, count_changed(connection, run.route.name), synced, limits)
        if verdict.tripped:
            verdict = judge(OVERWRITES, _count_wanted(run, connection, context, eligible), synced, limits)
    if verdict.tripped:
        verdict = replace(verdict, text=f"{verdict.text} {release_hint(plan_id)}")
    return OverwriteGate(run, plan_id, verdict)


def _count_wanted(run: RunContext, connection: Connection, context: PlanContext, eligible: Eligible) -> int:
    """Return how many changed copies are to be overwritten by this run: in scope, due, and not released."""
    count = 0
    for piece in changed_rows(connection, run.route.name):
        wanted = {item.id: item.version for item in _wanted(eligible(piece), context)}
        if run.options.release_plan:
            released = held_versions(connection, run.options.release_plan, sorted(wanted))
            count += sum(released.get(item_id) != version for item_id, version in wanted.items())
        else:
            count += len(wanted)
    return count


def _wanted(rows: Iterable[DebtRow], context: PlanContext) -> Iterator[SourceItem]:
    for row in rows:
        source, synced = row.source, row.synced
        if (
            source is None
            or synced is None
            or same_content(source, synced)
            or synced.verification == Verification.FOREIGN
        ):
            continue
        place = context.tree.place(source)
        if place.standing is not Standing.WANTED or hold_or_skip(row, context) is not None:
            continue
        if not context.paths or context.paths.covers(place.path):
            yield source
