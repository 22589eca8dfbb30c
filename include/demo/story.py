"""The story that the file demos tell: copy everything, copy nothing, follow changes, bring things back."""

from __future__ import annotations

import shutil

from demo.compare import compare
from demo.edits import Office
from demo.sample_library import SampleLibrary, build, survey
from demo.scenes import Scene
from demo.show import Screen, human_size
from demo.stage import Stage, Wishes
from demo.watch import RunResult, Watcher
from demo.workplace import Workplace, check_room
from simulators.launch import SimulatorPair
from spfc.planning.scope import PathGlobs
from spfc.routes import Filters


class Story(Stage):
    """One demo of a route that copies files."""

    below = "A real Airflow, two local simulators, and a comparison byte by byte after every run."

    def __init__(self, place: Workplace, wishes: Wishes, screen: Screen, scene: Scene) -> None:
        super().__init__(place, wishes, screen)
        self._scene = scene
        self.title = f"spfc: {scene.title}"
        self.way = scene.way
        self._library: SampleLibrary | None = None

    # -- beginning -----------------------------------------------------------------------------------

    def check(self) -> None:
        """Look at a library of the user's own, and for room to copy it."""
        if self.place.own:
            self._library = survey(self.place.library)
            check_room(self.place, self._library.size)

    def make_data(self) -> str:
        """Write the sample library unless one is there."""
        self._library = self._library or self._sample()
        return _describe(self._library)

    def route_file(self, pair: SimulatorPair) -> str:
        """Return the route file of the scene."""
        return pair.route_file(self._scene.entry(self.place, pair))

    def facts(self, pair: SimulatorPair, described: str) -> list[tuple[str, str]]:
        """Return library, servers and mirror."""
        return [
            ("Library", f"{self.place.library}  ({described})"),
            ("SharePoint", f"{pair.sharepoint.url}  (simulator)"),
            ("FileCloud", f"{pair.filecloud.url}  (simulator, stores into {self.place.store})"),
            ("Mirror", str(self._scene.mirror(self.place, pair))),
        ]

    def playground(self) -> tuple[str, str]:
        """Return the library."""
        return "Library to play with", str(self.place.library)

    def _sample(self) -> SampleLibrary:
        root = self.place.library
        if root.is_dir() and any(root.iterdir()):
            return survey(root)
        root.parent.mkdir(parents=True, exist_ok=True)
        with self.screen.busy("Writing a sample library of real documents") as tell:
            return build(root, tell=lambda done, of: tell(f"{done} of {of}"))

    # -- runs ----------------------------------------------------------------------------------------

    def play(self, watcher: Watcher, pair: SimulatorPair) -> None:
        """Copy everything, then nothing, then what people do."""
        if self._first_run(watcher, pair):
            self._free_run(watcher, "Run it again: nothing has changed")
            if not self.place.own:
                self._changing_runs(watcher, pair)

    def _first_run(self, watcher: Watcher, pair: SimulatorPair) -> bool:
        """Return whether it makes sense to go on."""
        mirror = self._scene.mirror(self.place, pair)
        fresh = not mirror.exists()
        self.step("First run: copy the whole library" if fresh else "First run: catch up with the library")
        expected = self._library if fresh else None
        result = self.run(watcher, *((expected.files, expected.size) if expected else ()))
        self._compare(pair)
        return result.succeeded

    def _free_run(self, watcher: Watcher, heading: str) -> None:
        self.step(heading)
        result: RunResult = self.run(watcher)
        free = self._scene.free(result, survey(self.place.library).folders)
        self.judge(result.succeeded and free.kept)
        self.screen.verdict(free.sentence, result.succeeded and free.kept)

    def _changing_runs(self, watcher: Watcher, pair: SimulatorPair) -> None:
        # What an earlier demo deleted and never restored is gone for good now.
        shutil.rmtree(self.place.trash, ignore_errors=True)
        office = Office(self.place.library, self.place.trash)
        rounds = (
            ("People edit, rename, move and delete; the next run follows", office.first_round),
            ("A deleted file and a deleted folder are restored", office.second_round),
        )
        for heading, act in rounds:
            self.step(heading)
            self.screen.changes(act())
            self.run(watcher)
            self._compare(pair)

    def _compare(self, pair: SimulatorPair) -> None:
        unwanted = PathGlobs(Filters().exclude)
        with self.screen.busy("Comparing the library with its mirror"):
            comparison = compare(
                self.place.library,
                self._scene.mirror(self.place, pair),
                wanted=lambda path: not unwanted.covers(path),
            )
        self.judge(comparison.equal)
        self.screen.comparison(comparison, self.report)


def _describe(library: SampleLibrary) -> str:
    return (
        f"{library.files} files, {library.folders} folders, {library.empty_folders} of them empty, "
        f"{human_size(library.size)}, largest {human_size(library.largest)}"
    )
