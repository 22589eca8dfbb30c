"""Find out what a run did without being able to say so, before the source is asked for news: it died, or the answer to
a change was lost.

A change whose outcome was never written down would be taken for not done. When the source then moves on (the file is
edited again, the rename taken back), the target would hold something that nobody knows of: a copy under an old name, a
version that looks like a stranger's. While the source rows still are those the plan was made from, one look tells.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from sqlalchemy import Connection

from spfc.ledger.observations import load_source
from spfc.ledger.outcomes import LineResult
from spfc.ledger.plans import OPEN, StoredLine, left_open, load_manifest, newest_plan, stored_lines
from spfc.ledger.runs import feed_was_read_since, load_run
from spfc.planning.model import Action, Outcome, Reason, SourceItem
from spfc.steps.brakes import Brakes
from spfc.steps.context import RunContext
from spfc.steps.copying import arrived_before, in_flight, jobs_of
from spfc.steps.halting import Halt
from spfc.steps.placement import Placement
from spfc.steps.removals import remove
from spfc.steps.results import deferred, record
from spfc.steps.structure import GROUP, STRUCTURE, Group, groups_of
from spfc.targets.onlooker import Onlooker

log = logging.getLogger("spfc.doubts")

LOST = ("reply_lost", "service_busy", "answer_unreadable")
"""Codes of failures after which the service may have done what it was asked."""

MOST_LOST = 500
"""Failed lines that are looked at: a service that fails more often has hardly done what it was asked."""

_AT_THE_TARGET = (Action.CREATE_FOLDER, Action.MOVE)
"""What of structure changes the target; the rest only remembers."""


def settle_doubts(run: RunContext) -> int:
    """Look at what the route's last run may have done unseen; return how many changes were found.

    Costs nothing after a run that ended well, else at most two calls for each change that could be under way when it
    died, and for each failed line whose answer was lost; the latter only until a run has read the feed after it. Lines
    that turn out to be done get that outcome. May be repeated.
    """
    with run.reading() as connection:
        newest = newest_plan(connection, run.route.name)
        if newest is None:
            return 0
        plan_id, run_id = newest
        row = load_run(connection, run.route.name, run_id)
        if row is None or row.dry_run:
            return 0
        # A run that begins again was cleared, as one does with those that were killed.
        died = (bool(row.error) or run_id == run.run_id) and _has_unseen(connection, plan_id)
        # Once is enough: what was not found stays failed, and without debt there is no newer plan to look at instead.
        asked = feed_was_read_since(connection, run.route.name, row.started_at)
        lost = [] if asked else _lost_lines(connection, plan_id)
    if not died and not lost:
        return 0
    looking = replace(run, make_target=lambda: Onlooker(run.target))
    found = sum(_settle(run, plan_id, look(looking, plan_id)) for look in (_LOOKS if died else ()))
    found += _settle(run, plan_id, _answers(looking, plan_id, lost))
    log.info("%d changes had been made by a run that could not say so (plan %s)", found, plan_id)
    return found


def _settle(run: RunContext, plan_id: str, results: Iterable[LineResult]) -> int:
    settled = list(results)
    record(run, plan_id, settled)
    return sum(result.outcome is Outcome.DONE for result in settled)


def _has_unseen(connection: Connection, plan_id: str) -> bool:
    """Say whether a plan has open lines and nobody has looked at any of them yet."""
    return left_open(connection, plan_id) and not left_open(connection, plan_id, looked_at=True)


def _lost_lines(connection: Connection, plan_id: str) -> list[StoredLine]:
    failed = stored_lines(connection, plan_id, outcomes=(Outcome.FAILED,))
    return list(islice((stored for stored in failed if stored.code in LOST), MOST_LOST))


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
    group = [s for s in next(groups_of(lines), []) if s.line.action in _AT_THE_TARGET]
    return _confirmed(*_placed(run, plan_id, _as_planned(run, group)))


def _copies(run: RunContext, plan_id: str) -> Iterator[LineResult]:
    with run.reading() as connection:
        batches = len(load_manifest(connection, plan_id)["batches"])
    for batch in range(batches):
        lines = _open(run, plan_id, Action.UPLOAD, Action.UPDATE, most=in_flight(run), batch=batch)
        yield from _confirmed(*_arrived(run, _as_planned(run, lines)))


def _removals(run: RunContext, plan_id: str) -> Iterator[LineResult]:
    plain = _open(run, plan_id, Action.REMOVE, most=1, wanted=_is_plain)
    return _confirmed(*_removed(run, plain))


_LOOKS = (_structure, _empty_folders, _copies, _removals)


def _answers(run: RunContext, plan_id: str, lost: list[StoredLine]) -> Iterator[LineResult]:
    """Yield what became of failed lines whose change was made all the same; the others stay as they are."""
    structure = _as_planned(run, [stored for stored in lost if stored.line.action in _AT_THE_TARGET])
    copies = _as_planned(run, [stored for stored in lost if stored.line.action in (Action.UPLOAD, Action.UPDATE)])
    removals = [stored for stored in lost if stored.line.action is Action.REMOVE and _is_plain(stored)]
    looks = [_placed(run, plan_id, group) for group in groups_of(structure)]
    for _, results in (*looks, _arrived(run, copies), _removed(run, removals)):
        yield from (result for result in results if result.outcome is Outcome.DONE)


Looked = tuple[list[StoredLine], list[LineResult]]
"""Lines, and what looking at them came to, in the same order."""


def _placed(run: RunContext, plan_id: str, group: list[StoredLine]) -> Looked:
    return group, Group(run, plan_id, Placement(run), group, Brakes.of(run)).execute() if group else []


def _arrived(run: RunContext, lines: list[StoredLine]) -> Looked:
    return lines, [arrived_before(run, job) or _still_open(job[0]) for job in jobs_of(run, lines)]


def _removed(run: RunContext, lines: list[StoredLine]) -> Looked:
    return lines, [remove(run, stored, Placement(run), Halt(run), looking=True) for stored in lines]


def _is_plain(stored: StoredLine) -> bool:
    return stored.line.reason is not Reason.LEFT_BEHIND


def _confirmed(lines: list[StoredLine], results: list[LineResult]) -> Iterator[LineResult]:
    """Yield results that confirm a line as they are, others as still open, and none where looking failed."""
    for stored, result in zip(lines, results, strict=True):
        if result.outcome is Outcome.DONE:
            yield result
        elif result.outcome is not Outcome.FAILED:
            yield _still_open(stored)


def _still_open(stored: StoredLine) -> LineResult:
    return deferred(stored, OPEN, "The run ended before this line was done; it stays owed.")


def _as_planned(run: RunContext, lines: list[StoredLine]) -> list[StoredLine]:
    """Return the lines whose source row still has the place that they were about: else somebody has read on already."""
    with run.reading() as connection:
        sources = load_source(connection, run.route.name, [stored.line.item_id for stored in lines])
    return [stored for stored in lines if _has_place(sources.get(stored.line.item_id), stored)]


def _has_place(source: SourceItem | None, stored: StoredLine) -> bool:
    line = stored.line
    if line.reason is Reason.MAKE_ROOM or line.target_path == "/":
        return True
    name = line.path.rpartition("/")[2]
    return source is not None and (source.parent_id, source.name) == (line.parent_id, name)
