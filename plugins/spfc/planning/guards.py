"""When a plan wants to remove too much at once, its removals are held for a person to judge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """``tripped`` holds the removals; ``text`` is the sentence for the report in either case."""

    tripped: bool
    text: str


def judge_removals(removed: int, synced: int, *, max_items: int, max_share: float, min_items: int) -> GuardVerdict:
    """Compare the items that would go (with everything below them) with what the route allows.

    ``removed`` and ``synced`` count files and folders; up to ``min_items`` the share is not looked at.
    """
    if removed == 0:
        return GuardVerdict(False, "Nothing to remove.")
    share = removed / synced if synced else 1.0
    seen = f"{removed} of {synced} synced items ({share:.0%})"
    if removed > max_items:
        return GuardVerdict(True, f"Held: {seen} would be removed; the route allows {max_items} at once.")
    if removed > min_items and share > max_share:
        return GuardVerdict(True, f"Held: {seen} would be removed; the route allows {max_share:.0%} at once.")
    return GuardVerdict(False, f"{seen} to be removed, within the limits of the route.")
