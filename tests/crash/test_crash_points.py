"""A seeded sample of all crash points: killed there, the route converges as if nothing had happened.

All of them: ``make crash-points``.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.crash.case import WayBack, World, crash, undisturbed, warm_up, warmed_up, world
from tests.crash.catalogue import ALL

pytestmark = pytest.mark.e2e

SEED = int(os.environ.get("SPFC_SEED") or random.randrange(2**32))

SAMPLE = {
    "changes": 14, "moving_on": 10, "adoption": 7, "first": 5, "sweep": 5, "legacy": 5,
    "folder": 2, "folder_moving_on": 1, "folder_plain_moving_on": 1, "folder_long": 1, "folder_restored": 1,
    "folder_apart_restored": 1, "list_first": 1, "list_round": 2, "list_restored": 1, "list_moving_on": 1,
    "list_column": 1,
}  # fmt: skip
"""Cases of each scene in one go: together about 100 s on one core."""


class Stage:
    """The worker, and how each scene ends when nobody disturbs it."""

    def __init__(self, tmp: Path) -> None:
        self.tmp = tmp
        self.worker, self.clean = warmed_up(tmp)
        self._warm: set[type[World]] = set()
        self._ends: dict[str, tuple[Any, list[str]]] = {}
        self._numbers = itertools.count(1)

    def end_of(self, name: str) -> tuple[Any, list[str]]:
        scene = ALL[name]
        if scene.house not in self._warm:
            warm_up(self.tmp, [scene], self.worker, self.clean)
            self._warm.add(scene.house)
        if name not in self._ends:
            with world(self.tmp / name, scene, self.worker, self.clean) as at:
                self._ends[name] = undisturbed(at)
        return self._ends[name]

    def crash(self, name: str, point: str, way: WayBack) -> bool:
        folder = self.tmp / f"case{next(self._numbers)}"
        with world(folder, ALL[name], self.worker, self.clean) as at:
            return crash(at, point, way, self.end_of(name)[0])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("crash"))
    yield made
    made.worker.close()


@pytest.mark.parametrize(("name", "number"), [(name, n) for name, most in SAMPLE.items() for n in range(most)])
def test_killed_at_any_point_the_route_converges(stage: Stage, name: str, number: int) -> None:
    dice = random.Random(f"{SEED} {name} {number}")
    # Cut into as many pieces as there are cases, so that each phase of the run is met.
    points = stage.end_of(name)[1]
    piece = points[len(points) * number // SAMPLE[name] : len(points) * (number + 1) // SAMPLE[name]]
    point, way = dice.choice(piece), dice.choice(list(WayBack))
    print(f"SPFC_SEED={SEED}: {name}, killed at {point!r}, then {way}")
    stage.crash(name, point, way)


def test_every_kind_of_side_effect_is_among_the_points(stage: Stage) -> None:
    kinds = {point.split(" ")[0] for name in ("changes", "sweep") for point in stage.end_of(name)[1]}
    assert kinds == {"commit", "createfolder", "move", "upload", "deletefile"}
    commits = {point.split(" ")[1] for point in stage.end_of("changes")[1] if point.startswith("commit")}
    assert {name.partition(".")[0] for name in commits} == {
        "enumerate", "survey", "packing", "plan", "structure", "copying", "removals", "closing", "context",
    }  # fmt: skip


def test_every_kind_of_change_of_a_folder_is_among_the_points(stage: Stage) -> None:
    names = ("folder", "folder_restored", "folder_plain_moving_on")
    kinds = {point.split(" ")[0] for name in names for point in stage.end_of(name)[1]}
    assert kinds == {"commit", "create", "write", "chmod", "utime", "rename", "link", "mkdir", "unlink", "rmdir"}


def test_every_transaction_of_a_table_is_among_the_points(stage: Stage) -> None:
    names = ("list_first", "list_round", "list_restored", "list_column")
    points = [point.split(" ") for name in names for point in stage.end_of(name)[1]]
    assert {point[1] for point in points if point[0] == "table"} == {
        "prepare", "apply", "sweep", "snapshot_taken", "forget_changes",
    }  # fmt: skip


def test_a_process_really_dies_and_the_judge_sees_what_is_missing(stage: Stage) -> None:
    """The harness itself can fail: a run that is killed and not followed by another one is not accepted."""
    name = "changes"
    expected, points = stage.end_of(name)
    half = next(point for point in points if point.startswith("upload") and point.endswith("after"))
    with world(stage.tmp / "half", ALL[name], stage.worker, stage.clean) as at:
        assert at.run_until("run", half)
        assert at.standing().files != expected.files
        with pytest.raises(KeyError, match="report"):
            at.summary("run")
