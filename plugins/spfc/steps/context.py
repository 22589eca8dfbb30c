"""What every step of a run works with: route, ledger, source, target, clock, lease."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from spfc.errors import SpfcError
from spfc.ledger.database import Database
from spfc.ledger.leases import renew_lease
from spfc.ledger.runs import Cost, add_cost, update_run
from spfc.routes import BaseRoute, BaseRunOptions, ListRoute, ListRunOptions, Route, RunOptions
from spfc.sources.base import Source, Usage
from spfc.sources.records import RecordSource
from spfc.targets.base import Target
from spfc.targets.records import RecordTable

log = logging.getLogger("spfc")

BEAT_SECONDS = 300.0
"""How often the lease is extended while nothing ends that would extend it: well within its life."""


class Spender(Protocol):
    """What counts what it spends at a source."""

    @property
    def usage(self) -> Usage:
        """What was spent so far."""

    def close(self) -> None:
        """Give back what is held."""


class Place(Protocol):
    """What counts what it asks of a target."""

    @property
    def calls(self) -> int:
        """Requests so far."""

    @property
    def refusals(self) -> int:
        """How often it was turned away for now."""

    def close(self) -> None:
        """End sessions."""


RouteT = TypeVar("RouteT", bound=BaseRoute)
OptionsT = TypeVar("OptionsT", bound=BaseRunOptions)
SourceT = TypeVar("SourceT", bound=Spender)
TargetT = TypeVar("TargetT", bound=Place)


@dataclass
class Run(Generic[RouteT, OptionsT, SourceT, TargetT]):
    """One run of one route, as one task sees it.

    Source and target are made on first use, so a step that needs neither talks to nobody. ``fence`` is the lease of
    the run: None only before ``enumerate`` has taken it.
    """

    route: RouteT
    run_id: str
    options: OptionsT
    database: Database
    make_source: Callable[[], SourceT]
    make_target: Callable[[], TargetT]
    clock: Callable[[], float]
    fence: int | None = None
    at_end: Callable[[], None] = lambda: None
    """Called when a task has ended, however it did: gives back what its process still holds of shared budgets."""
    _spent: Cost = field(default_factory=Cost)
    _beaten_at: float = 0.0

    @cached_property
    def source(self) -> SourceT:
        """The route's source."""
        return self.make_source()

    @cached_property
    def target(self) -> TargetT:
        """The route's target."""
        return self.make_target()

    def now(self) -> float:
        """Return the time in seconds since 1970 UTC."""
        return self.clock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction of the ledger."""
        with self.database.reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction of the ledger that only a run with the current lease can commit."""
        with self.database.writing(self.route.name, self.fence) as connection:
            yield connection

    def renew(self, connection: Connection) -> None:
        """Extend the lease of this run, within a write transaction. Raises LeaseLost."""
        renew_lease(connection, self.route.name, self.fence or 0, self.now())

    def beat(self) -> None:
        """Extend the lease if that was not done here lately; for long waits and long files. Raises LeaseLost."""
        now = self.now()
        if self.fence is None or now - self._beaten_at < BEAT_SECONDS:
            return
        self._beaten_at = now
        with self.writing() as connection:
            self.renew(connection)

    def spending(self) -> Cost:
        """Return what this task has spent so far."""
        usage = self.source.usage if "source" in self.__dict__ else Usage()
        calls = self.target.calls if "target" in self.__dict__ else 0
        return Cost(usage.requests, usage.units, calls)

    def refusals(self) -> int:
        """Return how often source and target have turned this task away so far."""
        usage = self.source.usage if "source" in self.__dict__ else Usage()
        return usage.refusals + (self.target.refusals if "target" in self.__dict__ else 0)

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """Run a step: its costs are written down however it ends, a failure becomes the run's error, sessions close."""
        try:
            yield
        except SpfcError as error:
            self._note_failure(name, error)
            raise
        finally:
            self._note_costs(name)
            self._settle(name)

    def _note_failure(self, name: str, error: SpfcError) -> None:
        try:
            with self.database.writing() as connection:
                update_run(connection, self.route.name, self.run_id, error=f"{name}: {error}")
        except SpfcError as second:
            log.warning("The failure of %s could not be written to the ledger: %s", name, second)

    def _note_costs(self, name: str) -> None:
        spent = self.spending()
        for side in ("source", "target"):
            if side in self.__dict__:
                self.__dict__[side].close()
        spent = self.spending()
        if spent == Cost():
            return
        log.info("%s: %d source requests worth %d units, %d target calls", name, spent.requests, spent.units,
                 spent.calls)  # fmt: skip
        try:
            with self.database.writing() as connection:
                add_cost(connection, self.route.name, self.run_id, name, spent)
        except SpfcError as error:
            log.warning("What %s spent could not be written to the ledger: %s", name, error)

    def _settle(self, name: str) -> None:
        try:
            self.at_end()
        except SpfcError as error:
            log.warning("What %s did not use of the shared budget could not be given back: %s", name, error)


RunContext = Run[Route, RunOptions, Source, Target]
"""A run of a route that copies files."""
ListRun = Run[ListRoute, ListRunOptions, RecordSource, RecordTable]
"""A run of a route that keeps a list in a table."""
AnyRun = Run[Any, Any, Any, Any]
"""A run of any route: for what all of them share, such as lease and history."""
