"""The run form: parameters of a route's DAG with their JSON schema."""

from __future__ import annotations

from airflow.sdk import Param

from spfc.routes import Route, RunMode


def run_params(route: Route) -> dict[str, Param]:
    """Return the parameters that a person may set when triggering a run by hand."""
    where = route.target.product
    return {
        "mode": Param(
            RunMode.INCREMENTAL.value,
            type="string",
            enum=[mode.value for mode in RunMode if mode is not RunMode.BACKFILL],
            title="Mode",
            description="incremental: what has changed since the last run. full: enumerate the whole source, which "
            f"also finds deletions that the change feed missed. audit: enumerate the source and list {where} too, "
            "compare everything and repair. retry_failed: only what failed before, at once.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description=f"Stop after the plan. Nothing is changed at {where}; the report shows what would happen.",
        ),
        "max_documents": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="At most so many files",
            description="Copy at most this many files now; the rest stays owed. "
            f"The route itself says: {route.limits.max_documents or 'no limit'}.",
        ),
        "rebuild": Param(
            False,
            type="boolean",
            title="Rebuild (audit only)",
            description=f"Go on although {where} shows nothing of what was copied there: copy everything again.",
        ),
        "paths": Param(
            [],
            type=["null", "array"],
            items={"type": "string"},
            title="Only these paths",
            description="Globs from the root of the source, one per line, such as Reports/** or *.docx. Empty: all.",
        ),
        "release_plan": Param(
            "",
            type=["null", "string"],
            title="Release the overwrites that this plan held",
            description="Id of an earlier plan of this route whose held overwrites you have looked at. Files that "
            "still have the version that was held there are copied now; everything else is judged as usual.",
        ),
    }
