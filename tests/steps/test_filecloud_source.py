"""Whole runs from a FileCloud folder to a target in memory: what they cost, and that they converge."""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, note, seed, settings
from hypothesis import strategies as st
from tests.sources.contract import BEGINNING, FOLDERS, furnish
from tests.sources.worlds import FileCloudWorld
from tests.steps.house import House
from tests.targets.world import World as CloudWorld
from tests.targets.world import world as cloud

from simulators.filecloud import FileCloudKnobs
from spfc.errors import ServiceBusy
from spfc.filecloud.refusals import CallRefused
from spfc.ledger.database import Database
from spfc.planning.model import Action, Outcome, Reason
from spfc.sources.base import ChangePage
from spfc.sources.filecloud_folder import FileCloudFolder
from spfc.steps.context import RunContext
from spfc.steps.enumerate import enumerate_source

pytestmark = pytest.mark.timeout(600)

SEED = int(os.environ.get("SPFC_SEED", "0"))
EXAMPLES = max(10, int(os.environ.get("SPFC_EXAMPLES", "200")) // 10)
FREE = {"policies": {"removals": "delete", "removal_guard": {"max_items": 10_000, "max_share": 1.0}}}
"""Removals without a second question: the guard has tests of its own."""

PAGE = 7
"""Entries that the server lists at a time."""


class Mortal(FileCloudFolder):
    """A source whose process dies after a number of pages."""

    pages_left: int | None = None

    def changes(self, cursor: str | None) -> ChangePage:
        if self.pages_left == 0:
            raise ServiceBusy("the process died")
        if self.pages_left is not None:
            self.pages_left -= 1
        return super().changes(cursor)


@dataclass
class CloudHouse(House):
    """A house whose source is a folder of a FileCloud server; each run has a source of its own."""

    world: FileCloudWorld | None = None
    pages_left: int | None = None

    def context(self, run_id: str = "", **options: Any) -> RunContext:
        return replace(super().context(run_id, **options), make_source=self._fresh)

    def _fresh(self) -> FileCloudFolder:
        assert self.world is not None
        source = Mortal(self.world.cloud.client(), self.world.root, change_feed=self.world.change_feed)
        source.pages_left = self.pages_left
        return source

    def operations(self, since: int = 0) -> Counter[str]:
        assert self.world is not None
        return Counter(self.world.cloud.operations()[since:])


def housed(folder: Path, running: CloudWorld, *, change_feed: bool = False) -> CloudHouse:
    world = FileCloudWorld(running, change_feed=change_feed)
    return CloudHouse(folder, fields=dict(FREE), world=world)


@pytest.fixture(params=[False, True], ids=["walk", "feed"])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[CloudHouse]:
    with cloud(tmp_path, FileCloudKnobs(max_limit=PAGE, change_feed=request.param)) as running:
        built = housed(tmp_path, running, change_feed=request.param)
        assert built.world is not None
        furnish(built.world)
        yield built
        built.database.close()


def world_of(house: CloudHouse) -> FileCloudWorld:
    assert house.world is not None
    return house.world


def expected() -> dict[str, bytes | None]:
    return {**dict.fromkeys(FOLDERS), **BEGINNING}


def test_a_first_run_brings_everything(house: CloudHouse) -> None:
    house.run()
    assert house.target.tree() == expected()
    assert house.debt() == 0
    assert house.operations()["downloadfile"] == len(BEGINNING)


def test_a_run_without_changes_costs_one_listing_pass_or_two_questions_to_the_feed(house: CloudHouse) -> None:
    house.run()
    mark = len(world_of(house).cloud.operations())
    house.run()
    spent = house.operations(mark)
    del spent["loginguest"]
    feed = {"getsyncfolderlist": 1, "getsyncdelta": 1}
    assert spent == (feed if world_of(house).change_feed else {"getfilelist": len(FOLDERS) + 1})
    assert (house.manifest, house.debt()) == ({}, 0)


def test_one_change_costs_one_download(house: CloudHouse) -> None:
    house.run()
    world_of(house).write("/C/three.txt", b"edited")
    mark = len(world_of(house).cloud.operations())
    house.run()
    spent = house.operations(mark)
    assert (spent["downloadfile"], spent["fileinfo"]) == (1, 0)
    assert spent["getfilelist"] == (1 if world_of(house).change_feed else len(FOLDERS) + 1)
    assert house.target.tree() == {**expected(), "/C/three.txt": b"edited"}


def test_a_folder_takes_the_place_of_a_file(house: CloudHouse) -> None:
    house.run()
    world_of(house).delete("/C/three.txt")
    world_of(house).make_folder("/C/three.txt")
    world_of(house).write("/C/three.txt/new.txt", b"new")
    house.run()
    assert house.target.tree() == {**expected(), "/C/three.txt": None, "/C/three.txt/new.txt": b"new"}
    assert house.debt() == 0


def test_an_enumeration_that_broke_off_goes_on_in_the_next_run(house: CloudHouse) -> None:
    house.pages_left = 3
    with pytest.raises(ServiceBusy):
        enumerate_source(house.context(run_id="same"))
    house.pages_left = None
    mark = len(world_of(house).cloud.operations())
    house.run(run_id="same")
    again = house.operations(mark)["getfilelist"]
    assert again < len(FOLDERS) + 1 + 2 * world_of(house).change_feed
    assert house.target.tree() == expected()
    assert house.enumeration["generation"] == 1


def test_a_closed_folder_keeps_its_copies_and_is_named(house: CloudHouse) -> None:
    house.run()
    world = world_of(house)
    closed(world, "/A")
    world.delete("/top.txt")
    world.write("/C/three.txt", b"edited")
    world.delete("/A/B/two.txt")
    house.run(mode="full")
    kept = {path: body for path, body in expected().items() if path != "/top.txt"}
    assert house.target.tree() == {**kept, "/C/three.txt": b"edited"}
    assert held_lines(house) == [("/A", Reason.UNLISTED, Outcome.HELD)]
    closed(world)
    house.run()
    assert house.debt() == 0
    assert "/A/B/two.txt" not in house.target.tree()


def test_a_broken_folder_keeps_its_copies_and_is_named(house: CloudHouse) -> None:
    """The server fails on it again and again, and lists all others."""
    house.run()
    world = world_of(house)
    broken(world, "/A")
    world.delete("/top.txt")
    world.write("/C/three.txt", b"edited")
    world.delete("/A/B/two.txt")
    kept = {path: body for path, body in expected().items() if path != "/top.txt"}
    for mode in ("full", "incremental"):
        house.run(mode=mode)
        assert house.target.tree() == {**kept, "/C/three.txt": b"edited"}
        assert held_lines(house) == [("/A", Reason.UNLISTED, Outcome.HELD)]
    broken(world)
    house.run()
    assert house.debt() == 0
    assert "/A/B/two.txt" not in house.target.tree()


def test_many_broken_folders_stop_a_run_and_nothing_is_lost(house: CloudHouse) -> None:
    """Each try of the task comes by a few of them; what another run had to finish proves no absence."""
    house.run()
    world = world_of(house)
    extra = [f"/B{number}" for number in range(5)]
    for folder in extra:
        world.make_folder(folder)
        world.write(f"{folder}/x.txt", folder.encode())
    house.run(mode="full")
    before = house.target.tree()
    broken(world, *extra)
    world.delete("/top.txt")
    with pytest.raises(ServiceBusy, match="4 folders in a row"):
        house.run(run_id="stopped", mode="full")
    assert house.target.tree() == before
    house.run(run_id="stopped", mode="full")
    held = {stored.line.path for stored in house.lines() if stored.line.reason is Reason.UNLISTED}
    assert held == set(extra)
    assert house.target.tree() == {path: body for path, body in before.items() if path != "/top.txt"}
    broken(world)
    house.run()
    assert house.debt() == 0


def test_a_vanished_source_folder_removes_nothing(house: CloudHouse) -> None:
    house.run()
    world = world_of(house)
    world.editor.delete("/spfc", "library")
    with pytest.raises(Exception, match="no folder /spfc/library"):
        house.run()
    assert house.target.tree() == expected()


def closed(world: FileCloudWorld, *paths: str) -> None:
    """Let these folders, and no others, be shown without being listed."""
    simulator = world.cloud.simulator
    simulator.knobs = simulator.knobs.but(closed_paths=tuple(world.root + path for path in paths))


def held_lines(house: CloudHouse) -> list[tuple[str, Reason, Outcome]]:
    lines = [stored for stored in house.lines() if stored.line.action is Action.HOLD]
    return [(stored.line.path, stored.line.reason, stored.outcome) for stored in lines]


def broken(world: FileCloudWorld, *paths: str) -> None:
    """Let the server fail to list these folders, and no others."""
    simulator = world.cloud.simulator
    simulator.knobs = simulator.knobs.but(broken_paths=tuple(world.root + path for path in paths))


# -- random lives ------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c")
FOLDER_PATHS = ["", *(f"/{x}" for x in NAMES), *(f"/{x}/{y}" for x in NAMES for y in NAMES)]
PATHS = [f"{folder}/{name}" for folder in FOLDER_PATHS for name in NAMES]
STEP = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(PATHS), st.binary(max_size=40)),
    st.tuples(st.just("folder"), st.sampled_from(PATHS), st.none()),
    st.tuples(st.just("delete"), st.sampled_from(PATHS), st.none()),
    st.tuples(st.just("rename"), st.sampled_from(PATHS), st.sampled_from(PATHS)),
)
TURN = st.tuples(
    st.lists(STEP, max_size=10),
    st.lists(st.integers(0, 99), max_size=2),
    st.one_of(st.none(), st.none(), st.integers(0, 6)),
)
"""What people do, which folders are closed or broken then, and after how many pages the run dies."""

BROKEN = 50
"""From this number on a folder is not closed but broken: no more in a row than are passed over."""


@pytest.fixture(scope="module", params=[False, True], ids=["walk", "feed"])
def cloud_of_lives(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[CloudWorld, Path, bool]]:
    folder = tmp_path_factory.mktemp("lives")
    database = Database(f"sqlite:///{folder / 'empty.db'}")
    with database.reading():
        pass
    database.close()
    with cloud(folder, FileCloudKnobs(max_limit=PAGE, change_feed=request.param)) as running:
        yield running, folder, request.param


NUMBERS = itertools.count(1)


def act(world: FileCloudWorld, kind: str, path: str, more: Any) -> None:
    """Do one thing as a user would; what the server refuses does not happen."""
    try:
        if kind == "write":
            world.write(path, more)
        elif kind == "folder":
            world.make_folder(path)
        elif kind == "delete":
            world.delete(path)
        else:
            world.rename(path, more)
    except CallRefused:
        event(f"{kind} refused")


def on_disk(world: FileCloudWorld) -> dict[str, bytes | None]:
    top = world.cloud.simulator.store / "library"
    return {f"/{p.relative_to(top)}": None if p.is_dir() else p.read_bytes() for p in top.rglob("*")}


def below(tree: dict[str, bytes | None], folders: list[str]) -> dict[str, bytes | None]:
    return {path: body for path, body in tree.items() if any(path.startswith(f"{folder}/") for folder in folders)}


@seed(SEED)
@settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(
    history=[
        ([("delete", "/a/b/a", None), ("write", "/b/z", b"1")], [], 4),
        ([("write", "/a/b/a", b""), ("delete", "/a/b", None)], [2], None),
    ]
)
@given(history=st.lists(TURN, min_size=1, max_size=5))
def test_the_target_follows_and_nothing_below_a_closed_folder_is_lost(
    cloud_of_lives: tuple[CloudWorld, Path, bool], history: list[Any]
) -> None:
    running, folder, feed = cloud_of_lives
    place = folder / f"life{next(NUMBERS)}"
    place.mkdir()
    shutil.copy(folder / "empty.db", place / "ledger.db")
    shutil.rmtree(running.simulator.store / "library", ignore_errors=True)
    house = housed(place, running, change_feed=feed)
    world = world_of(house)
    open_all(world)
    for made in ("/a", "/a/b", "/b"):
        world.make_folder(made)
    for written in ("/a/a", "/a/b/a", "/a/b/c", "/b/c"):
        world.write(written, written.encode())
    world.write("/keep.txt", b"a library that is suddenly empty is another matter")
    house.run()
    try:
        live(house, world, history)
    finally:
        house.database.close()
        open_all(world)


def open_all(world: FileCloudWorld) -> None:
    closed(world)
    broken(world)


def live(house: CloudHouse, world: FileCloudWorld, history: list[Any]) -> None:
    broke_off, news = False, set[str]()
    for steps, shut, dies in history:
        for step in steps:
            act(world, *step)
        tree = on_disk(world)
        folders = sorted(path for path, body in tree.items() if body is None)
        ill = {folders[number % len(folders)]: number >= BROKEN for number in shut} if folders else {}
        hidden = sorted(ill)
        closed(world, *(path for path in hidden if not ill[path]))
        broken(world, *(path for path in hidden if ill[path]))
        before = house.target.tree()
        house.pages_left = dies
        note(f"{steps} closed or broken {ill} dies {dies}: {sorted(tree)}")
        try:
            house.run()
        except ServiceBusy:
            event("died")
            assert house.target.tree() == before
            house.clock.now += 100_000  # until its lease is nobody's
            broke_off = True
            news |= {path for path, body in before.items() if path not in tree or tree[path] != body}
            continue
        after = house.target.tree()
        note(f"target {sorted(after)}, owed {house.debt()}")
        # What a run that died has seen to be gone or edited, when the folder was open, is carried out.
        owned = {path: body for path, body in below(before, hidden).items() if path not in news}
        assert owned.items() <= below(after, hidden).items(), "lost below a closed folder"
        # A run that goes on with another one's listing has not looked into every folder itself.
        assert broke_off or (house.debt() > 0) == bool(hidden) or feed_was_blind(house, hidden)
        broke_off, news = False, set()
        if hidden:
            event("broken" if any(ill.values()) else "closed")
    open_all(world)
    house.pages_left = None
    for _ in range(4):
        house.run()
    assert house.target.tree() == on_disk(world)
    assert house.debt() == 0


def feed_was_blind(house: CloudHouse, hidden: list[str]) -> bool:
    """Say whether nobody looked into the closed folders: the feed told of nothing there."""
    return world_of(house).change_feed and bool(hidden) and house.debt() == 0
