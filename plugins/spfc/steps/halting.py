"""Why a transfer begins nothing more: its time box, quiet hours, or a service that wants a long rest."""

from __future__ import annotations

from dataclasses import dataclass

from spfc.errors import Disposition, SpfcError
from spfc.steps.context import RunContext
from spfc.transfer.pool import StopSignal
from spfc.transfer.quiet import QuietHours

LONG_REST = 60.0
"""Seconds of a pause from which on the rest of a batch is left to a later run: no pause of our own is longer, and the
clients have slept through shorter ones."""


@dataclass(frozen=True, slots=True)
class Halted:
    """The reason: code and sentence for the lines that were not begun. The time box has none, as ever."""

    code: str
    sentence: str


class Halt:
    """Says when to begin nothing new. Called from several threads; the first reason counts."""

    def __init__(self, run: RunContext) -> None:
        limits = run.route.limits
        self._now = run.now
        self._stop = StopSignal(run.clock, run.now() + limits.time_box_minutes * 60)
        self._quiet = QuietHours(limits.quiet_hours, limits.time_zone)
        self.reason: Halted | None = None

    def __call__(self) -> bool:
        """Say whether it is time to stop."""
        until = None if self.reason else self._quiet.until(self._now())
        if until is not None:
            self._end(Halted("quiet_hours", f"The quiet hours of the route last until {until}."))
        return self._stop()

    @property
    def hurried(self) -> bool:
        """Whether copies under way are to be broken off, too."""
        return self._stop.hurried

    def ask(self) -> None:
        """Ask for a stop without a reason for the lines: they stay open."""
        self._stop.ask()

    def hurry(self) -> None:
        """Ask for a stop that breaks off what is under way."""
        self._stop.hurry()

    def wants_rest(self, error: SpfcError) -> bool:
        """Say whether ``error`` asks for a long rest, and take it as a reason to stop."""
        if error.disposition is not Disposition.WAIT or (error.retry_after or 0.0) < LONG_REST:
            return False
        self._end(Halted(error.code, error.message))
        return True

    def _end(self, reason: Halted) -> None:
        self.reason = self.reason or reason
        self._stop.ask()
