"""The FileCloud server that wishes are put to, the same for both clients: what lies there before each wish."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.golden.material import TWO_FACTOR_CODE, WHEN
from tests.conformance.golden.recorder import Recorder, stage

from simulators.filecloud import FileCloudKnobs, FileCloudSimulator


def _put(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)
    os.utime(path, (WHEN, WHEN))


class Scene:
    """A simulator behind a stage, and the record of what came by."""

    def __init__(self, simulator: FileCloudSimulator, recorder: Recorder, url: str) -> None:
        self.simulator = simulator
        self.recorder = recorder
        self.url = url

    def prepare(self, wish: str) -> None:
        """Make everything as it is before this wish."""
        store = self.simulator.store
        for old in store.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        for name in ("there.txt", "tree/leaf.txt", "tree/twig/leaf.txt"):
            _put(store / name, name)
        if wish.startswith("14 stat "):
            _put(store / wish.removeprefix("14 stat "), "")
        if wish.startswith("06 list ") and wish.split()[-1].isdecimal():
            (store / "listed").mkdir()
            for number in range(int(wish.split()[-1])):
                _put(store / f"listed/{number:04d}", "")
        second = TWO_FACTOR_CODE if wish == "01 second factor" else ""
        self.simulator.knobs = FileCloudKnobs(two_factor_code=second)


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Run server and stage."""
    (folder / "store").mkdir()
    simulator = FileCloudSimulator(folder / "store", state_dir=folder / "state")
    recorder = Recorder()
    with simulator, stage(simulator.url, recorder) as url:
        made = Scene(simulator, recorder, url)
        recorder.prepare = made.prepare
        yield made
    simulator.close()
