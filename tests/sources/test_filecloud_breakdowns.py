"""A folder that the server fails to list is told and passed over; a server that is down stops the enumeration."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sources.test_filecloud_folder import FOREIGN, SECRET, disk, plant, refuse, unlisted, walked
from tests.sources.worlds import FileCloudWorld
from tests.targets.world import world as cloud

from simulators.filecloud import FileCloudKnobs
from spfc.errors import CursorExpired, PermissionMissing, PlaceNotFound, ServiceBusy, Throttled, Unreachable
from spfc.sources.filecloud_breakdowns import MOST_IN_A_ROW

TRIES = 5
"""How often the client asks in all."""
WAITED = 0.5 + 1 + 2 + 4
"""Seconds between them."""
BUSY = {"kind": "status", "status": 503}
BROKEN: dict[str, tuple[dict[str, Any], float]] = {
    "fails": ({"kind": "status", "status": 500}, WAITED),
    "is busy": (BUSY, WAITED),
    "times out behind a gateway": ({"kind": "status", "status": 504}, WAITED),
    "falls silent": ({"kind": "stall"}, WAITED),
    "breaks off": ({"kind": "truncate", "bytes": 60}, WAITED),
    "is cut": ({"kind": "reset_after"}, WAITED - 0.5),  # at first that may be an old connection: no wait
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FileCloudWorld]:
    with cloud(tmp_path, FileCloudKnobs(max_limit=7)) as running:
        yield FileCloudWorld(running)


def requests(world: FileCloudWorld) -> list[tuple[str, str]]:
    """Return path below the folder and limit of every listing so far; nothing of those that a fault has answered."""
    entries = [entry for entry in world.cloud.simulator.journal.entries if entry.operation == "getfilelist"]
    return [
        (entry.params["path"].removeprefix(world.root) or "/", entry.params["limit"]) if entry.params else ("", "")
        for entry in entries
    ]


def broken(world: FileCloudWorld, *paths: str) -> None:
    """Let the server fail to list these folders, and no others."""
    simulator = world.cloud.simulator
    simulator.knobs = simulator.knobs.but(broken_paths=tuple(world.root + path for path in paths))


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_folder_is_told_and_the_rest_is_walked(
    world: FileCloudWorld, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    plant(world, "/a/b/x.txt", "/c/y.txt")
    world.cloud.time.slept.clear()
    action, waited = BROKEN[case]
    refuse(world, 2, action, times=TRIES)
    world.settings = {"read_timeout": 0.05} if case == "falls silent" else {}
    items, pages = walked(world.source())
    assert unlisted(items) == {"/a/"}
    assert items.keys() == {"/", "/a/", "/c/", "/c/y.txt"}
    assert pages[-1].complete
    assert "/spfc/library/a could not be listed" in caplog.text
    asked = requests(world)
    assert (len(asked), asked[-2]) == (1 + TRIES + 2, ("/", "1")), "the source folder is asked for once more"
    assert sum(world.cloud.time.slept) == waited
    world.cloud.simulator.replace_faults([])
    assert unlisted(walked(world.source())[0]) == set(), "the next enumeration tries again"


def test_a_server_that_is_down_stops_the_enumeration_where_it_is(world: FileCloudWorld) -> None:
    plant(world, "/a/b/x.txt", "/c/y.txt")
    source = world.source()
    first = source.changes(None)
    world.cloud.faults({"operation": "getfilelist", "times": -1, "action": BUSY})
    for _ in range(2):
        mark = len(requests(world))
        with pytest.raises(ServiceBusy):
            source.changes(first.cursor)
        assert len(requests(world)) - mark == 2 * TRIES, "the folder, and the source folder"
    world.cloud.simulator.replace_faults([])
    items, _ = walked(source, first.cursor)
    assert items.keys() == {"/a/", "/a/b/", "/a/b/x.txt", "/c/", "/c/y.txt"}
    assert unlisted(items) == set()


def test_trouble_that_passes_while_we_look_says_nothing_about_the_folder(world: FileCloudWorld) -> None:
    plant(world, "/a/x.txt")
    source = world.source()
    first = source.changes(None)
    refuse(world, 1, BUSY, times=TRIES + 1)
    with pytest.raises(ServiceBusy, match="getfilelist with status 503") as raised:
        source.changes(first.cursor)
    assert raised.value.item == "/spfc/library/a"
    items, _ = walked(source, first.cursor)
    assert (items.keys(), unlisted(items)) == ({"/a/", "/a/x.txt"}, set())


def test_nobody_is_asked_when_it_is_not_about_a_place(world: FileCloudWorld) -> None:
    """The login is refused for now, or there is no connection at all."""
    plant(world, "/a/x.txt")
    source = world.source()
    first = source.changes(None)
    world.cloud.faults(
        {"operation": "getfilelist", "action": {"kind": "drop_session"}},
        {"operation": "loginguest", "times": TRIES, "action": BUSY},
    )
    mark = len(requests(world))
    with pytest.raises(ServiceBusy, match="loginguest"):
        source.changes(first.cursor)
    assert len(requests(world)) - mark == 1


def test_a_server_that_cannot_be_reached_stops_the_enumeration(tmp_path: Path) -> None:
    with cloud(tmp_path) as running:
        world = FileCloudWorld(running)
        plant(world, "/a/x.txt")
        source = world.source()
        first = source.changes(None)
    with pytest.raises(Unreachable, match="cannot be reached"):
        source.changes(first.cursor)
    source.close()


@pytest.mark.parametrize("action", [{**BUSY, "retry_after": 7}, {"kind": "status", "status": 429}])
def test_a_server_that_asks_us_to_wait_stops_the_enumeration(world: FileCloudWorld, action: dict[str, Any]) -> None:
    plant(world, "/a/x.txt")
    source = world.source()
    first = source.changes(None)
    refuse(world, 1, action, times=TRIES)
    with pytest.raises(Throttled):
        source.changes(first.cursor)
    assert unlisted(walked(source, first.cursor)[0]) == set()


@pytest.mark.parametrize("how", ["closed", "vanished"])
def test_what_is_wrong_with_the_source_folder_goes_first(world: FileCloudWorld, how: str) -> None:
    plant(world, "/a/x.txt")
    source = world.source()
    first = source.changes(None)
    refuse(world, 1, BUSY, times=TRIES)
    if how == "closed":
        world.cloud.faults(
            {"operation": "getfilelist", "times": TRIES, "action": BUSY},
            {"operation": "getfilelist", "nth": TRIES + 1, "action": SECRET},
        )
    else:
        shutil.rmtree(disk(world))
    with pytest.raises(PermissionMissing if how == "closed" else PlaceNotFound):
        source.changes(first.cursor)


def test_a_folder_that_breaks_down_on_the_way_shows_what_it_has_shown(world: FileCloudWorld) -> None:
    plant(world, *(f"/a/{n:02}/x.txt" for n in range(12)), "/b/y.txt")
    refuse(world, 3, BUSY, times=TRIES)
    items, _ = walked(world.source())
    assert unlisted(items) == {"/a/"}
    assert {f"/a/{n:02}/x.txt" for n in range(7)} | {"/b/y.txt"} <= items.keys()


@pytest.mark.parametrize("asked", ["fileinfo", "getfilelist"])
def test_a_folder_of_which_nobody_can_tell_whether_it_is_gone_is_not_gone(world: FileCloudWorld, asked: str) -> None:
    """Its listing is refused, and the server breaks down when it is asked whether the folder is there."""
    plant(world, "/a/b/x.txt", "/c/y.txt")
    source = world.source()
    first = source.changes(source.changes(None).cursor)
    shutil.rmtree(disk(world, "/a/b"))
    if asked == "fileinfo":
        world.cloud.faults({"operation": "fileinfo", "times": TRIES, "action": BUSY})
    else:
        broken(world, "/a")
        world.cloud.faults({"operation": "getfilelist", "action": FOREIGN})
    items, _ = walked(source, first.cursor)
    assert unlisted(items) == {"/a/b/"}
    assert "/c/y.txt" in items


# -- many of them ------------------------------------------------------------------------------------------


def test_a_few_in_a_row_are_passed_over_and_then_it_stops(world: FileCloudWorld) -> None:
    """Each costs all tries of the client; after the last one that is allowed, the source folder is not asked again."""
    names = [f"/{n}" for n in range(9)]
    plant(world, *(f"{name}/x.txt" for name in names))
    broken(world, *names)
    source = world.source()
    shown, cursor = dict[str, Any](), None
    with pytest.raises(ServiceBusy, match="4 folders in a row") as raised:
        while True:
            page = source.changes(cursor)
            shown |= {item.id: item for item in page.items}
            cursor = page.cursor
    assert raised.value.item == "/spfc/library/3"
    assert "status 500" in raised.value.message and "nothing was removed" in raised.value.hint
    assert unlisted(shown) == {"/0/", "/1/", "/2/"}
    assert len(requests(world)) == 2 + MOST_IN_A_ROW * (TRIES + 1) + TRIES, "nine folders take two pages"
    for _ in range(2):
        with pytest.raises(ServiceBusy, match="in a row"):
            source.changes(cursor)

    later = world.source()
    with pytest.raises(ServiceBusy, match="in a row") as raised:
        while True:
            page = later.changes(cursor)
            shown |= {item.id: item for item in page.items}
            cursor = page.cursor
    assert raised.value.item == "/spfc/library/6", "another try of the task comes by the next few"
    items, _ = walked(world.source(), cursor)
    shown |= items
    assert unlisted(shown) == {f"{name}/" for name in names}


def test_many_are_passed_over_when_others_can_be_listed_between_them(world: FileCloudWorld) -> None:
    names = [f"/{n:02}" for n in range(15)]
    plant(world, *(f"{name}/x.txt" for name in names))
    wrong = [name for name in names if int(name[1:]) % 4]
    broken(world, *wrong)
    items, _ = walked(world.source())
    assert unlisted(items) == {f"{name}/" for name in wrong}
    assert {"/00/x.txt", "/04/x.txt", "/08/x.txt", "/12/x.txt"} <= items.keys()


def test_a_refusal_between_them_is_no_listing(world: FileCloudWorld) -> None:
    plant(world, *(f"/{n}/x.txt" for n in range(5)))
    broken(world, "/0", "/1", "/3", "/4")
    simulator = world.cloud.simulator
    simulator.knobs = simulator.knobs.but(closed_paths=("/spfc/library/2",))
    with pytest.raises(ServiceBusy, match="in a row"):
        walked(world.source())


def test_with_the_change_feed_a_broken_folder_takes_a_full_enumeration(tmp_path: Path) -> None:
    with cloud(tmp_path, FileCloudKnobs(change_feed=True)) as running:
        world = FileCloudWorld(running, change_feed=True)
        for folder in "abcd":
            world.make_folder(f"/{folder}")
        source = world.source()
        _, pages = walked(source)
        for folder in "abcd":
            world.write(f"/{folder}/x.txt", b"x")
        broken(world, "/a", "/b", "/c")
        with pytest.raises(CursorExpired, match="could not be listed"):
            walked(source, pages[-1].cursor)
        items, _ = walked(source)
        assert unlisted(items) == {"/a/", "/b/", "/c/"}, "/a is one folder, however often it was tried"
        assert "/d/x.txt" in items


def test_a_broken_source_folder_stops_the_enumeration(world: FileCloudWorld) -> None:
    plant(world, "/a/")
    broken(world, "")
    with pytest.raises(ServiceBusy):
        walked(world.source())
