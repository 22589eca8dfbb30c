"""Starts both simulators together and tells people and programs how to connect (`spfc simulate`)."""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import yaml

from simulators.common.faults import FaultPlan, FaultPlanError
from simulators.common.journal import Journal
from simulators.filecloud import FileCloudSimulator
from simulators.sharepoint import SharePointSimulator

USAGE_ERROR = 2
ROUTE = "demo"
TARGET_FOLDER = "demo"
SHAREPOINT_CONNECTION = "spfc_sharepoint"
FILECLOUD_CONNECTION = "spfc_filecloud"
LEDGER_CONNECTION = "spfc_ledger"
"""The ledger belongs to one pair of simulators, so it is kept with their state."""
_PORTS = "ports.json"
_KEEP = 200_000
"""Journal entries held in memory; totals and the journal file are not bounded."""


class LaunchError(ValueError):
    """The simulators cannot be started as asked; the text is one sentence for the person who asked."""


@dataclass(frozen=True, slots=True)
class LaunchOptions:
    """What `spfc simulate` was asked for.

    Port 0 = the one of last time, or any free one; `state` None = a hidden folder beside `store`; `lists` None = the
    folder `<library>.lists` if there is one.
    """

    library: Path
    store: Path
    state: Path | None = None
    graph_port: int = 0
    filecloud_port: int = 0
    latency_ms: float = 0
    units_per_minute: int | None = None
    faults: Path | None = None
    journal: Path | None = None
    tls: bool = False
    lists: Path | None = None

    @property
    def lists_dir(self) -> Path | None:
        """The folder of lists: as asked for, else the one beside the library and named after it, if there is one."""
        beside = self.library.absolute().with_name(f"{self.library.absolute().name}.lists")
        return self.lists or (beside if beside.is_dir() else None)

    @property
    def state_dir(self) -> Path:
        """Where the simulators remember ids, tags, versions and certificates between starts."""
        return self.state or self.store.absolute().parent / f".{self.store.absolute().name}.simulators"

    def check(self) -> None:
        """Raise LaunchError if this cannot work; nothing is created before that is known."""
        self._check_numbers()
        if not self.library.is_dir():
            raise LaunchError(f"The library {self.library} is not a folder.")
        if self.store.exists() and not self.store.is_dir():
            raise LaunchError(f"The store {self.store} is not a folder.")
        if self.lists is not None and not self.lists.is_dir():
            raise LaunchError(f"The folder of lists {self.lists} is not a folder.")
        folders = {"library": self.library, "store": self.store, "state folder": self.state_dir}
        if self.lists_dir is not None:
            folders["folder of lists"] = self.lists_dir
        real = {name: folder.resolve() for name, folder in folders.items()}
        for other, one in itertools.combinations(folders, 2):
            if _overlap(real[one], real[other]):
                raise LaunchError(f"The {one} {folders[one]} and the {other} {folders[other]} must not overlap.")
        if self.faults is not None and not self.faults.is_file():
            raise LaunchError(f"The fault plan {self.faults} is not a file.")

    def _check_numbers(self) -> None:
        for port in (self.graph_port, self.filecloud_port):
            if not 0 <= port <= 65535:
                raise LaunchError(f"Port {port} does not exist: choose one from 1 to 65535, or 0 for any free one.")
        if self.latency_ms < 0:
            raise LaunchError("The latency must not be negative.")
        if self.units_per_minute is not None and self.units_per_minute < 1:
            raise LaunchError("The units per minute start at 1; leave the option out for no limit.")


class SimulatorPair:
    """A SharePoint library and a FileCloud server, running in this process until `stop`.

    Both write into one journal. Raises LaunchError when folders, ports or the fault plan are not usable.
    """

    def __init__(self, options: LaunchOptions) -> None:
        options.check()
        self.options = options
        self._closed = False
        self.faults = _load_faults(options.faults)
        self._lock = _lock(options.state_dir)
        state = options.state_dir
        remembered = _remembered_ports(state)
        self.journal = Journal(options.journal, keep=_KEEP)
        self.sharepoint = SharePointSimulator(
            options.library,
            lists=options.lists_dir,
            state_dir=state / "sharepoint",
            port=options.graph_port or remembered.get("sharepoint", 0),
            tls=options.tls,
            latency_ms=options.latency_ms,
            units_per_minute=options.units_per_minute,
            faults=self.faults,
            journal=self.journal,
        )
        self.filecloud = FileCloudSimulator(
            options.store,
            state_dir=state / "filecloud",
            port=options.filecloud_port or remembered.get("filecloud", 0),
            tls=options.tls,
            latency_ms=options.latency_ms,
            faults=self.faults,
            journal=self.journal,
        )

    def start(self) -> Self:
        """Open the ports; raises LaunchError naming the port that is taken."""
        try:
            _start("SharePoint", self.sharepoint, self.options.graph_port)
            _start("FileCloud", self.filecloud, self.options.filecloud_port)
        except LaunchError:
            self.stop()
            raise
        ports = {"sharepoint": self.sharepoint.port, "filecloud": self.filecloud.port}
        (self.options.state_dir / _PORTS).write_text(json.dumps(ports), encoding="utf-8")
        return self

    def stop(self) -> None:
        """Stop both; their state stays on disk, for another pair. Safe to call twice."""
        self.sharepoint.stop()
        self.filecloud.stop()
        if not self._closed:
            self._closed = True
            self.filecloud.close()
            self._lock.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- how to connect ------------------------------------------------------------------------------

    @property
    def target_path(self) -> str:
        """The FileCloud path that the demo route mirrors into."""
        return f"{self.filecloud.root}/{TARGET_FOLDER}"

    @property
    def mirror(self) -> Path:
        """The folder on disk behind `target_path`, to be compared with the library."""
        return self.options.store / TARGET_FOLDER

    def connections(self) -> dict[str, dict[str, Any]]:
        """Return the Airflow connections as JSON-able objects, by connection id."""
        source, target = self.sharepoint, self.filecloud
        return {
            SHAREPOINT_CONNECTION: {
                "conn_type": "msgraph",
                "login": source.client_id,
                "password": source.client_secret,
                "extra": _without_none(
                    tenant_id=source.tenant_id,
                    authority=source.authority,
                    graph_root=source.graph_root,
                    ca_file=source.ca_file,
                    # A service that limits nobody needs no careful beginning; a metered one is felt out as a real one.
                    tier="none" if self.options.units_per_minute is None else None,
                ),
            },
            LEDGER_CONNECTION: {
                "conn_type": "sqlite",
                "host": str(self.options.state_dir.absolute() / "ledger.db"),
            },
            FILECLOUD_CONNECTION: {
                "conn_type": "filecloud",
                "schema": "https" if self.options.tls else "http",
                "host": "127.0.0.1",
                "port": target.port,
                "login": target.account,
                "password": target.password,
                "extra": _without_none(ca_file=target.ca_file),
            },
        }

    def route(self) -> dict[str, Any]:
        """Return the entry of a route from the library to `target_path`."""
        return {
            "description": "From the SharePoint simulator to the FileCloud simulator.",
            "source": {
                "connection": SHAREPOINT_CONNECTION,
                "hostname": self.sharepoint.site_hostname,
                "site": self.sharepoint.site_path,
                "library": self.sharepoint.library_name,
            },
            "target": {"connection": FILECLOUD_CONNECTION, "folder": self.target_path},
            "schedule": None,
        }

    def route_file(self, entry: Mapping[str, Any] | None = None) -> str:
        """Return the text of a route file with one route, `demo`: `entry`, else the one of :meth:`route`."""
        return yaml.safe_dump({"routes": {ROUTE: dict(entry or self.route())}}, sort_keys=False, allow_unicode=True)

    def environment(self, routes: Path) -> dict[str, str]:
        """Return the variables that let Airflow or `spfc` use this pair with the route file `routes`."""
        named = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in self.connections().items()}
        return {**named, "SPFC_ROUTES": str(routes.absolute())}

    def write_env(self, path: Path) -> None:
        """Write `path` for `. path` in a POSIX shell, and the route file beside it (`<path>.routes.yaml`).

        It holds the simulators' passwords, so only the owner may read it.
        """
        routes = path.with_name(path.name + ".routes.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        routes.write_text(self.route_file(), encoding="utf-8")
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.environment(routes).items()]
        # A proxy of the user's must not come between loopback addresses.
        lines += [f'export {name}="127.0.0.1,localhost${{{name}:+,${name}}}"' for name in ("NO_PROXY", "no_proxy")]
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def describe(self) -> str:
        """Return how to connect, for a person."""
        source, target = self.sharepoint, self.filecloud
        rows = [
            ("SharePoint library", f"{self.options.library} as {source.site_hostname}{source.site_path}"),
            ("  Graph root", source.graph_root),
            ("  authority", source.authority),
            ("  tenant id", source.tenant_id),
            ("  client id", source.client_id),
            ("  client secret", source.client_secret),
            ("  library name", source.library_name),
            *([("  lists", str(self.options.lists_dir))] if self.options.lists_dir else []),
            ("FileCloud", str(self.options.store)),
            ("  URL", target.url),
            ("  account", target.account),
            ("  password", target.password),
            ("  its folder", target.root),
            ("State", str(self.options.state_dir)),
            ("Metrics, journal", f"{source.url}/_sim/metrics  {source.url}/_sim/journal"),
        ]
        if self.options.tls:
            rows += [("CA of SharePoint", str(source.ca_file)), ("CA of FileCloud", str(target.ca_file))]
        return "\n".join(f"{name:<20} {value}" for name, value in rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `spfc simulate`."""
    add = parser.add_argument
    add("--library", type=Path, required=True, metavar="DIR", help="folder to publish as a SharePoint library")
    add("--lists", type=Path, metavar="DIR", help="folder of lists to publish (default: <library>.lists, if there)")
    add("--store", type=Path, required=True, metavar="DIR", help="folder in which FileCloud keeps its files")
    add(
        "--state",
        type=Path,
        metavar="DIR",
        help="folder for ids, tags and versions (default: hidden, beside --store)",
    )
    add(
        "--graph-port",
        type=int,
        default=0,
        metavar="N",
        help="port of login and Graph (default: as last time, or a free one)",
    )
    add(
        "--filecloud-port",
        type=int,
        default=0,
        metavar="N",
        help="port of FileCloud (default: as last time, or a free one)",
    )
    add("--latency-ms", type=float, default=0, metavar="N", help="added to every request")
    add(
        "--units-per-minute",
        type=int,
        metavar="N",
        help="Graph resource units per minute before 429 (default: free)",
    )
    add("--faults", type=Path, metavar="FILE", help="fault plan, YAML or JSON")
    add("--journal", type=Path, metavar="FILE", help="append every request to this file as a JSON line")
    add("--tls", action="store_true", help="serve https with certificates of a throw-away authority")
    add(
        "--env",
        type=Path,
        metavar="FILE",
        help="write a shell file to be sourced: connections and a route file",
    )


def run(
    namespace: argparse.Namespace,
    *,
    stop: threading.Event | None = None,
    write: Callable[[str], object] = sys.stdout.write,
    complain: Callable[[str], object] = sys.stderr.write,
) -> int:
    """Serve until SIGINT or SIGTERM (or until `stop` is set); return the exit status.

    0 = stopped as asked, 2 = could not start as asked (one line says why).
    """
    values = {name: value for name, value in vars(namespace).items() if name in LaunchOptions.__slots__}
    ending = stop or threading.Event()
    try:
        with _signals_set(ending), SimulatorPair(LaunchOptions(**values)) as pair:
            write(pair.describe() + "\n")
            if namespace.env is not None:
                pair.write_env(namespace.env)
                write(f"\nGo on with:  . {shlex.quote(str(namespace.env))} && spfc run {ROUTE}\n")
            write("\nServing. Ctrl-C stops.\n")
            sys.stdout.flush()
            ending.wait()
            missed = pair.faults.unhit()
    except (LaunchError, OSError) as error:
        complain(f"spfc simulate: {error}\n")
        return USAGE_ERROR
    if missed:
        write(f"Declared faults that were never met: {', '.join(missed)}\n")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of `spfc simulate` on its own."""
    parser = argparse.ArgumentParser(prog="spfc simulate", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(argv))


@contextmanager
def _signals_set(ending: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set the event (in the main thread, which is where they arrive)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {which: signal.signal(which, lambda *_: ending.set()) for which in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for which, handler in old.items():
            signal.signal(which, handler)


def _lock(state: Path) -> IO[str]:
    """Reserve the state folder for this process; raises LaunchError when another one uses it."""
    state.mkdir(parents=True, exist_ok=True)
    lock = (state / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise LaunchError(f"Other simulators are running on the state folder {state}.") from None
    return lock


def _remembered_ports(state: Path) -> dict[str, int]:
    """Return the ports of the last start that are still free.

    Clients keep addresses (links of the change feed, connections), so a restart should not change them.
    """
    try:
        ports = json.loads((state / _PORTS).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {name: int(port) for name, port in ports.items() if _is_free(int(port))}


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _load_faults(path: Path | None) -> FaultPlan:
    kinds = {**SharePointSimulator.extra_fault_kinds, **FileCloudSimulator.extra_fault_kinds}
    try:
        return FaultPlan.load(path, kinds)
    except (FaultPlanError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise LaunchError(f"The fault plan {path} cannot be used: {error}") from error


def _start(name: str, server: SharePointSimulator | FileCloudSimulator, port: int) -> None:
    try:
        server.start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise LaunchError(f"{name} cannot listen on port {port}: {reason}.") from error


def _overlap(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents


def _without_none(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


if __name__ == "__main__":
    sys.exit(main())
