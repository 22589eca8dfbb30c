"""Find out what a run that died had done without being able to say so, before the source is asked for news.

A change whose outcome was never written down would be taken for not done. When the source then moves on (the file is
edited again, the rename taken back), the target would hold something that nobody knows of: a copy under an old name, a
version that looks like a stranger's. While the source rows still are those the plan was made from, one look tells.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from sqlalchemy import Connection

from spfc.ledger.observations import load_source
from spfc.ledger.outcomes import LineResult
from spfc.ledger.plans import OPEN, StoredLine, left_open, load_manifest, newest_plan, stored_lines
from spfc.ledger.runs import load_run
from spfc.planning.model import Action, Outcome, Reason, SourceItem
from spfc.steps.context import RunContext
from spfc.steps.copying import arrived_before, in_flight, jobs_of
from spfc.steps.placement import Placement
from spfc.steps.removals import remove
from spfc.steps.results import deferred, record
from spfc.steps.structure import GROUP, STRUCTURE, Group, groups_of
from spfc.targets.onlooker import Onlooker

log = logging.getLogger("spfc.doubts")

_AT_THE_TARGET = (Action.CREATE_FOLDER, Action.MOVE)
"""What of structure changes the target; the rest only remembers."""


def settle_doubts(run: RunContext) -> int:
    """Look at what the route's last run may have had under way when it failed; return how many changes were found.

    Costs nothing after a run that ended well, else at most two calls for each change that could be under way at once.
    Lines that turn out to be done get that outcome, the others stay deferred. May be repeated.
    """
    with run.reading() as connection:
        plan_id = _doubtful_plan(connection, run)
    if plan_id is None:
        return 0
    looking = replace(run, make_target=lambda: Onlooker(run.target))
    found = 0
    for look in (_structure, _empty_folders, _copies, _removals):
        results = list(look(looking, plan_id))
        record(run, plan_id, results)
        found += sum(result.outcome is Outcome.DONE for result in results)
    log.info("%d changes had been made by a run that could not say so (plan %s)", found, plan_id)
    return found


def _doubtful_plan(connection: Connection, run: RunContext) -> str | None:
    """Return the route's last plan if its run failed, left lines open, and nobody has looked at them yet."""
    newest = newest_plan(connection, run.route.name)
    if newest is None or newest[1] == run.run_id:
        return None
    plan_id, run_id = newest
    row = load_run(connection, run.route.name, run_id)
    if row is None or not row.error or row.dry_run:
        return None
    return plan_id if left_open(connection, plan_id) and not left_open(connection, plan_id, looked_at=True) else None


def _open(
    run: RunContext, plan_id: str, *actions: Action, most: int, batch: int | None = None,
    wanted: Callable[[StoredLine], bool] = lambda _: True,
) -> list[StoredLine]:  # fmt: skip
    """Return the first lines that nobody has reached: lines are executed in their order, so doubt is at the front."""
    with run.reading() as connection:
        lines = stored_lines(connection, plan_id, actions=actions, outcomes=(Outcome.DEFERRED,), batch=batch)
        return list(islice((line for line in lines if line.code == OPEN and wanted(line)), most))


def _structure(run: RunContext, plan_id: str) -> Iterator[LineResult]:
    return _first_group(run, plan_id, lambda stored: stored.line.reason is not Reason.EMPTY_FOLDER)


def _empty_folders(run: RunContext, plan_id: str) -> Iterator[LineResult]:
    return _first_group(run, plan_id, lambda stored: stored.line.reason is Reason.EMPTY_FOLDER)


def _first_group(run: RunContext, plan_id: str, wanted: Callable[[StoredLine], bool]) -> Iterator[LineResult]:
    lines = _open(run, plan_id, *STRUCTURE, most=GROUP, wanted=wanted)
    group = next(groups_of(lines), [])
    sources = _sources(run, group)
    group = [s for s in group if s.line.action in _AT_THE_TARGET and _as_planned(sources.get(s.line.item_id), s)]
    if group:
        yield from _confirmed(group, Group(run, plan_id, Placement(run), group).execute())


def _copies(run: RunContext, plan_id: str) -> Iterator[LineResult]:
    with run.reading() as connection:
        batches = len(load_manifest(connection, plan_id)["batches"])
    for batch in range(batches):
        lines = _open(run, plan_id, Action.UPLOAD, Action.UPDATE, most=in_flight(run), batch=batch)
        sources = _sources(run, lines)
        planned = [stored for stored in lines if _as_planned(sources.get(stored.line.item_id), stored)]
        results = [arrived_before(run, job) or _still_open(job[0]) for job in jobs_of(run, planned)]
        yield from _confirmed(planned, results)


def _removals(run: RunContext, plan_id: str) -> Iterator[LineResult]:
    plain = _open(run, plan_id, Action.REMOVE, most=1, wanted=lambda each: each.line.reason is not Reason.LEFT_BEHIND)
    for stored in plain:
        yield from _confirmed([stored], [remove(run, stored, Placement(run))])


def _confirmed(lines: list[StoredLine], results: list[LineResult]) -> Iterator[LineResult]:
    """Yield results that confirm a line as they are, others as still open, and none where looking failed."""
    for stored, result in zip(lines, results, strict=True):
        if result.outcome is Outcome.DONE:
            yield result
        elif result.outcome is not Outcome.FAILED:
            yield _still_open(stored)


def _still_open(stored: StoredLine) -> LineResult:
    return deferred(stored, OPEN, "The run ended before this line was done; it stays owed.")


def _sources(run: RunContext, lines: list[StoredLine]) -> dict[str, SourceItem]:
    with run.reading() as connection:
        return load_source(connection, run.route.name, [stored.line.item_id for stored in lines])


def _as_planned(source: SourceItem | None, stored: StoredLine) -> bool:
    """Say whether the source row still has the place that the line was about: else somebody has read on already."""
    line = stored.line
    if line.reason is Reason.MAKE_ROOM or line.target_path == "/":
        return True
    name = line.path.rpartition("/")[2]
    return source is not None and (source.parent_id, source.name) == (line.parent_id, name)
