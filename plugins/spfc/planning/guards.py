"""When a plan wants to remove or overwrite too much at once, those lines are held for a person to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spfc.planning.model import Action, PlanLine, Reason
from spfc.routes import Guard

TOO_MANY_CHANGES = "too_many_changes"
"""Code of the lines that the overwrite guard holds."""


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """``tripped`` holds the lines; ``text`` is the sentence for the report in either case."""

    tripped: bool
    text: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a guard watches, in the words of its sentences."""

    what: str
    """What is counted at the target, such as ``synced items``."""
    deed: str
    """What would happen to it, such as ``removed``."""
    nothing: str
    """The sentence when nothing of the kind is planned."""


REMOVALS = Guarded("synced items", "removed", "Nothing to remove.")
OVERWRITES = Guarded("synced files", "overwritten", "Nothing to overwrite.")


def judge(guarded: Guarded, affected: int, synced: Callable[[], int], limits: Guard) -> GuardVerdict:
    """Compare what would be removed or overwritten with what the route allows.

    ``synced`` returns how much of the kind lies at the target. It is called only when the share matters, because
    counting reads the whole ledger. The more is affected, the sooner the guard trips: never the other way round.
    """
    if affected == 0:
        return GuardVerdict(False, guarded.nothing)
    if affected <= min(limits.max_items, limits.min_items):
        return GuardVerdict(False, f"{affected} {guarded.what} to be {guarded.deed}, within the limits of the route.")
    total = synced()
    share = affected / total if total else 1.0
    seen = f"{affected} of {total} {guarded.what} ({share:.0%})"
    if affected > limits.max_items:
        allowed = str(limits.max_items)
    elif affected > limits.min_items and share > limits.max_share:
        allowed = f"{limits.max_share:.0%}"
    else:
        return GuardVerdict(False, f"{seen} to be {guarded.deed}, within the limits of the route.")
    return GuardVerdict(True, f"Held: {seen} would be {guarded.deed}; the route allows {allowed} at once.")


def is_overwrite(line: PlanLine) -> bool:
    """Say whether a line replaces the bytes of a file that we copied before.

    Older files that were at the target before the first run are not meant: the route was told to replace them.
    """
    return line.action is Action.UPDATE and line.reason is Reason.CONTENT_CHANGED
