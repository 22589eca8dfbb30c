"""Read rounds of a list's change feed and apply each page; begin anew when the feed or the columns ask for it."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol

from spfc.errors import (
    AnswerUnreadable,
    CursorExpired,
    PermissionMissing,
    PlaceNotFound,
    RequestRefused,
    ServiceBusy,
    ServiceError,
    SourceSuspicious,
)
from spfc.records.convert import MISFIT, convert
from spfc.records.model import Column, Record
from spfc.sources.base import Binding
from spfc.sources.records import RecordPage
from spfc.steps.context import ListRun
from spfc.steps.records.beginning import fence_of
from spfc.steps.records.guard import RowGuard
from spfc.targets.records import Applied, ListState, Stage

log = logging.getLogger("spfc.lists")

MAX_ROUNDS = 100
"""Most rounds of the feed in one run; a list that never falls quiet goes on in the next run (Graph reference 1)."""

MAX_RESTARTS = 3
"""Most fresh starts in one run: endless resyncs have happened (Graph reference 6.4)."""

ROWS_BETWEEN_BEATS = 100
"""Rows of a page that are asked for one by one before the lease is renewed and the time is looked at."""

_BAD_LINK = (AnswerUnreadable, PermissionMissing, PlaceNotFound, RequestRefused, ServiceBusy)
"""How a link that the service offered for a fresh start has been seen to fail (Graph reference 6.4)."""


class Stop(Protocol):
    """Says when to ask for no further page. ``hurried``: because the task was told to stop, not for its time box."""

    hurried: bool

    def __call__(self) -> bool:
        """Say whether it is time to stop."""


@dataclass(slots=True)
class Round:
    """The round that is under way, as far as this process has read it. ``whole``: from its beginning on."""

    whole: bool = True
    pages: int = 0
    touched: int = 0

    @property
    def quiet(self) -> bool:
        """Say whether asking again would only cost: nothing was news, or one answer told it all a moment ago."""
        return not self.touched or (self.whole and self.pages == 1)


class Reader:
    """Reads on from a state. ``state`` is always the one that the table holds, None before there is a table."""

    def __init__(self, run: ListRun, state: ListState | None, binding: Binding, stop: Stop) -> None:
        self.state = state
        self.earlier = run.target.tally(run.run_id)
        """What earlier tries of this run have done."""
        self.guard = RowGuard(run.route, self.earlier.applied)
        self._run, self._stop, self._binding = run, stop, binding
        self._round = Round(whole=state is None or state.page is None)
        self._asked: set[str | None] = set()
        self._offered: str | None = None
        self._rounds = self._restarts = 0
        self._looked = False

    def start_reading(self, columns: tuple[Column, ...] | None = None) -> None:
        """Begin a full reading: look at the columns of the list (unless given), bring the table up to them."""
        before = self.state or ListState(generation=0)
        if columns is None:
            columns = self._columns()
        fresh = replace(
            before, stage=Stage.READING, cursor=None, page=None, generation=before.generation + 1, columns=columns,
            binding=self._binding, strangers=_without(before.strangers, columns),
        )  # fmt: skip
        self._prepare(fresh)
        self._begin_round()

    def read(self) -> bool:
        """Read until the feed is quiet and say so; False when it was told to stop before."""
        while not self._stop():
            self._run.beat()
            page = self._fetch()
            if page is None or self._follow_columns(page):
                continue
            self._apply(page)
            if not page.complete:
                continue
            quiet, self._rounds = self._round.quiet, self._rounds + 1
            self._begin_round()
            if quiet or self._rounds >= MAX_ROUNDS:
                return True
        return False

    # One page

    def _fetch(self) -> RecordPage | None:
        """Return the next page, None when another position has to be asked for, or when told to stop."""
        position = self._current().position
        if self._offered is None and position in self._asked:
            self._leave_circle()
        try:
            page = self._run.source.changes(self._offered or position)
        except CursorExpired as expired:
            self._restart(expired)
            return None
        except _BAD_LINK as error:
            if self._offered is None:
                raise
            log.warning("The link offered for the fresh start does not work, so the beginning is asked for. %s", error)
            self._offered = None
            return None
        self._offered = None
        self._asked.add(position)
        return self._whole(page)

    def _whole(self, page: RecordPage) -> RecordPage | None:
        """Return the page with what its rows hold in columns that pages leave out; None when told to stop.

        The time box lets it finish: a page that takes longer than the box would never be got through.
        """
        if not any(column.apart for column in self._current().columns):
            return page
        records: list[Record] = []
        for start in range(0, len(page.records), ROWS_BETWEEN_BEATS):
            if self._stop.hurried:
                return None
            self._run.beat()
            records += self._run.source.whole(page.records[start : start + ROWS_BETWEEN_BEATS])
        return replace(page, records=tuple(records))

    def _apply(self, page: RecordPage) -> None:
        run, before = self._run, self._current()
        sweeps = page.complete and before.stage is Stage.READING
        now = run.now()
        known = replace(before, binding=self._binding)
        if sweeps:
            # Where the round goes on stays as it was until the sweep is done: a crash in between reads this page again.
            after = known
        elif page.complete:
            after = replace(known, cursor=page.cursor, page=None, synced_at=now)
        else:
            after = replace(known, page=page.cursor)
        done = run.target.apply(page.records, before, after, fence_of(run), now=now, run_id=run.run_id, doom=self.guard)
        self._done(after, done)
        self._round.pages += 1
        if sweeps:
            self._sweep(page.cursor)

    def _sweep(self, cursor: str) -> None:
        """End a full reading: rows that it has not shown are gone. Raises SourceSuspicious when it showed none."""
        run, before = self._run, self._current()
        shown = run.target.shown(before.generation)
        if shown.unseen and not shown.seen and not run.options.purge:
            self._begin_anew()
            raise SourceSuspicious(
                f"The list shows nothing any more, but the table has {shown.unseen:,} rows: none was deleted.",
                item=run.route.source.label,
                hint="Look at the list and at the permissions of the app. If it was emptied on purpose, run the route "
                "with the parameter purge.",
            )
        now = run.now()
        after = replace(before, stage=Stage.FOLLOWING, cursor=cursor, page=None, full_at=now, synced_at=now)
        done = run.target.sweep(before, after, fence_of(run), now=now, run_id=run.run_id, doom=self.guard)
        self._done(after, done)
        if done.touched:
            log.info("%d rows were not in the full reading any more", done.touched)

    def _done(self, after: ListState, done: Applied) -> None:
        self.state = after
        self.guard.add(done)
        self._round.touched += done.touched

    def _begin_round(self) -> None:
        self._round = Round()
        self._asked.clear()

    def _current(self) -> ListState:
        if self.state is None:
            raise AssertionError("a reading is begun first")
        return self.state

    # Fresh starts

    def _restart(self, expired: CursorExpired) -> None:
        """Begin a new generation from the very beginning.

        The link that the service offers is tried first but never stored: one that does not work would be asked for
        ever.
        """
        self._count_restart(expired)
        log.warning("The change feed does not know our position any more: reading everything again. %s", expired)
        self.start_reading()
        self._offered = expired.restart if self._restarts == 1 else None

    def _count_restart(self, cause: Exception | None) -> None:
        self._restarts += 1
        if self._restarts > MAX_RESTARTS:
            raise ServiceError(
                f"The list had to be read anew {self._restarts} times in one run.",
                item=self._run.route.source.label,
                hint="Leave the schedule on: the table stays as it is until the service recovers.",
            ) from cause

    def _begin_anew(self) -> None:
        """Let the next reading begin at the beginning, without looking at the columns again."""
        before = self._current()
        self._prepare(replace(before, page=None, cursor=None, stage=Stage.READING, generation=before.generation + 1))

    def _leave_circle(self) -> NoReturn:
        self._begin_anew()
        raise AnswerUnreadable(
            "The change feed led back to a page of the same round.",
            item=self._run.route.source.label,
            hint="Nothing was lost and nothing was deleted: the next run reads the list anew from the beginning.",
        )

    def _prepare(self, after: ListState) -> None:
        run = self._run
        changes = run.target.prepare(self.state, after, fence_of(run), run_id=run.run_id)
        self.state = after
        for change in changes:
            log.info("Column %s (%s in the table): %s", change.name, change.sql_name, change.fate.value)

    # Columns

    def _columns(self) -> tuple[Column, ...]:
        self._looked = True
        columns = self._run.source.columns()
        if not columns and self.state is not None and self.state.columns:
            raise SourceSuspicious(
                "The list shows no columns any more, so nothing was read.", item=self._run.route.source.label,
                hint="Look at the list and at the permissions of the app.",
            )  # fmt: skip
        return columns

    def _follow_columns(self, page: RecordPage) -> bool:
        """Look at the columns when values have unknown keys, or (once a run) when one does not fit: its column may have
        another type now. True when that began a full reading instead of the page.

        Nothing is lost with the page: the reading shows all that lives, and its sweep finds what is gone.
        """
        state = self._current()
        known = {column.name for column in state.columns}.union(state.strangers)
        keys = {key for record in page.records for key in record.values} - known
        odd = bool(keys) or (not self._looked and not _all_fit(page, state.columns))
        return odd and self._take_columns(self._columns(), keys)

    def _take_columns(self, columns: tuple[Column, ...], keys: Collection[str]) -> bool:
        state = self._current()
        known = {(column.name, column.type, column.apart) for column in state.columns}
        if any((column.name, column.type, column.apart) not in known for column in columns):
            self._count_restart(None)
            log.info("The columns of the list have changed: reading everything, so that older rows get their values.")
            self.start_reading(columns)
            return True
        strangers = _without(sorted({*state.strangers, *keys}), columns)
        after = replace(state, columns=columns, strangers=strangers)
        if after != state:
            self._prepare(after)
        return False


def _all_fit(page: RecordPage, columns: Collection[Column]) -> bool:
    return not any(
        convert(record.values.get(column.name), column.type) is MISFIT for record in page.records for column in columns
    )


def _without(strangers: Collection[str], columns: Collection[Column]) -> tuple[str, ...]:
    names = {column.name for column in columns}
    return tuple(name for name in strangers if name not in names)
