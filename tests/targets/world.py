"""A FileCloud simulator with a client and a target on it, for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulators.filecloud import FileCloudKnobs, FileCloudSimulator
from spfc.filecloud import FileCloudClient, FileCloudSettings
from spfc.targets.filecloud import FileCloudTarget

LOST = {"kind": "reset_after"}
NEVER_CAME = {"kind": "reset_before"}
MIB = 1 << 20
PASSWORD = "correct-horse-battery-73"


class FakeTime:
    """A clock that moves only when somebody sleeps on it. Thread safe."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


def make_client(url: str, time: FakeTime | None = None, jitter: float = 1.0, **settings: Any) -> FileCloudClient:
    """Make a client whose waiting takes no time."""
    time = time or FakeTime()
    values: dict[str, Any] = {"user": "spfc", "password": PASSWORD, "chunk_size": 4096, **settings}
    return FileCloudClient(
        FileCloudSettings(url, **values), sleep=time.sleep, monotonic=time.monotonic, jitter=lambda: jitter
    )


class World:
    """A running simulator and the ways to it."""

    def __init__(self, simulator: FileCloudSimulator) -> None:
        self.simulator = simulator
        self.time = FakeTime()
        self._clients: list[FileCloudClient] = []

    def client(self, **settings: Any) -> FileCloudClient:
        """Make a client of this simulator; it is closed with the world."""
        client = make_client(self.simulator.url, self.time, **settings)
        self._clients.append(client)
        return client

    def target(self, root: str = "/spfc/mirror", **settings: Any) -> FileCloudTarget:
        """Make a target of this simulator whose root folder is there."""
        (self.simulator.store / root.removeprefix("/spfc").lstrip("/")).mkdir(parents=True, exist_ok=True)
        return FileCloudTarget(self.client(**settings), root)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Declare what goes wrong from here on; each rule must be met before the world ends."""
        self.simulator.replace_faults([{"id": f"f{number}", **rule} for number, rule in enumerate(rules)])

    def operations(self) -> list[str]:
        """Return the operations that the simulator was asked for, in order."""
        return [entry.operation for entry in self.simulator.journal.entries]

    def close(self) -> None:
        """Close clients."""
        for client in self._clients:
            client.close()


@contextmanager
def world(tmp_path: Path, knobs: FileCloudKnobs | None = None, **options: Any) -> Iterator[World]:
    """Run a simulator; at the end every declared fault must have been met."""
    store = tmp_path / "store"
    store.mkdir(exist_ok=True)
    simulator = FileCloudSimulator(store, state_dir=tmp_path / "state", knobs=knobs, password=PASSWORD, **options)
    with simulator:
        made = World(simulator)
        yield made
        made.close()
        simulator.faults.assert_all_hit()
    simulator.close()


def content(made: World, path: str) -> bytes | None:
    file = made.simulator.store / "mirror" / path[1:]
    return file.read_bytes() if file.is_file() else None


def versions(made: World, path: str) -> int:
    folder, _, name = f"/spfc/mirror{path}".rpartition("/")
    return len(made.client().versions(folder, name))
