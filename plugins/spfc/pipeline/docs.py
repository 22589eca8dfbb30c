"""The text on a route's DAG page."""

from __future__ import annotations

from spfc.routes import RemovalPolicy, Route


def dag_doc(route: Route) -> str:
    """Return the documentation of a route's DAG as Markdown."""
    policies = route.policies
    guard, overwrites = policies.removal_guard, policies.overwrite_guard
    return f"""\
### {route.name}

{route.description or "One-way sync."}

| | |
|---|---|
| source | `{route.source.label}` |
| target | `{route.target.label}` |
| removed at the source | {policies.removals.value}{_where(route)} |
| removals are held above | {guard.max_items} items or {guard.max_share:.0%} of the route in one run |
| overwrites are held above | {overwrites.max_items} files or {overwrites.max_share:.0%} of the route in one run |
| excluded names | {" ".join(f"`{glob}`" for glob in route.filters.exclude) or "none"} |
| empty folders | {"mirrored" if policies.empty_folders else "left out"} |

**Tasks.** `enumerate` reads what has changed; without changes the run ends there. `diff_and_plan` decides what to do
and seals the plan. `apply_structure` makes folders, renames and moves. `transfer` copies files, each verified against
what {route.source.product} lists. `apply_removals` deals with what is gone. `report` always runs; its button
*Sync report* opens the full account of the run.

Every task may be cleared and run again: nothing is copied twice and nothing is removed without a line in the plan.
"""


def removal_sentence(route: Route) -> str:
    """Return what becomes of items that are removed, in one sentence."""
    where = route.target.product
    if route.policies.removals is RemovalPolicy.QUARANTINE:
        return f"Removed items are moved to `{route.quarantine_folder}`, by day, and can be moved back from there."
    if route.policies.removals is RemovalPolicy.DELETE:
        return f"Removed items are deleted at {where}; only its own recycle bin or versions may still have them."
    return f"Removed items are kept at {where}."


def _where(route: Route) -> str:
    return f" (to `{route.quarantine_folder}`)" if route.policies.removals is RemovalPolicy.QUARANTINE else ""
