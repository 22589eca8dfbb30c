"""Gives each client an environment of its own below ``.conformance``, so that its dependencies never touch ours."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOMS = Path(__file__).with_name("clients")
_STAMP = "ready"


class NotAvailableError(RuntimeError):
    """The client cannot be had on this machine; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a client is: its Python (ours for programs that are none), and the folder that holds its binaries."""

    python: str
    binaries: Path
    libraries: Path | None = None


def environment(room: str, workspace: Path) -> Environment:
    """Return the environment of a room, made on first use. Raises NotAvailableError when it cannot be made."""
    home = workspace / "environments" / room
    packages = ROOMS / room / "packages.txt"
    wanted = packages if packages.exists() else ROOMS / room / "requirements.txt"
    stamp, print_of = home / _STAMP, hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != print_of:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        try:
            (_unpack if wanted is packages else _install)(wanted, home)
        except (subprocess.CalledProcessError, OSError) as error:
            shutil.rmtree(home, ignore_errors=True)
            raise NotAvailableError(f"{wanted.parent.name} cannot be installed here: {_last_line(error)}") from error
        stamp.write_text(print_of)
    if wanted is packages:
        return Environment(sys.executable, home / "usr" / "bin", home / "usr" / "lib" / _triplet())
    return Environment(str(home / "bin" / "python"), home / "bin")


def version(room: str, name: str, workspace: Path) -> str:
    """Return the version of what a room's list pins, or of the Debian package that was unpacked."""
    home = workspace / "environments" / room
    for package in home.glob(f"{name}_*.deb"):
        return package.name.split("_")[1].replace("%3a", ":")
    pins = (ROOMS / room / "requirements.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)}==(\S+)", pins, re.MULTILINE | re.IGNORECASE)
    return found.group(1) if found else "?"


def _install(requirements: Path, home: Path) -> None:
    uv = shutil.which("uv")
    if uv:
        _run(uv, "venv", "-q", "--allow-existing", "-p", sys.executable, str(home))
        _run(uv, "pip", "install", "-q", "-p", str(home / "bin" / "python"), "-r", str(requirements))
        return
    _run(sys.executable, "-m", "venv", str(home))
    pip = (str(home / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check")
    _run(*pip, "-r", str(requirements))


def _unpack(packages: Path, home: Path) -> None:
    """Fetch Debian packages and lay out their files below ``home``: no root, nothing installed."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise OSError(f"there is no {tool} on this machine")
    names = packages.read_text(encoding="utf-8").split()
    _run("apt-get", "download", "-q", *names, folder=home)
    for package in sorted(home.glob("*.deb")):
        _run("dpkg", "-x", package.name, ".", folder=home)


def _run(*command: str, folder: Path | None = None) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=900)


def _triplet() -> str:
    return f"{os.uname().machine}-linux-gnu"


def _last_line(error: Exception) -> str:
    text = str(getattr(error, "stderr", None) or error).strip()
    return re.sub(r"\S+://\S+", "(address)", text.splitlines()[-1])[:200] if text else type(error).__name__
