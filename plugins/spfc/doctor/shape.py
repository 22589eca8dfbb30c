"""The few values that every check is made of: a step to take, what it found, and the line that is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    """It works, but somebody should know."""
    FAIL = "fail"
    """A run would fail, or break a promise."""
    SKIPPED = "skipped"
    """Not tried: something that it needs failed, or it does not apply here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found, as a sentence, and what to do about it (never empty for a failure)."""

    verdict: Verdict
    found: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One check to be made. It is skipped when a step named in ``needs`` failed or was skipped for a failure.

    ``run`` may raise: an SpfcError becomes a failure with its hint, anything else one with its kind. ``last`` steps
    clean up: they run whatever happened before, even after Ctrl-C.
    """

    name: str
    run: Callable[[], Finding]
    needs: tuple[str, ...] = ()
    last: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the result. ``name`` is a key of :data:`spfc.doctor.catalogue.CHECKS`. No secret is in it."""

    name: str
    verdict: Verdict
    found: str
    next_step: str
    seconds: float
    """How long it took."""


def ok(found: str) -> Finding:
    """Return a finding that needs nothing to be done."""
    return Finding(Verdict.OK, found)


def warn(found: str, next_step: str) -> Finding:
    """Return a finding that does not stop a run."""
    return Finding(Verdict.WARN, found, next_step)


def fail(found: str, next_step: str) -> Finding:
    """Return a finding that would stop a run or break a promise."""
    return Finding(Verdict.FAIL, found, next_step)


def skipped(why: str) -> Finding:
    """Return the finding of a check that does not apply here."""
    return Finding(Verdict.SKIPPED, why)


def worst(checks: Iterable[Check]) -> Verdict:
    """Return FAIL when anything failed, else WARN when anything is worth knowing, else OK."""
    found = {check.verdict for check in checks}
    return next((verdict for verdict in (Verdict.FAIL, Verdict.WARN) if verdict in found), Verdict.OK)
