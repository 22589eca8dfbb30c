"""The product as a contestant: one whole run of a route, all steps in the order of the DAG, in one process."""

from __future__ import annotations

import cProfile
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.settings import MIB, FileCloudSettings
from spfc.graph.client import GraphClient
from spfc.graph.settings import GraphSettings
from spfc.ledger.database import Database
from spfc.routes import parse_options, parse_route
from spfc.sources.sharepoint_library import SharePointLibrary
from spfc.steps.closing import close_run
from spfc.steps.context import RunContext
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.structure import apply_structure
from spfc.targets.filecloud import FileCloudTarget


def context(options: dict[str, Any], database: Database, fence: int | None = None) -> RunContext:
    """Return one task of a run of a route between the two services that ``options`` describe."""
    source, target, workers = options["sharepoint"], options["filecloud"], options["workers"]
    route = parse_route(
        "bench",
        {
            "source": {key: source[key] for key in ("hostname", "site", "library")},
            "target": {"folder": f"{target['root']}/mirror"},
            "limits": {"workers": workers},
        },
    )
    graph = GraphSettings(
        tenant=source["tenant"],
        client_id=source["client_id"],
        client_secret=source["client_secret"],
        authority=source["authority"],
        graph_root=source["graph_root"],
        pool_size=workers,
    )
    cloud = FileCloudSettings(
        base_url=target["url"],
        user=target["user"],
        password=target["password"],
        pool_size=workers,
        chunk_size=options.get("chunk_size", 20 * MIB),
    )
    return RunContext(
        route=route,
        run_id="bench",
        options=parse_options({}),
        database=database,
        make_source=lambda: SharePointLibrary(
            GraphClient(graph),
            hostname=route.source.hostname,
            site_path=route.source.site,
            library=route.source.library,
        ),
        make_target=lambda: FileCloudTarget(FileCloudClient(cloud), route.target.folder),
        clock=time.time,
        fence=fence,
    )


def prepare(folder: Path) -> None:
    """Make the ledger, as the first run of an installation does once."""
    folder.mkdir(parents=True, exist_ok=True)
    database = _ledger(folder)
    with database.reading():
        pass
    database.close()


def _ledger(folder: Path) -> Database:
    return Database(f"sqlite:///{folder / 'ledger.db'}")


def resident() -> int:
    """Return the bytes that this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(options: dict[str, Any], folder: Path) -> dict[str, float]:
    """Run all steps; return the seconds of each, and as ``resident`` the bytes held before the transfer began."""
    database = _ledger(folder)
    seconds: dict[str, float] = {}
    fence: int | None = None

    def step(name: str, work: Callable[[RunContext], Any]) -> Any:
        begun = time.monotonic()
        task = context(options, database, fence)
        with task.task(name):
            result = work(task)
        seconds[name] = seconds.get(name, 0.0) + time.monotonic() - begun
        return result

    fence = step("enumerate", enumerate_source)["fence"]
    manifest = step("plan", diff_and_plan)
    plan_id = manifest["plan_id"]
    step("structure", lambda task: apply_structure(task, plan_id))
    held = resident()
    for batch in range(len(manifest["batches"])):
        step("transfer", partial(transfer_batch, plan_id=plan_id, batch=batch))
    begun = time.monotonic()
    closed = close_run(context(options, database, fence), folder / "reports")
    seconds["report"] = time.monotonic() - begun
    database.close()
    if closed.verdict != "green":
        raise SystemExit(f"the run is {closed.verdict}: {closed.story}")
    return {**seconds, "resident": held}


def main() -> None:
    """Run with the options in the first argument (JSON); ``SPFC_BENCH_PROFILE`` names a file for cProfile."""
    options = json.loads(sys.argv[1])
    if options.get("prepare"):
        prepare(Path(options["folder"]))
        return
    profile = os.environ.get("SPFC_BENCH_PROFILE")
    watch = cProfile.Profile() if profile else None
    with watch or nullcontext():
        seconds = run(options, Path(options["folder"]))
    if watch is not None and profile:
        watch.dump_stats(profile)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
