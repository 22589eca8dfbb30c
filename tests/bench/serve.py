"""One simulator in a process of its own, until its standard input is closed: ``python -m tests.bench.serve``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from simulators.common.journal import Journal
from simulators.filecloud.simulator import FileCloudSimulator
from simulators.sharepoint.server import SharePointSimulator

_KEEP = 1000
"""Journal entries held in memory: totals are what the benchmark reads."""


def _sharepoint(options: dict[str, Any]) -> SharePointSimulator:
    return SharePointSimulator(
        Path(options["folder"]),
        state_dir=Path(options["state"]),
        latency_ms=options["latency_ms"],
        units_per_minute=options["units_per_minute"],
        journal=Journal(keep=_KEEP),
    )


def _filecloud(options: dict[str, Any]) -> FileCloudSimulator:
    return FileCloudSimulator(
        Path(options["folder"]),
        state_dir=Path(options["state"]),
        latency_ms=options["latency_ms"],
        journal=Journal(keep=_KEEP),
    )


def _address(sim: SharePointSimulator | FileCloudSimulator) -> dict[str, str]:
    if isinstance(sim, FileCloudSimulator):
        return {"url": sim.url, "user": sim.account, "password": sim.password, "root": sim.root}
    return {
        "url": sim.url,
        "graph_root": sim.graph_root,
        "authority": sim.authority,
        "tenant": sim.tenant_id,
        "client_id": sim.client_id,
        "client_secret": sim.client_secret,
        "hostname": sim.site_hostname,
        "site": sim.site_path,
        "library": sim.library_name,
        "drive_id": sim.drive_id,
    }


async def _serve(sim: SharePointSimulator | FileCloudSimulator) -> None:
    ready = asyncio.Event()
    task = asyncio.create_task(sim.serve(ready))
    await ready.wait()
    print(json.dumps(_address(sim)), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def main() -> None:
    """Serve what the first argument names, with the options in the second (JSON)."""
    kind, options = sys.argv[1], json.loads(sys.argv[2])
    asyncio.run(_serve(_sharepoint(options) if kind == "sharepoint" else _filecloud(options)))


if __name__ == "__main__":
    main()
