"""A clinic: both simulators over HTTP, a route between them, and the doctor who looks at them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from simulators.filecloud.simulator import FileCloudSimulator
from simulators.sharepoint.server import SharePointSimulator
from spfc.doctor import probes_login
from spfc.doctor.catalogue import CHECKS
from spfc.doctor.checkup import Checkup
from spfc.doctor.filecloud_target import FileCloudTargetChecks
from spfc.doctor.graph_library import LibraryChecks
from spfc.doctor.scratch import NAME, Scratch
from spfc.doctor.shape import Check, Finding, Verdict
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.settings import FileCloudSettings
from spfc.graph.settings import GraphSettings
from spfc.routes import FileCloudTarget, Route, SharePointSource, parse_route

PASSWORD = "planted-pass-of-filecloud"
SECRET = "planted-secret-of-the-app"
READS = frozenset(
    {
        "loginguest", "getauthenticationinfo", "getfilelist", "fileinfo", "getaccessdetailsforpath",
        "getdiskusagedetails", "locksession",
    }
)  # fmt: skip
"""All that may be asked of FileCloud without --write-probe."""


@dataclass(frozen=True)
class Result:
    """What an examination found."""

    checks: list[Check]

    def named(self, verdict: Verdict) -> dict[str, Check]:
        return {check.name: check for check in self.checks if check.verdict is verdict}

    @property
    def fails(self) -> dict[str, Check]:
        return self.named(Verdict.FAIL)

    @property
    def warns(self) -> dict[str, Check]:
        return self.named(Verdict.WARN)

    def __getitem__(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)

    def only_fails(self, name: str, *words: str) -> Check:
        """Exactly this check failed, nothing is worth a warning, and it says what to do; return it."""
        assert (set(self.fails), set(self.warns)) == ({name}, set()), self.bad()
        return self._says(self.fails[name], words)

    def only_warns(self, name: str, *words: str) -> Check:
        """Nothing failed, and exactly this check is worth a word; return it."""
        assert (set(self.fails), set(self.warns)) == (set(), {name}), self.bad()
        return self._says(self.warns[name], words)

    def bad(self) -> list[Check]:
        return [check for check in self.checks if check.verdict in (Verdict.FAIL, Verdict.WARN)]

    @staticmethod
    def _says(check: Check, words: tuple[str, ...]) -> Check:
        for word in words:
            assert word in f"{check.found} -> {check.next_step}", check
        return check


@dataclass
class Clinic:
    """One installation. Tests spoil it before they let it be examined."""

    tmp: Path
    sharepoint: SharePointSimulator
    filecloud: FileCloudSimulator
    fields: dict[str, Any] = field(default_factory=dict)
    graph: dict[str, Any] = field(default_factory=dict)
    cloud: dict[str, Any] = field(default_factory=dict)
    now: Callable[[], float] = time.time

    @property
    def library(self) -> Path:
        return self.tmp / "library"

    @property
    def store(self) -> Path:
        return self.tmp / "store"

    def route(self) -> Route:
        source = {
            "hostname": self.sharepoint.site_hostname,
            "site": self.sharepoint.site_path,
            "library": self.sharepoint.library_name,
        }
        target = {"folder": f"{self.filecloud.root}/mirror"}
        fields = {name: value for name, value in self.fields.items() if name not in ("source", "target")}
        source |= self.fields.get("source", {})
        found = parse_route("clinic", {"source": source, "target": target | self.fields.get("target", {}), **fields})
        assert isinstance(found, Route)
        return found

    def graph_settings(self) -> GraphSettings:
        sim = self.sharepoint
        given: dict[str, Any] = {
            "tenant": sim.tenant_id,
            "client_id": sim.client_id,
            "client_secret": sim.client_secret,
            "authority": sim.authority,
            "graph_root": sim.graph_root,
            "ca_file": sim.ca_file,
        }
        return GraphSettings(**given | self.graph)

    def cloud_settings(self) -> FileCloudSettings:
        sim = self.filecloud
        given: dict[str, Any] = {
            "base_url": sim.url,
            "user": sim.account,
            "password": sim.password,
            "ca_file": str(sim.ca_file) if sim.ca_file else None,
        }
        return FileCloudSettings(**given | self.cloud)

    def checkup(self, *, write_probe: bool = False) -> Checkup:
        route = self.route()
        assert isinstance(route.source, SharePointSource)
        assert isinstance(route.target, FileCloudTarget)
        source = LibraryChecks(self.graph_settings, route.source, now=self.now)
        target = FileCloudTargetChecks(
            self.cloud_settings,
            route,
            route.target,
            skew=lambda: source.skew,
            coming=lambda: source.bytes_held,
            now=self.now,
        )
        return Checkup((source, target), write_probe=write_probe)

    def examine(self, *, write_probe: bool = False, on_check: Callable[[Check], None] = lambda _: None) -> Result:
        """Let the doctor look, and check what must hold of every result."""
        before, mark = self.held(), self.filecloud.journal.mark()
        result = Result(self.checkup(write_probe=write_probe).run(on_check))
        in_order = [name for name in CHECKS if name in {check.name for check in result.checks}]
        assert [check.name for check in result.checks] == in_order
        for check in result.checks:
            assert check.found and check.seconds >= 0
            assert check.next_step or check.verdict not in (Verdict.FAIL, Verdict.WARN), check
        told = repr(result.checks)
        for secret in (PASSWORD, SECRET, "eyJ", "tempauth"):
            assert secret not in told
        if not write_probe:
            asked = {entry.operation for entry in self.filecloud.journal.since(mark)}
            assert {operation for operation in asked if not operation.startswith("?")} <= READS
            assert self.held() == before
        return result

    def held(self) -> dict[str, bytes | None]:
        """Return all that is in the store."""
        return {
            str(path.relative_to(self.store)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.store.rglob("*"))
        }

    @property
    def leftovers(self) -> list[str]:
        """Return what the probes have left behind."""
        return [path for path in self.held() if NAME in path]

    def set_up(self, **knobs: Any) -> None:
        """Change the habits of FileCloud."""
        self.filecloud.knobs = self.filecloud.knobs.but(**knobs)


@pytest.fixture(autouse=True)
def nothing_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep P9 from judging a simulator by how busy this machine is; its own tests bring work that takes its time."""
    monkeypatch.setattr(probes_login, "_TOO_QUICK", 60.0)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        return int(once.getsockname()[1])


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    yield from make_clinic(tmp_path)


@pytest.fixture
def tls_clinic(tmp_path: Path) -> Iterator[Clinic]:
    yield from make_clinic(tmp_path, tls=True)


def make_clinic(tmp: Path, *, tls: bool = False) -> Iterator[Clinic]:
    (tmp / "library" / "Reports").mkdir(parents=True)
    (tmp / "library" / "Reports" / "a.txt").write_text("a document of some words")
    (tmp / "library" / "b.txt").write_text("a longer document " * 50)
    (tmp / "store").mkdir()
    with (
        SharePointSimulator(tmp / "library", state_dir=tmp / "sp", tls=tls, client_secret=SECRET) as sharepoint,
        FileCloudSimulator(tmp / "store", state_dir=tmp / "fc", tls=tls, password=PASSWORD) as filecloud,
    ):
        yield Clinic(tmp, sharepoint, filecloud)
    filecloud.close()


@dataclass
class Bench:
    """A scratch folder at the simulator, for one probe at a time."""

    clinic: Clinic
    scratch: Scratch

    def run(self, probe: Callable[[Scratch], Finding], **knobs: Any) -> Finding:
        """Change the habits of FileCloud, then take one probe."""
        self.clinic.set_up(**knobs)
        return probe(self.scratch)

    def settings(self, **changes: Any) -> None:
        """Give the probes a client with other settings."""
        self.scratch.client.close()
        self.scratch._client = FileCloudClient(replace(self.clinic.cloud_settings(), **changes))


@pytest.fixture
def bench(clinic: Clinic) -> Iterator[Bench]:
    scratch = Scratch()
    scratch.make(FileCloudClient(replace(clinic.cloud_settings(), attempts=1)), clinic.filecloud.root)
    yield Bench(clinic, scratch)
    scratch.client.close()
