"""A route between both simulators that is run under faults, on a clock that nobody waits for, and judged after."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlalchemy import select
from tests.e2e.conftest import House
from tests.e2e.fault_catalogue import CLOSED_PORT, SILENCE, SILENT, Fault
from tests.e2e.folder_edits import CHUNK, LibraryFolder
from tests.e2e.judging import (
    FORBIDDEN,
    PASSWORD,
    SECRET,
    Records,
    Run,
    is_explained,
    is_variant,
    nfc,
    open_lines,
    same,
    told_line,
)

from simulators.filecloud.knobs import FileCloudKnobs
from simulators.filecloud.simulator import FileCloudSimulator
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.server import SharePointSimulator
from spfc.errors import SpfcError
from spfc.filecloud.client import FileCloudClient
from spfc.filecloud.settings import FileCloudSettings
from spfc.graph.auth import TokenSource
from spfc.graph.client import GraphClient
from spfc.graph.governor import Governor
from spfc.graph.settings import GraphSettings
from spfc.ledger.database import Database
from spfc.ledger.plans import StoredLine, stored_lines
from spfc.ledger.schema import synced_items
from spfc.planning.model import Action, Outcome
from spfc.planning.names import distinguish, target_name
from spfc.sources.sharepoint_library import SharePointLibrary
from spfc.steps.closing import close_run
from spfc.steps.context import RunContext
from spfc.steps.copying import transfer_batch
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.steps.removals import apply_removals
from spfc.steps.structure import apply_structure, create_empty_folders
from spfc.targets.filecloud import FileCloudTarget

DAY = 86_400.0
QUIET_RUNS = 5
FULL_DAYS = 9
"""Days between two full enumerations, which find what the feed keeps silent of."""


class SharedClock:
    """One clock for engine, clients and simulators; sleeping moves it."""

    def __init__(self, start: float) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds

    sleep = advance


class TroubledHouse(House):
    """The house of the end-to-end tests with faults, retries of tasks, and checks after every run."""

    clock_now: SharedClock
    folder: LibraryFolder
    hits: Counter[str]
    rng: random.Random
    closed_port: bool
    silence: float | None
    """Seconds of real time that clients wait for an answer, when one will not come."""
    quarantined: set[str]
    retries: int
    meanwhile: Iterator[Callable[[], str]]
    edited: bool
    has_feed = True
    broke_off = resumed = False
    """Whether the last run died in its enumeration, and this one ends that instead of making one of its own."""
    ids_of: dict[bytes, set[str]]
    """Every version that the library ever showed a run: its bytes, and whose they were."""
    names_of: dict[str, set[str]]
    """Every name that an item had when a run began."""

    def graph_settings(self) -> GraphSettings:
        return replace(super().graph_settings(), page_size=4, read_timeout=self.silence or 60.0)

    def filecloud_settings(self) -> FileCloudSettings:
        silence = self.silence or 60.0
        known = replace(
            super().filecloud_settings(), chunk_size=CHUNK, read_timeout=silence, last_chunk_timeout=silence
        )
        return replace(known, base_url=f"http://127.0.0.1:{unused_port()}") if self.closed_port else known

    def context(self, **options: Any) -> RunContext:
        run = super().context(**options)
        clock, address, folder = self.clock_now, run.route.source, run.route.target.folder

        def source() -> SharePointLibrary:
            settings = self.graph_settings()
            governor = Governor(now=clock.now, sleep=clock.sleep, rng=self.rng)
            client = GraphClient(settings, tokens=TokenSource(settings, now=clock.now), governor=governor)
            return SharePointLibrary(client, hostname=address.hostname, site_path=address.site, library=address.library)

        def target() -> FileCloudTarget:
            settings = self.filecloud_settings()
            client = FileCloudClient(settings, sleep=clock.sleep, monotonic=clock.now, jitter=self.rng.random)
            return FileCloudTarget(client, folder)

        return replace(run, make_source=source, make_target=target, clock=clock.now)

    # -- running -------------------------------------------------------------------------------------

    def trouble(
        self, rules: Iterable[tuple[Fault, dict[str, Any]]] = (), meanwhile: Iterable[Callable[[], str]] = ()
    ) -> Run:
        """Run the route as the DAG does while things go wrong, and judge what can be judged after any run.

        ``meanwhile`` are edits of the library, one before each task but the first.
        """
        chosen = list(rules)
        own = [fault for fault, _ in chosen if fault.action["kind"] == CLOSED_PORT]
        at_cloud = [rule for fault, rule in chosen if fault.service == "filecloud" and fault not in own]
        self.closed_port = bool(own)
        self.silence = SILENCE if any(fault.action["kind"] == SILENT for fault, _ in chosen) else None
        self.sharepoint.replace_faults([rule for fault, rule in chosen if fault.service != "filecloud"])
        self.filecloud.replace_faults(at_cloud)
        self._observe()
        before, places = self.tree(), self._places()
        self.clock_now.advance(1)  # no two runs begin at the same moment
        run = self.context()
        self.meanwhile, self.edited = iter(meanwhile), False
        self.resumed = self.broke_off
        error = self._work(run)
        self.broke_off = error is not None and not self.enumeration
        closed = close_run(self._next_task(run), self.tmp / "reports")
        for fault, _ in chosen:
            if fault in own:
                self.hits[fault.id] += any(line.code == "unreachable" for line in self._lines())
            else:
                sim = self.filecloud if fault.service == "filecloud" else self.sharepoint
                self.hits[fault.id] += sim.faults.hits(fault.id)
        self.closed_port, self.silence = False, None
        self.sharepoint.replace_faults(())
        self.filecloud.replace_faults(())
        done = Run(closed, error, self._lines(), tuple(fault.id for fault, _ in chosen), self.edited)
        self._judge(done, before, places)
        return done

    def _work(self, run: RunContext) -> SpfcError | None:
        """Return the error that broke the run off: the report runs whatever happens, the rest only in order."""
        self.enumeration, self.manifest = {}, {}
        try:
            self.enumeration = self._task(run, "enumerate", enumerate_source)
            if self.enumeration["debt"]:
                self.manifest = self._task(run, "diff_and_plan", diff_and_plan)
                plan_id = self.manifest["plan_id"]
                self._task(run, "apply_structure", partial(apply_structure, plan_id=plan_id))
                for batch in range(len(self.manifest["batches"])):
                    self._task(run, f"transfer[{batch}]", partial(transfer_batch, plan_id=plan_id, batch=batch))
                self._task(run, "create_empty_folders", partial(create_empty_folders, plan_id=plan_id))
                self._task(run, "apply_removals", partial(apply_removals, plan_id=plan_id))
        except SpfcError as error:
            return error
        return None

    def _task(self, run: RunContext, name: str, step: Callable[[RunContext], dict[str, Any]]) -> dict[str, Any]:
        """Run one task, again after a failure as Airflow does, each time as a process of its own would."""
        if name != "enumerate":
            self._edit_meanwhile()
        for left in reversed(range(self.retries + 1)):
            task = self._next_task(run)
            try:
                with task.task(name):
                    return step(task)
            except SpfcError:
                if not left:
                    raise
                self.clock_now.advance(60)
        raise AssertionError("unreachable")

    def _edit_meanwhile(self) -> None:
        edit = next(self.meanwhile, None)
        if edit is not None and edit():
            self.edited = True
            self._observe()

    def _lines(self) -> list[StoredLine]:
        if not self.manifest:
            return []
        with self.database.reading() as connection:
            return list(stored_lines(connection, self.manifest["plan_id"]))

    def settle(self) -> None:
        """Let quiet runs follow until nothing is owed, and check that both folders are equal then."""
        told: list[str] = []
        if self._feed_is_silent:
            self.clock_now.advance(FULL_DAYS * DAY)
        for _ in range(QUIET_RUNS):
            self.clock_now.advance(DAY + 3600)
            run = self.trouble()
            told.append(f"{run.closed.story} | {run.error} | " + "; ".join(map(told_line, open_lines(run))))
            if run.closed.verdict == "green" and not self._is_behind:
                break
        assert run.closed.verdict == "green", "quiet runs do not end in sync:\n" + "\n".join(told)
        self.check_nothing_left()

    def check_nothing_left(self) -> None:
        """One more run costs one request and no call; everything that was quarantined still lies there."""
        graph, cloud = self.sharepoint.journal.mark(), self.filecloud.journal.mark()
        assert self.trouble().closed.verdict == "green"
        asked = [e.operation for e in self.sharepoint.journal.since(graph) if e.service in ("graph", "download")]
        assert (asked, self.filecloud.journal.since(cloud)) == (["delta"], [])

    @property
    def _is_behind(self) -> bool:
        """Say whether the last run may have missed what changed since an earlier one began to list the source."""
        return self.resumed and not self.has_feed

    @property
    def _feed_is_silent(self) -> bool:
        """Say whether the feed leaves out deletions that a reader is to infer (Graph reference 6.5).

        It cannot for what was moved and then deleted with its new folder, both since it last asked: until the next
        full enumeration nobody knows.
        """
        return self.sharepoint.knobs.delete_markers != "all"

    # -- judging -------------------------------------------------------------------------------------

    def tree(self) -> dict[str, bytes | None]:
        """Return what the mirror shows: bytes of files, None for folders, by path from its root."""
        root = self.mirror
        return {nfc(f"/{p.relative_to(root)}"): p.read_bytes() if p.is_file() else None for p in root.rglob("*")}

    def _places(self) -> dict[str, list[str]]:
        """Return the ids of each synced item and of all folders above it, by the path where the ledger has it."""
        query = select(synced_items.c.id, synced_items.c.parent_id, synced_items.c.target_name)
        with self.database.reading() as connection:
            rows = {row.id: (row.parent_id, row.target_name) for row in connection.execute(query)}
        found: dict[str, list[str]] = {}
        for item in rows:
            chain, names, at = [], [], item
            while at in rows:
                chain.append(at)
                names.append(rows[at][1])
                at = rows[at][0]
            found[nfc("/".join(reversed(names)))] = chain
        return found

    def _judge(self, run: Run, before: Mapping[str, bytes | None], places: Mapping[str, list[str]]) -> None:
        after = self.tree()
        self._nothing_invented(after)
        for line in run.lines:
            if line.line.action is Action.REMOVE and "quarantined as " in line.detail:
                self.quarantined.add(line.detail.partition("quarantined as ")[2])
        lost = [path for path in self.quarantined if not self._in_store(path)]
        assert not lost, f"quarantined, but not there: {lost}"
        for path in sorted(before.keys() - after.keys()):
            assert is_explained(run, path, places.get(path, [])), f"{path} is gone without a plan line that was done"
        assert not any(line.outcome is Outcome.PENDING for line in run.lines), "a line without an outcome"
        if run.closed.verdict == "green":
            assert run.closed.summary["debt"] == 0 and run.error is None
        told = not self._feed_is_silent or self.enumeration.get("full")
        if run.closed.verdict == "green" and told and not run.edited and not self._is_behind:
            self._equal(self.folder.root, self.mirror, self._ids())

    def _in_store(self, path: str) -> bool:
        """Say whether something lies at a FileCloud path, in whatever Unicode form the server keeps it."""
        place = str(self.tmp / "store" / path.split("/", 2)[2])
        return Path(place).exists() or Path(nfc(place)).exists()

    def _nothing_invented(self, after: Mapping[str, bytes | None]) -> None:
        """Every file is a whole version that the library once had, under a name that it had for it."""
        for path, body in after.items():
            if body is None:
                continue
            assert body in self.ids_of, f"{path} holds bytes that never were a version: {body[:60]!r}..."
            name = path.rpartition("/")[2]
            known = {nfc(target_name(n, i)) for i in self.ids_of[body] for n in self.names_of[i]}
            assert any(name == n or is_variant(name, n) for n in known), f"{path} holds the bytes of {known}"

    def _observe(self) -> None:
        """Note what the library shows now, item by item; the service looks at the folder, too."""
        with self.sharepoint._services.library.opened(rescan=True):
            pass
        for path, item in self._ids().items():
            place = self.folder.root / path
            if place.is_file():
                self.ids_of.setdefault(place.read_bytes(), set()).add(item)
                self.names_of.setdefault(item, set()).add(place.name)

    def _ids(self) -> dict[str, str]:
        """Return the item ids of the library by path, as the service knows them."""
        library = self.sharepoint._services.library
        return {library.path(item): item.id for item in library.store.items.values() if not item.deleted}

    def _equal(self, source: Path, copy: Path, ids: Mapping[str, str]) -> None:
        """Assert that a folder and its copy hold the same, under names as planning maps them."""
        left = {nfc(path.name): path for path in self._children(copy)}
        for path in sorted(source.iterdir()):
            item_id = ids[str(path.relative_to(self.folder.root))]
            plain = target_name(path.name, item_id)
            names = [distinguish(plain, item_id), plain]  # a twin's plain name belongs to the other twin
            found = [n for n in map(nfc, names) if n in left]
            mine = [n for n in found if same(path, left[n])]
            assert mine, f"{path.relative_to(self.folder.root)}: no copy among {sorted(left)} in {copy.name}"
            twin = left.pop(mine[0])
            if path.is_dir():
                self._equal(path, twin, ids)
            elif path.stat().st_size:  # bytes that are the same as before are not sent again for a new time
                assert abs(path.stat().st_mtime - twin.stat().st_mtime) <= 2, f"{twin} has another time"
        assert not left, f"only at the target: {sorted(left)} in {copy}"

    def _children(self, copy: Path) -> list[Path]:
        """Return what a folder of the mirror holds, but for what the target keeps there for itself."""
        return list(copy.iterdir())

    def check_secrets(self, records: Records) -> None:
        """Assert that no secret is in the logs, the reports or the ledger."""
        files = [*self.tmp.glob("ledger.db*"), *(p for p in (self.tmp / "reports").rglob("*") if p.is_file())]
        for path in files:
            body = path.read_bytes()
            records.leaks += [f"{path.name}: {word}" for word in FORBIDDEN if word.encode() in body]
        assert not records.leaks


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Setting:
    """How the services and the route of one house are set up."""

    sharepoint: Mapping[str, Any] = field(default_factory=dict)
    filecloud: Mapping[str, Any] = field(default_factory=dict)
    policy: str = "quarantine"
    workers: int = 1
    retries: int = 0


@cache
def _empty_ledger() -> bytes:
    """Return the file of a migrated ledger: migrations take longer than a run."""
    with TemporaryDirectory() as tmp:
        database = Database(f"sqlite:///{Path(tmp) / 'ledger.db'}")
        with database.writing():
            pass
        database.close()
        return (Path(tmp) / "ledger.db").read_bytes()


HouseT = TypeVar("HouseT", bound=TroubledHouse)


@contextmanager
def troubled_house(
    tmp: Path, setting: Setting, hits: Counter[str], kind: type[HouseT] = TroubledHouse
) -> Iterator[HouseT]:  # fmt: skip
    """Open a house with an empty store and a library that holds its anchor only."""
    clock = SharedClock(1_700_000_000.0)
    for name in ("library", "store"):
        (tmp / name).mkdir()
    cloud_knobs = FileCloudKnobs.from_dict(setting.filecloud)
    with (
        SharePointSimulator(
            tmp / "library", state_dir=tmp / "sp", clock=clock, client_secret=SECRET,
            knobs=SharePointKnobs.from_dict({"delete_markers": "all", **setting.sharepoint}),
        ) as sharepoint,
        FileCloudSimulator(
            tmp / "store", state_dir=tmp / "fc", clock=clock, password=PASSWORD, knobs=cloud_knobs
        ) as filecloud,
    ):  # fmt: skip
        (tmp / "ledger.db").write_bytes(_empty_ledger())
        database = Database(f"sqlite:///{tmp / 'ledger.db'}")
        house = kind(tmp, sharepoint, filecloud, database, clock=clock.now)
        house.fields = {
            "policies": {"removals": setting.policy, "removal_guard": {"max_share": 1.0}},
            "limits": {"workers": setting.workers, "full_every_days": FULL_DAYS},
        }
        house.clock_now, house.hits, house.rng = clock, hits, random.Random(1)
        house.library.mkdir(exist_ok=True)
        house.folder = LibraryFolder(house.library, tmp / "hidden")
        house.silence = None
        house.closed_port, house.quarantined, house.retries = False, set(), setting.retries
        house.ids_of, house.names_of = {}, {}
        try:
            yield house
        finally:
            database.close()
            filecloud.close()
