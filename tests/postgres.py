"""A real PostgreSQL for tests: the one that SPFC_TEST_POSTGRES names, else one of our own in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

ADDRESS = "SPFC_TEST_POSTGRES"


class NoPostgresError(Exception):
    """There is no PostgreSQL on this machine; the text says what was looked for."""


@contextmanager
def running_postgres() -> Iterator[URL]:
    """Yield the address of a server on which databases may be made and dropped."""
    given = os.environ.get(ADDRESS)
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
        return
    binaries = find_binaries()
    home = Path(tempfile.mkdtemp(prefix="spfc-pg-"))
    try:
        yield from _own_server(binaries, home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's programs: on PATH, or where Debian keeps them."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise NoPostgresError(
        f"no PostgreSQL: {ADDRESS} is not set, and initdb is neither on PATH nor in /usr/lib/postgresql"
    )


def _own_server(binaries: Path, home: Path) -> Iterator[URL]:
    prefix = _other_user(home)
    data, log = home / "data", home / "log"
    _call([*prefix, str(binaries / "initdb"), "-D", str(data), "-U", "spfc", "-A", "trust", "-E", "UTF8",
           "--locale=C", "--no-sync"], log)  # fmt: skip
    # Durability is of no use to a test; the socket lies in our own folder, so that no port is needed.
    settings = {"listen_addresses": "", "unix_socket_directories": str(home), "fsync": "off", "full_page_writes": "off",
                "synchronous_commit": "off", "shared_buffers": "32MB", "max_connections": "50",
                "deadlock_timeout": "200ms"}  # fmt: skip
    options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    control = [*prefix, str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", "60"]
    _call([*control, "-l", str(home / "server.log"), "-o", options, "start"], log)
    try:
        yield URL.create("postgresql+psycopg", "spfc", database="postgres", query={"host": str(home)})
    finally:
        _call([*control, "-m", "immediate", "stop"], log)


def _other_user(home: Path) -> list[str]:
    """Return the words that run a command as somebody else: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = next((each for each in ("postgres", "nobody") if each in names), None)
    runner = shutil.which("setpriv")
    if name is None or runner is None:
        raise NoPostgresError("PostgreSQL does not run as root, and there is no setpriv with postgres or nobody")
    user = pwd.getpwnam(name)
    os.chown(home, user.pw_uid, user.pw_gid)
    return [runner, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


def _call(command: list[str], log: Path) -> None:
    with log.open("ab") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd="/", timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[-1]).name} failed: {log.read_text(errors='replace')[-2000:]}")


def administer(server: URL, statement: str) -> None:
    """Run a statement that no transaction may hold, such as CREATE DATABASE."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@contextmanager
def fresh_database(server: URL) -> Iterator[str]:
    """Yield the address of an empty database that is dropped afterwards."""
    name = f"spfc_{uuid4().hex[:12]}"
    administer(server, f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    administer(server, f"DROP DATABASE {name} WITH (FORCE)")
