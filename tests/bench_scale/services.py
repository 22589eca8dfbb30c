"""Both simulators in a process of their own, so that their time and memory are not taken for the engine's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self

from tests.bench_scale.places import seed_target

from simulators.filecloud.simulator import FileCloudSimulator
from simulators.sharepoint.generated import Blueprint
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.server import SharePointSimulator

_SHAREPOINT = ("site_hostname", "site_path", "library_name", "tenant_id", "client_id", "client_secret", "authority",
               "graph_root")  # fmt: skip
_FILECLOUD = ("root", "url", "account", "password")
ROOT = Path(__file__).parents[2]
DELETED_PAGE = 200
"""Markers of deleted items on one page. The service was seen to send as few as 7; that would only add requests."""


def environment() -> dict[str, str]:
    """Return the environment in which this working tree's code is what runs."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("plugins", "include", "."))}


class Services:
    """The simulators as seen from outside: their addresses, and commands that change the library."""

    def __init__(self, folder: Path, files: int, folders: int) -> None:
        command = [sys.executable, "-m", "tests.bench_scale.services", str(folder), str(files), str(folders)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
        )
        self.addresses: dict[str, dict[str, str]] = self._answer()

    @staticmethod
    def seen_as(addresses: dict[str, dict[str, str]]) -> tuple[SimpleNamespace, SimpleNamespace]:
        """Return stand-ins for the two simulators, with the attributes that a client needs."""
        return SimpleNamespace(**addresses["sharepoint"]), SimpleNamespace(**addresses["filecloud"])

    def ask(self, command: str, *arguments: str) -> Any:
        """Run one command of :func:`_obey` and return its answer."""
        stdin = self._process.stdin
        if stdin is None:
            raise RuntimeError("the services have no input")
        stdin.write(json.dumps([command, *arguments]) + "\n")
        stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        stdout = self._process.stdout
        line = stdout.readline() if stdout else ""
        if not line:
            raise RuntimeError("the services have ended")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def _obey(sharepoint: SharePointSimulator, mirror: Path, command: str, arguments: list[str]) -> Any:
    library = sharepoint.generated
    if command == "file_in":
        with library.opened() as store:
            inside = store.children[library.item_at(arguments[0]).id].values()
            return next(f"{arguments[0]}/{item.name}" for item in inside if not item.is_dir)
    if command == "seed":
        return seed_target(library, mirror, arguments[0])
    if command == "generate":
        with library.opened() as store:
            return len(store.items)
    return {"touch": library.touch, "rename": library.rename, "delete": library.delete}[command](*arguments)


def _serve(folder: Path, files: int, folders: int) -> None:
    store = folder / "store"
    store.mkdir(parents=True, exist_ok=True)
    knobs = SharePointKnobs(delete_markers="all", delta_deleted_page_size=DELETED_PAGE, delta_order="parents-first")
    with (
        SharePointSimulator(Blueprint(files, folders), state_dir=folder / "sp", knobs=knobs) as sharepoint,
        FileCloudSimulator(store, state_dir=folder / "fc") as filecloud,
    ):
        addresses = {
            "sharepoint": {name: getattr(sharepoint, name) for name in _SHAREPOINT},
            "filecloud": {name: getattr(filecloud, name) for name in _FILECLOUD},
        }
        print(json.dumps(addresses), flush=True)
        for line in sys.stdin:
            command, *arguments = json.loads(line)
            print(json.dumps(_obey(sharepoint, store / "mirror", command, arguments)), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
