"""First step: take the lease, read the change feed until it is quiet, store each page with the link behind it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from spfc.errors import (
    AnswerUnreadable,
    CursorExpired,
    PermissionMissing,
    PlaceNotFound,
    RequestRefused,
    RouteInvalid,
    ServiceBusy,
    ServiceError,
)
from spfc.ledger.cursors import Cursor, load_cursor, store_cursor
from spfc.ledger.debts import debt_summary
from spfc.ledger.leases import take_lease
from spfc.ledger.observations import store_items, sweep
from spfc.ledger.owing import owe_everything_missing
from spfc.ledger.runs import RunRow, begin_run, load_run, update_run
from spfc.routes import RunMode
from spfc.sources.base import Binding, ChangePage
from spfc.steps.context import RunContext
from spfc.steps.doubts import settle_doubts
from spfc.steps.mirrored import check_base
from spfc.steps.overwrites import check_release
from spfc.steps.parents import Parents
from spfc.steps.standing import PLACE, check_place, check_source, follow_filters, place_of
from spfc.steps.wreckage import begin_again, end_dead_runs

log = logging.getLogger("spfc.enumerate")

MAX_ROUNDS = 100
"""Most rounds of the feed in one run; a library that never falls quiet goes on in the next run (Graph reference 1)."""

MAX_RESTARTS = 3
"""Most fresh starts in one run: endless resyncs have happened (Graph reference 6.4)."""

SECONDS_PER_DAY = 86_400.0

_BAD_LINK = (AnswerUnreadable, PermissionMissing, PlaceNotFound, RequestRefused, ServiceBusy)
"""How a link that the service offered for a fresh start has been seen to fail (Graph reference 6.4)."""


@dataclass(slots=True)
class _Tally:
    parents: Parents
    pages: int = 0
    seen: int = 0
    changed: int = 0
    rounds: int = 0
    restarts: int = 0


def enumerate_source(run: RunContext) -> dict[str, Any]:
    """Bring the source tree of the ledger up to date and return what that took.

    Keys: ``fence`` (lease), ``pages``, ``items_seen``, ``changed``, ``rounds``, ``generation``, ``full`` (a full
    enumeration was made), ``cursor_age`` (seconds since the last run's feed position, None at first), ``requests``,
    ``units``, ``debt`` (owed items now). May be repeated: the lease is kept, pages are merged again. A backfill
    reads no page.
    """
    with run.database.writing() as connection:
        begin_run(connection, _run_row(run))
    check_release(run)
    with run.database.writing() as connection:
        run.fence = take_lease(connection, run.route.name, run.run_id, run.now())
        end_dead_runs(connection, run)
        begin_again(connection, run)
        stored = load_cursor(connection, run.route.name)
        begun = load_run(connection, run.route.name, run.run_id)
    if run.options.mode is RunMode.BACKFILL:
        return _as_known(run, stored)
    cursor = _starting_point(run, stored, begun.started_at if begun else run.now())
    cursor = replace(cursor, binding={**_bind(run, cursor.binding), PLACE: place_of(run.route)})
    settle_doubts(run)
    tally = _Tally(Parents(run))
    full = cursor.full_round
    while tally.rounds < MAX_ROUNDS:
        before, begins = tally.pages, cursor.link is None or cursor.round_complete
        cursor, changed = _read_round(run, cursor, tally)
        full = full or cursor.full_at == cursor.updated_at
        if not changed or (begins and tally.pages == before + 1) or not run.source.has_feed:
            break  # a round of one page is as fresh as an answer can be: asking again would only cost
    if tally.changed:
        tally.changed += tally.parents.of_debt(cursor.generation)
    with run.reading() as connection:
        check_base(connection, run.route)
    with run.writing() as connection:
        follow_filters(connection, run.route, cursor, run.now())
        owed, _ = debt_summary(connection, run.route.name)
        update_run(
            connection, run.route.name, run.run_id, pages=tally.pages, items_seen=tally.seen, changed=tally.changed
        )
    log.info(
        "Feed quiet after %d pages: %d items seen, %d changed, %d owed", tally.pages, tally.seen, tally.changed, owed
    )
    cursor_age = None if stored is None else run.now() - stored.updated_at
    return _result(run, tally, cursor, full=full, owed=owed, cursor_age=cursor_age)


def _result(
    run: RunContext, tally: _Tally, cursor: Cursor, *, full: bool, owed: int, cursor_age: float | None
) -> dict[str, Any]:
    spent = run.spending()
    return {
        "fence": run.fence,
        "pages": tally.pages,
        "items_seen": tally.seen,
        "changed": tally.changed,
        "rounds": tally.rounds,
        "generation": cursor.generation,
        "full": full,
        "cursor_age": None if cursor_age is None else round(cursor_age, 1),
        "requests": spent.requests,
        "units": spent.units,
        "debt": owed,
    }


def _as_known(run: RunContext, stored: Cursor | None) -> dict[str, Any]:
    """Return what is known without reading the feed: a backfill never moves the cursor."""
    if stored is None:
        raise RouteInvalid(
            f"Route {run.route.name!r} has not been run yet, so there is nothing that a backfill could compare.",
            hint="Let the route run once; a backfill looks again at what earlier runs have copied.",
        )
    if stored.binding.get(PLACE) != place_of(run.route):
        _bind(run, stored.binding)
    settle_doubts(run)
    with run.reading() as connection:
        check_base(connection, run.route)
        owed, _ = debt_summary(connection, run.route.name)
    return _result(run, _Tally(Parents(run)), stored, full=False, owed=owed, cursor_age=run.now() - stored.updated_at)


def _bind(run: RunContext, known: Binding) -> Binding:
    """Find the source, and make sure that it and the target are what the ledger is about."""
    check_place(run.route, known)
    found = run.source.bind(known or None)
    check_source(run.route, known, found)
    return found


def _run_row(run: RunContext) -> RunRow:
    return RunRow(
        route=run.route.name,
        run_id=run.run_id,
        started_at=run.now(),
        mode=run.options.mode.value,
        dry_run=run.options.dry_run,
    )


def _starting_point(run: RunContext, stored: Cursor | None, begun: float) -> Cursor:
    """Return where to go on; a full enumeration that was interrupted is resumed, not begun again."""
    if stored is None:
        return Cursor(updated_at=run.now())
    wanted = run.options.mode in (RunMode.FULL, RunMode.AUDIT)
    if not run.source.has_feed:
        return _without_feed(stored, begun, wanted=wanted)
    resuming = stored.full_round and not stored.round_complete
    old = run.route.limits.full_every_days * SECONDS_PER_DAY
    due = stored.full_at is not None and run.now() - stored.full_at > old
    return _fresh_start(stored) if not resuming and (wanted or due) else stored


def _without_feed(stored: Cursor, begun: float, *, wanted: bool) -> Cursor:
    """Return where to go on with a source of which each run reads one full enumeration.

    One that an earlier run left unfinished is brought to its end, or a tree too large for one run would never be read.
    But what it did not show then may be there now, and no feed would tell: so it proves no absence, and the next run
    begins anew. Before the first copy there is nothing that could be taken for gone.
    """
    if stored.round_complete or stored.link is None:
        return _fresh_start(stored) if stored.round_complete else stored
    if stored.updated_at >= begun or stored.full_at is None:
        return stored
    return _fresh_start(stored) if wanted else replace(stored, full_round=False)


def _fresh_start(cursor: Cursor) -> Cursor:
    return replace(cursor, link=None, round_complete=False, full_round=True, generation=cursor.generation + 1)


def _read_round(run: RunContext, cursor: Cursor, tally: _Tally) -> tuple[Cursor, int]:
    """Read pages to the end of a round; return the cursor behind it and how many items were news."""
    changed = 0
    asked: set[str | None] = set()
    offered: str | None = None
    while True:
        if cursor.link in asked:
            _leave_circle(run, cursor)
        try:
            page = run.source.changes(offered or cursor.link)
        except CursorExpired as expired:
            cursor = _restart(run, cursor, tally, expired)
            offered = expired.restart if tally.restarts == 1 else None
            asked.clear()
            continue
        except _BAD_LINK as error:
            if offered is None:
                raise
            log.warning("The link offered for the fresh start does not work, so the beginning is asked for. %s", error)
            offered = None
            continue
        asked.add(cursor.link)
        offered = None
        came = tally.parents.before_sweep(page.items, cursor.generation) if _sweeps(cursor, page) else 0
        cursor, news = _store_page(run, cursor, page)
        news += came
        changed += news
        tally.pages += 1
        tally.seen += len(page.items)
        tally.changed += news
        if tally.pages % 10 == 0:
            log.info("%d pages, %d items, %d changed so far", tally.pages, tally.seen, tally.changed)
        if page.complete:
            tally.rounds += 1
            return cursor, changed


def _leave_circle(run: RunContext, cursor: Cursor) -> NoReturn:
    """Give up on links that lead in a circle, and see to it that the next run does not follow them again."""
    with run.writing() as connection:
        store_cursor(connection, run.route.name, _fresh_start(cursor))
    raise AnswerUnreadable(
        "The change feed led back to a page of the same round.",
        hint="Nothing was lost and nothing was removed: the next run lists the library anew from the beginning.",
    )


def _restart(run: RunContext, cursor: Cursor, tally: _Tally, expired: CursorExpired) -> Cursor:
    """Begin a new generation from the very beginning.

    The link that the service offers is tried first but never stored: one that does not work would be asked for ever.
    """
    tally.restarts += 1
    if tally.restarts > MAX_RESTARTS:
        raise ServiceError(
            f"The change feed asked for a fresh start {tally.restarts} times in one run.",
            hint="Known trouble of the service: leave the schedule on, the mirror stays as it is until it recovers.",
        ) from expired
    log.warning("The change feed does not know our position any more: enumerating everything again. %s", expired)
    fresh = _fresh_start(cursor)
    with run.writing() as connection:
        store_cursor(connection, run.route.name, fresh)
    return fresh


def _sweeps(cursor: Cursor, page: ChangePage) -> bool:
    """Say whether a full enumeration ends with this page."""
    return page.complete and cursor.full_round


def _store_page(run: RunContext, cursor: Cursor, page: ChangePage) -> tuple[Cursor, int]:
    now = run.now()
    swept = _sweeps(cursor, page)
    ahead = replace(
        cursor,
        link=page.cursor,
        round_complete=page.complete,
        full_round=cursor.full_round and not page.complete,
        updated_at=now,
        full_at=now if swept else cursor.full_at,
    )
    with run.writing() as connection:
        first = cursor.full_at is None
        result = store_items(connection, run.route.name, page.items, cursor.generation, now, owe_new=not first)
        gone = sweep(connection, run.route.name, cursor.generation, now) if swept else 0
        if swept and first:
            owe_everything_missing(connection, run.route.name, now)
        store_cursor(connection, run.route.name, ahead)
        run.renew(connection)
    if gone:
        log.info("%d items were not in the full enumeration any more", gone)
    return ahead, result.changed + gone
