"""Runs one client against fresh services and says what came of it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance import library as books
from tests.conformance.catalogue import Client
from tests.conformance.environments import ROOMS, Environment, NotAvailableError, environment, version
from tests.conformance.judge import Finding, findings
from tests.conformance.stage import Stage, filecloud, sharepoint

GREEN, RED, ABSENT = "green", "red", "not available here"
_SECONDS = 280
"""How long one client may take; a good deal less than a minute is usual."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one client fared. ``calls`` are those that the simulators received, by service and operation."""

    client: Client
    version: str
    verdict: str
    findings: tuple[Finding, ...] = ()
    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    why: str = ""

    @property
    def troubles(self) -> list[str]:
        """What keeps the verdict from being green, one sentence each."""
        known = self.client.differences
        wrong = [f"{f.check}: {f.note}" for f in self.findings if not f.good and f.check not in known]
        wrong += [f"{f.check}: goes well now; its known difference has to go" for f in _healed(self)]
        unknown = {name: n for name, n in self.calls.items() if name.endswith(".unknown") and name not in known}
        wrong += [f"{name}: {n} requests that the simulator does not know" for name, n in unknown.items()]
        return [*wrong, *([self.why] if self.why else [])]


def _healed(result: Result) -> list[Finding]:
    return [f for f in result.findings if f.good and f.check in result.client.differences]


def perform(client: Client, workspace: Path) -> Result:
    """Run one client; its files lie below ``workspace`` until the next run."""
    library = workspace / "library"
    try:
        with _alone(workspace):
            home = environment(client.room, workspace)
            if not library.exists():
                books.fill(library)
    except NotAvailableError as error:
        return Result(client, "-", ABSENT, why=str(error))
    folder = workspace / "runs" / client.key
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "scratch").mkdir(parents=True)
    # A copy is published, for clients that look whether changes are told; what they saw before is judged by the first.
    shutil.copytree(library, folder / "library")
    begun = time.monotonic()
    with _stage(client, folder) as stage:
        why = _drive(client, home, stage, folder)
        calls, refused = stage.calls(), stage.refused()
    found = tuple(findings(folder / "report.jsonl", library))
    pinned = version(client.room, client.package, workspace)
    if found and found[-1].note.startswith(ABSENT):
        return Result(client, pinned, ABSENT, why=found[-1].note)
    seconds = time.monotonic() - begun
    result = Result(client, pinned, GREEN, found, calls, refused, seconds, why or ("" if found else "it said nothing"))
    return Result(client, pinned, RED, found, calls, refused, seconds, result.why) if result.troubles else result


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
