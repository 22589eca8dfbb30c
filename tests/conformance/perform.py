"""Runs one client against fresh services and says what came of it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.conformance import library as books
from tests.conformance.catalogue import Client
from tests.conformance.environments import ROOMS, Environment, NotAvailableError, environment, version
from tests.conformance.judge import findings
from tests.conformance.result import ABSENT, Result
from tests.conformance.stage import Stage, filecloud, sharepoint

_SECONDS = 280
"""How long one client may take; a good deal less than a minute is usual."""


def perform(client: Client, workspace: Path) -> Result:
    """Run one client; its files lie below ``workspace`` until the next run."""
    library = workspace / "library"
    try:
        with _alone(workspace):
            home = environment(client.room, workspace)
            if not library.exists():
                books.fill(library)
    except NotAvailableError as error:
        return Result(client, "-", why=str(error), absent=True)
    folder = workspace / "runs" / client.key
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "scratch").mkdir(parents=True)
    # A copy is published, for clients that look whether changes are told; what they saw before is judged by the first.
    shutil.copytree(library, folder / "library")
    begun = time.monotonic()
    with _stage(client, folder) as stage:
        why = _drive(client, home, stage, folder)
        traffic = stage.traffic()
    found = tuple(findings(folder / "report.jsonl", library))
    pinned = version(client.room, client.package, workspace)
    if found and found[-1].note.startswith(ABSENT):
        return Result(client, pinned, why=found[-1].note, absent=True)
    return Result(client, pinned, found, traffic, time.monotonic() - begun, why or ("" if found else "it said nothing"))


@contextmanager
def _alone(workspace: Path) -> Iterator[None]:
    """Keep other processes from making the same things while the block runs."""
    workspace.mkdir(parents=True, exist_ok=True)
    with (workspace / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stage(client: Client, folder: Path) -> AbstractContextManager[Stage]:
    if client.service == "filecloud":
        return filecloud(folder)
    return sharepoint(folder / "library", folder, client.knobs)


def _drive(client: Client, home: Environment, stage: Stage, folder: Path) -> str:
    """Run the client's script to its end; return what went wrong with it as a whole, or nothing."""
    config = {
        **stage.config,
        **client.options,
        "scratch": str(folder / "scratch"),
        "report": str(folder / "report.jsonl"),
        "binaries": str(home.binaries),
        "libraries": str(home.libraries or ""),
        "books": str(folder / "library"),
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    script = ROOMS / (client.script or client.room) / "drive.py"
    with (folder / "log.txt").open("wb") as log:
        child = subprocess.Popen(
            [home.python, str(script), str(folder / "config.json")], cwd=folder / "scratch", stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, env=_surroundings(stage.surroundings, folder), start_new_session=True,
        )  # fmt: skip
        try:
            status = child.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)  # the group that this process started, with what the client has started
            child.wait()
            return f"it had not ended after {_SECONDS} seconds"
    return f"it ended with status {status}: see {folder.name}/log.txt" if status else ""


def _surroundings(ours: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables of the child: nothing of the caller's but the path, and a home of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {"LANG": "C.UTF-8", **kept, "HOME": str(folder / "scratch"), "PYTHONPATH": str(ROOMS), **ours}
