"""Who copies the library: the product, rclone twice, the script that it replaces, and a bare loop as the limit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.process import Effort, measured
from tests.bench.rclone import Rclone, copy_command, webdav
from tests.bench.services import ROOT, Counts, Services, environment

WORKERS = 32
"""Files copied at once, by everybody who can: what most helps at 50 ms and does not hurt without."""
_OLD_SCRIPT_SECONDS = 20.0
"""The old script is stopped after this time: its pace does not change, and at 50 ms it would take many minutes."""


@dataclass(frozen=True, slots=True)
class Score:
    """One contestant's copy of one library: what arrived, what it has cost."""

    files: int
    size: int
    effort: Effort
    counts: Counts
    note: str = ""
    transfer_seconds: float | None = None
    """The part of the wall time in which files were copied, where it is known."""
    transfer_memory: int | None = None
    """Bytes that copying added to what the process held already, where it is known."""


Contestant = Callable[[Services], Score]


class IncompleteCopyError(RuntimeError):
    """A contestant ended well and yet its copy is not the library."""


def ours(services: Services, **options: object) -> Score:
    """A whole run of a route, with its start-up, proofs and report; the ledger is there already, as it always is."""
    command = _own_module("ours", services, **options)
    prepared = [*command[:-1], json.dumps({**json.loads(command[-1]), "prepare": True})]
    subprocess.run(prepared, env=environment(), cwd=ROOT, check=True)
    score = _scored(services, command, services.store / "mirror")
    told = json.loads((services.workspace / "contestant.log").read_text().splitlines()[-1])
    memory = score.effort.memory - int(told["resident"])
    return replace(score, transfer_seconds=told["transfer"], transfer_memory=memory)


def bare_loop(services: Services) -> Score:
    """The same requests as the product makes for each file, over bare sockets, with nothing between."""
    return _scored(services, _own_module("bare_loop", services), services.store / "mirror")


def bare_download(services: Services) -> Score:
    """The download leg of the bare loop alone."""
    return _scored(services, _own_module("bare_loop", services, legs="download"), services.store / "mirror", leg=True)


def bare_upload(services: Services) -> Score:
    """The upload leg of the bare loop alone: the right number of bytes, made up."""
    return _scored(services, _own_module("bare_loop", services, legs="upload"), services.store / "mirror")


def old_script(services: Services) -> Score:
    """The sequential script; stopped after a while."""
    mirror = services.store / "mirror"
    return _scored(services, _own_module("old_script", services), mirror, whole=False, note="stopped when it was known")


def rclone_to_disk(binary: Rclone) -> Contestant:
    """Return rclone that copies to a local folder: it has no upload leg at all."""

    def run(services: Services) -> Score:
        copy = services.workspace / "rclone-copy"
        shutil.rmtree(copy, ignore_errors=True)
        command, variables = copy_command(binary, services, str(copy), WORKERS)
        score = _scored(services, command, copy, variables)
        shutil.rmtree(copy, ignore_errors=True)
        return score

    return run


def rclone_to_webdav(binary: Rclone) -> Contestant:
    """Return rclone that copies to a WebDAV server (rclone's own, without latency)."""

    def run(services: Services) -> Score:
        served = services.workspace / "webdav"
        shutil.rmtree(served, ignore_errors=True)
        served.mkdir(parents=True)
        with webdav(binary, served) as url:
            command, variables = copy_command(binary, services, "dav:", WORKERS, webdav_url=url)
            score = _scored(services, command, served, variables)
        shutil.rmtree(served, ignore_errors=True)
        return score

    return run


def _own_module(name: str, services: Services, **more: object) -> list[str]:
    folder = services.workspace / "run"
    shutil.rmtree(folder, ignore_errors=True)
    options = {
        "sharepoint": services.sharepoint,
        "filecloud": services.filecloud,
        "workers": WORKERS,
        "folder": str(folder),
        "seconds": _OLD_SCRIPT_SECONDS,
        **more,
    }
    return [sys.executable, "-m", f"tests.bench.{name}", json.dumps(options)]


def _scored(
    services: Services,
    command: Sequence[str],
    copy: Path,
    variables: Mapping[str, str] | None = None,
    *,
    whole: bool = True,
    leg: bool = False,
    note: str = "",
) -> Score:
    before = services.counts()
    effort = measured(command, {**environment(), **(variables or {})}, services.workspace / "contestant.log")
    counts = services.counts() - before
    library = services.library
    files, size = (library.files, library.size) if leg else contents(copy)
    if whole and (files, size) != (library.files, library.size):
        raise IncompleteCopyError(f"{files} files with {size} bytes instead of {library.files} with {library.size}")
    return Score(files, size, effort, counts, note if files < library.files else "")


def contents(folder: Path) -> tuple[int, int]:
    """Return how many files lie below a folder, and their bytes."""
    files = size = 0
    for above, _, names in os.walk(folder):
        files += len(names)
        size += sum((Path(above) / name).stat().st_size for name in names)
    return files, size
