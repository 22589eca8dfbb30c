"""Starts both simulators as processes of their own and reads what they have counted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.libraries import Library

ROOT = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


def environment() -> dict[str, str]:
    """Return the environment in which our own modules are found and no proxy comes between loopback addresses."""
    paths = os.pathsep.join(str(ROOT / part) for part in ("plugins", "include", "."))
    return {**os.environ, "PYTHONPATH": paths, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What both services have counted so far; ``cpu`` is the seconds that their processes have worked."""

    graph_requests: int
    units: int
    downloads: int
    filecloud_calls: int
    throttled: int
    cpu: float

    def __sub__(self, before: Counts) -> Counts:
        return Counts(*(getattr(self, name) - getattr(before, name) for name in Counts.__slots__))


@dataclass(frozen=True, slots=True)
class Services:
    """Two running simulators: where they are, and where FileCloud keeps its files."""

    library: Library
    latency_ms: float
    sharepoint: dict[str, str]
    filecloud: dict[str, str]
    store: Path
    workspace: Path
    pids: tuple[int, ...]

    def counts(self) -> Counts:
        """Ask both for their counters."""
        source, target = metrics(self.sharepoint["url"]), metrics(self.filecloud["url"])
        graph = source["calls"].get("graph", {})
        return Counts(
            graph_requests=sum(entry["calls"] for entry in graph.values()),
            units=source["units"]["units"],
            downloads=sum(entry["calls"] for entry in source["calls"].get("download", {}).values()),
            filecloud_calls=sum(e["calls"] for service in target["calls"].values() for e in service.values()),
            throttled=source["units"]["throttled"],
            cpu=sum(cpu_seconds(pid) for pid in self.pids),
        )


def metrics(url: str) -> dict[str, Any]:
    """Return what a simulator says of itself."""
    with urllib.request.urlopen(f"{url}/_sim/metrics", timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def cpu_seconds(pid: int) -> float:
    """Return the seconds that a living process has worked, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def running(
    workspace: Path, library: Library, *, latency_ms: float = 0, units_per_minute: int | None = None
) -> Iterator[Services]:
    """Run both simulators around an empty FileCloud; the library is scanned and hashed before anything is measured."""
    store, state = workspace / "store", workspace / "filecloud"
    for left_over in (store, state):
        shutil.rmtree(left_over, ignore_errors=True)
    source = {
        "folder": str(library.folder),
        "state": str(workspace / "libraries" / f"{library.name}.sharepoint"),
        "latency_ms": latency_ms,
        "units_per_minute": units_per_minute,
    }
    target = {"folder": str(store), "state": str(state), "latency_ms": latency_ms}
    with _process("sharepoint", source) as (graph_pid, graph), _process("filecloud", target) as (cloud_pid, cloud):
        services = Services(library, latency_ms, graph, cloud, store, workspace, (graph_pid, cloud_pid))
        if units_per_minute is None:
            _warm(services)
        yield services
    shutil.rmtree(store, ignore_errors=True)


@contextmanager
def _process(kind: str, options: dict[str, Any]) -> Iterator[tuple[int, dict[str, str]]]:
    command = [sys.executable, "-m", "tests.bench.serve", kind, json.dumps(options)]
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        yield child.pid, json.loads(child.stdout.readline())
    finally:
        child.stdin.close()
        child.wait(60)
        child.stdout.close()


def token_of(services: Services) -> str:
    """Sign in as the app and return the token."""
    place = services.sharepoint
    form = (
        f"grant_type=client_credentials&client_id={place['client_id']}&client_secret={place['client_secret']}"
        f"&scope={place['url']}/.default"
    )
    url = f"{place['url']}/{place['tenant']}/oauth2/v2.0/token"
    with urllib.request.urlopen(url, form.encode(), timeout=60) as answer:
        return str(json.load(answer)["access_token"])


def listing(services: Services) -> Iterator[dict[str, Any]]:
    """Yield every item of the library as the change feed gives it."""
    token = token_of(services)
    link = f"{services.sharepoint['graph_root']}/drives/{services.sharepoint['drive_id']}/root/delta?$top=1000"
    while link:
        request = urllib.request.Request(link, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=600) as answer:
            page = json.load(answer)
        yield from page["value"]
        link = page.get("@odata.nextLink", "")


def _warm(services: Services) -> None:
    for _ in listing(services):
        pass
