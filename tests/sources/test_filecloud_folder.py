"""FileCloudFolder against the simulated server: what a listing proves, what a walk costs, where it goes on."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.sources.contract import Observer, furnish, outline, read
from tests.sources.worlds import NOON, FileCloudWorld
from tests.targets.contract import WINTER, noise
from tests.targets.world import world as cloud

from simulators.filecloud import FileCloudKnobs
from spfc.errors import (
    AnswerUnreadable,
    CursorExpired,
    IntegrityMismatch,
    ItemBlocked,
    ItemChanged,
    ItemGone,
    PermissionMissing,
    PlaceNotFound,
    ServiceBusy,
)
from spfc.planning.model import Flag, Kind, SourceItem
from spfc.sources.base import ChangePage, Source
from spfc.sources.filecloud_folder import FileCloudFolder
from spfc.sources.filecloud_items import MAX_ID_BYTES

SECRET = {"kind": "refuse", "message": "You have no access to this folder"}
FOREIGN = {"kind": "refuse", "message": "Zugriff verweigert"}


@pytest.fixture
def knobs() -> FileCloudKnobs:
    return FileCloudKnobs()


@pytest.fixture
def world(tmp_path: Path, knobs: FileCloudKnobs) -> Iterator[FileCloudWorld]:
    with cloud(tmp_path, knobs) as running:
        yield FileCloudWorld(running)


def disk(world: FileCloudWorld, path: str = "") -> Path:
    return world.cloud.simulator.store / f"library{path}"


def listings(world: FileCloudWorld) -> list[tuple[str, int]]:
    """Return path below the folder and first entry of every listing so far."""
    entries = [entry for entry in world.cloud.simulator.journal.entries if entry.operation == "getfilelist"]
    return [(entry.params["path"].removeprefix(world.root) or "/", int(entry.params["start"])) for entry in entries]


def refuse(world: FileCloudWorld, nth: int, action: dict[str, Any], times: int = 1) -> None:
    """Let the nth listing from now on (and those after it) go wrong."""
    world.cloud.faults({"operation": "getfilelist", "nth": nth, "times": times, "action": action})


def walked(source: Source, cursor: str | None = None) -> tuple[dict[str, SourceItem], list[ChangePage]]:
    """Read one round; return the last word on each item, and the pages."""
    found: dict[str, SourceItem] = {}
    pages: list[ChangePage] = []
    while True:
        pages.append(source.changes(cursor))
        found |= {item.id: item for item in pages[-1].items}
        cursor = pages[-1].cursor
        if pages[-1].complete:
            return found, pages


def unlisted(items: dict[str, SourceItem]) -> set[str]:
    return {item.id for item in items.values() if Flag.UNLISTED in item.flags}


# -- the walk ----------------------------------------------------------------------------------------------


def plant(world: FileCloudWorld, *paths: str) -> None:
    """Put files, or folders where a path ends with ``/``, right into the store."""
    for path in paths:
        place = disk(world, path)
        (place if path.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not path.endswith("/"):
            place.write_bytes(path.encode())


@pytest.mark.parametrize("knobs", [FileCloudKnobs(max_limit=7), FileCloudKnobs(max_limit=7, listing_order="permuted")])
def test_every_folder_is_listed_once_whatever_the_paging(world: FileCloudWorld) -> None:
    folders = [f"/{a:02}/{b}/" for a in range(25) for b in range(10)]
    plant(world, *folders, *(f"/07/5/{n}.txt" for n in range(30)), *(f"/{n}.txt" for n in range(40)))
    source = world.source()
    items, pages = walked(source)
    assert len(items) == 1 + 25 + 250 + 70
    assert len(listings(world)) == len(pages) == len(set(listings(world)))
    # Each page but the first begins with an entry that is known already, so it brings one entry less.
    many = {"/": 65, "/07/5": 30} | {f"/{a:02}": 10 for a in range(25)}
    asked = Counter(path for path, _ in listings(world))
    assert {path: asked[path] for path in many} == {path: 1 + -(-(n - 7) // 6) for path, n in many.items()}
    assert len(asked) == 1 + 25 + 250
    order = list(dict.fromkeys(path for path, _ in listings(world)))
    assert order == sorted(order, key=lambda path: path.strip("/").split("/"))


def test_any_process_may_go_on_after_any_page(world: FileCloudWorld) -> None:
    """It asks again for the folders above its place, and for nothing else: counted for every place."""
    world.cloud.simulator.knobs = FileCloudKnobs(max_limit=7)
    plant(world, "/a/b/c/", "/a/d/e/", "/f/", "/g/h/i/", *(f"/a/b/{n}.txt" for n in range(20)))
    whole, pages = walked(world.source())
    once, share = len(pages), Counter(path for path, _ in listings(world))
    for stop in range(once - 1):
        before = len(listings(world))
        first, cursor = dict[str, SourceItem](), None
        begun = world.source()
        for _ in range(stop + 1):
            page = begun.changes(cursor)
            first |= {item.id: item for item in page.items}
            cursor = page.cursor
        rest, _ = walked(world.source(), cursor)
        assert first | rest == whole
        spent = listings(world)[before:]
        again = [folder for folder, _ in (Counter(spent) - Counter(set(spent))).items()]
        at = (cursor or "").partition(': "')[2].partition('"')[0]
        above = {"/"} | {at[:i] for i, c in enumerate(at) if c == "/" and i}
        assert {path for path, _ in again} <= above, (cursor, again)
        assert len(spent) <= once + sum(share[path] for path in above)


def test_a_page_that_failed_is_asked_for_again_and_no_other(world: FileCloudWorld) -> None:
    plant(world, "/a/b/", "/c/d/")
    _, pages = walked(world.source())
    refuse(world, 3, {"kind": "status", "status": 503}, times=10)
    source, cursor, failed = world.source(), None, 0
    before = world.cloud.operations().count("getfilelist")
    while True:
        try:
            page = source.changes(cursor)
        except ServiceBusy:
            failed += 1
            continue
        cursor = page.cursor
        if page.complete:
            break
    spent = world.cloud.operations().count("getfilelist") - before
    assert (failed, spent) == (1, len(pages) + 10), "five tries of one page, and of the source folder, were for nothing"


# -- what a listing proves ---------------------------------------------------------------------------------


def test_a_folder_that_changes_while_it_is_read_is_read_again(world: FileCloudWorld) -> None:
    world.cloud.simulator.knobs = FileCloudKnobs(max_limit=7)
    plant(world, *(f"/{n:02}.txt" for n in range(20)))
    refuse(world, 2, {"kind": "change_listing", "add": 1})
    items, _ = walked(world.source())
    assert (len(items), unlisted(items)) == (21, set())
    assert [start for _, start in listings(world)] == [0, 6, 0, 6, 12, 18]


def test_entries_that_move_up_while_a_folder_is_read_are_not_missed(world: FileCloudWorld) -> None:
    """Two go in front of the place, two come behind it: the total is the same and nothing is shown twice."""
    world.cloud.simulator.knobs = FileCloudKnobs(max_limit=7)
    plant(world, *(f"/{n:02}.txt" for n in range(20)))
    source = world.source()
    page = source.changes(None)
    disk(world, "/03.txt").unlink()
    disk(world, "/04.txt").unlink()
    plant(world, "/98.txt", "/99.txt")
    items, _ = walked(source, page.cursor)
    shown = {item.id for item in (*page.items, *items.values())}
    assert {f"/{n:02}.txt" for n in (*range(20), 98, 99)} | {"/"} == shown
    assert unlisted(items) == set()


def test_a_folder_that_never_stands_still_is_asked_for_as_one_and_then_left(world: FileCloudWorld) -> None:
    world.cloud.simulator.knobs = FileCloudKnobs(max_limit=7)
    plant(world, *(f"/a/{n:02}/" for n in range(20)), "/b/")
    world.cloud.faults(
        *(
            {"operation": "getfilelist", "nth": nth, "action": {"kind": "change_listing", "add": 1}}
            for nth in (3, 5)
        )
    )  # fmt: skip
    items, _ = walked(world.source())
    assert unlisted(items) == {"/a/"}, "a server that gives seven at a time cannot give all of them at once"
    assert {f"/a/{n:02}/" for n in range(7)} | {"/b/"} <= items.keys(), "what was shown is walked all the same"
    assert [start for path, start in listings(world) if path == "/a"] == [0, 6, 0, 6, 0]


def test_a_folder_asked_for_as_one_may_be_whole(world: FileCloudWorld) -> None:
    plant(world, *(f"/a/{n:04}.txt" for n in range(1500)))
    world.cloud.faults(
        *(
            {"operation": "getfilelist", "nth": nth, "action": {"kind": "change_listing", "add": 1}}
            for nth in (3, 5)
        )
    )  # fmt: skip
    items, _ = walked(world.source())
    assert (len(items), unlisted(items)) == (1502, set())
    asked = [entry for entry in world.cloud.simulator.journal.entries if entry.operation == "getfilelist"]
    assert [entry.params["limit"] for entry in asked[1:]] == ["1000"] * 4 + ["-1"]


@pytest.mark.parametrize("action", [SECRET, FOREIGN], ids=["understood", "in other words"])
def test_a_folder_that_is_closed_is_told_and_the_rest_is_walked(
    world: FileCloudWorld, action: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    plant(world, "/a/b/x.txt", "/c/y.txt")
    refuse(world, 2, action)
    items, pages = walked(world.source())
    assert unlisted(items) == {"/a/"}
    assert items.keys() == {"/", "/a/", "/c/", "/c/y.txt"}
    assert "/spfc/library/a could not be listed" in caplog.text
    assert pages[-1].complete


def test_a_folder_with_unreadable_names_is_told(world: FileCloudWorld) -> None:
    plant(world, "/a/one\x01.txt", "/a/sub/two.txt", "/b/three.txt")
    items, _ = walked(world.source())
    assert unlisted(items) == {"/a/"}
    assert "/b/three.txt" in items


@pytest.mark.parametrize("body", ["<entries><meta><total>1</tot", "<html>oops</html>"])
def test_a_folder_whose_listing_is_garbage_is_told(world: FileCloudWorld, body: str) -> None:
    plant(world, "/a/x.txt", "/b/y.txt")
    refuse(world, 2, {"kind": "status", "status": 200, "body": body}, times=3)
    items, _ = walked(world.source())
    assert unlisted(items) == {"/a/"}
    assert "/b/y.txt" in items


def test_a_folder_that_vanishes_on_the_way_is_gone(world: FileCloudWorld) -> None:
    plant(world, "/a/x.txt", "/b/y.txt", "/z/")
    source = world.source()
    first = source.changes(None)
    shutil.rmtree(disk(world, "/a"))
    shutil.rmtree(disk(world, "/b"))
    plant(world, "/b")
    items, _ = walked(source, first.cursor)
    assert items.keys() == {"/z/"}, "a file has taken the place of /b; the next walk will show it"


def test_a_folder_is_not_gone_when_only_one_witness_says_so(world: FileCloudWorld) -> None:
    """The listing is refused and the server knows nothing of the folder, but the folder above still shows it."""
    plant(world, "/a/x.txt")
    world.cloud.faults(
        {"operation": "getfilelist", "nth": 2, "action": FOREIGN},
        {"operation": "fileinfo", "nth": 2, "action": {"kind": "status", "status": 200, "body": "<fileinfo/>"}},
    )
    items, _ = walked(world.source())
    assert unlisted(items) == {"/a/"}


# -- the folder itself -------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_not_bound(world: FileCloudWorld) -> None:
    client = world.cloud.client()
    world.write("/file.txt", b"x")
    for wrong in ("/spfc/nope", "/spfc/library/file.txt", "/nobody/x"):
        with pytest.raises(PlaceNotFound):
            FileCloudFolder(client, wrong).bind(None)
    with pytest.raises(ValueError, match="plain path"):
        FileCloudFolder(client, "/")


def test_a_folder_that_went_away_is_no_empty_one(world: FileCloudWorld) -> None:
    source = world.source()
    shutil.rmtree(disk(world))
    with pytest.raises(PlaceNotFound):
        source.changes(None)


@pytest.mark.parametrize(("action", "error"), [(SECRET, PermissionMissing), (FOREIGN, PermissionMissing)])
def test_a_folder_that_was_closed_stops_the_run(
    world: FileCloudWorld, action: dict[str, Any], error: type[Exception]
) -> None:
    source = world.source()
    refuse(world, 1, action)
    with pytest.raises(error):
        source.changes(None)


def test_an_account_may_be_a_source(world: FileCloudWorld) -> None:
    furnish(world)
    source = FileCloudFolder(world.cloud.client(), "/spfc/")
    source.bind(None)
    items, _ = walked(source)
    assert items["/"].name == "spfc"
    assert "/library/A/B/two.txt" in items


# -- items -------------------------------------------------------------------------------------------------


def test_times_are_true_in_summer_and_in_winter(world: FileCloudWorld) -> None:
    for name, moment in (("s.txt", NOON), ("w.txt", WINTER)):
        world._times = iter([moment])  # type: ignore[assignment]
        world.write(f"/{name}", b"x")
    for profile, settings in (("2024", {}), ("legacy", {"server_tz": "America/Chicago"})):
        world.cloud.simulator.knobs = FileCloudKnobs.profile(profile)
        items, _ = walked(FileCloudFolder(world.cloud.client(**settings), world.root))
        assert (items["/s.txt"].modified, items["/w.txt"].modified) == (NOON, WINTER)
        assert items["/s.txt"].content_version is None


def test_a_time_that_nobody_can_tell_is_none_but_tells_versions_apart(world: FileCloudWorld) -> None:
    world.cloud.simulator.knobs = FileCloudKnobs.profile("legacy")
    world.write("/a.txt", b"one")
    before, _ = walked(world.source())
    again, _ = walked(world.source())
    assert before == again
    world.write("/a.txt", b"two")
    after, _ = walked(world.source())
    assert (before["/a.txt"].modified, after["/a.txt"].modified) == (0, 0)
    assert before["/a.txt"].content_version != after["/a.txt"].content_version


def test_types_are_read_strictly_as_the_connection_says(world: FileCloudWorld) -> None:
    furnish(world)
    plain, _ = walked(world.source())
    for spelling in ("numbers", "words"):
        world.cloud.simulator.knobs = FileCloudKnobs(entry_types=spelling)
        with pytest.raises(AnswerUnreadable, match="entry_types"):
            world.unbound().changes(None)
        legacy, _ = walked(FileCloudFolder(world.cloud.client(entry_types="legacy"), world.root))
        assert legacy == plain


def test_a_path_too_long_for_the_ledger_is_told_and_not_followed(world: FileCloudWorld) -> None:
    world.cloud.simulator.knobs = FileCloudKnobs(max_limit=7)
    names = [f"{level}{'n' * 243}é" for level in range(7)]
    folder = "".join(f"/{name}" for name in names[:6])
    place = disk(world, folder)
    place.mkdir(parents=True)
    long, deep = "f" * 240, "f" * 240 + "-folder"
    for name in ("x", long):
        (place / name).write_bytes(b"x")
        (place / f"{name}-folder").mkdir()
        (place / f"{name}-folder" / "y").write_bytes(b"y")
    items, _ = walked(world.source())
    held = {item.name: item for item in items.values() if item.flags}
    assert held.keys() == {long, deep}
    assert all(item.flags == {Flag.PATH_TOO_LONG} for item in held.values())
    assert all(len(item.id.encode()) <= MAX_ID_BYTES for item in items.values())
    assert all(items[item.parent_id or "/"].kind is Kind.FOLDER for item in items.values())
    with pytest.raises(ItemBlocked):
        world.source().open(held[long])
    again, _ = walked(world.source())
    assert again == items


# -- downloads ---------------------------------------------------------------------------------------------


@pytest.fixture
def item(world: FileCloudWorld) -> SourceItem:
    world.write("/a.bin", noise(500_000))
    return walked(world.source())[0]["/a.bin"]


def spent(world: FileCloudWorld, since: int) -> list[str]:
    return world.cloud.operations()[since:]


@pytest.mark.parametrize("answers", ["ok", "ignore", "error"])
def test_a_broken_stream_is_resumed_after_one_look(world: FileCloudWorld, item: SourceItem, answers: str) -> None:
    world.cloud.simulator.knobs = FileCloudKnobs(range=answers)  # type: ignore[arg-type]
    world.cloud.faults({"operation": "downloadfile", "action": {"kind": "truncate", "bytes": 300_000}})
    source = world.source()
    got = b""
    with closing(source.open(item)) as stream, pytest.raises(ServiceBusy):
        while True:
            got += stream.read(50_000)
    mark = len(world.cloud.operations())
    with closing(source.open(item, offset=len(got))) as rest:
        got += rest.read(500_000)
    assert got == noise(500_000)
    assert spent(world, mark) == ["fileinfo", "downloadfile"] + ["downloadfile"] * (answers == "error")


def test_the_end_of_a_file_needs_no_download(world: FileCloudWorld, item: SourceItem) -> None:
    source = world.source()
    with closing(source.open(item, offset=item.size)) as stream:
        assert stream.read(10) == b""
    assert "downloadfile" not in world.cloud.operations()


@pytest.mark.parametrize("profile", ["current", "2024"])
def test_a_stream_is_not_resumed_in_another_version(world: FileCloudWorld, item: SourceItem, profile: str) -> None:
    world.cloud.simulator.knobs = FileCloudKnobs.profile(profile)
    items, _ = walked(world.source())
    world.write("/a.bin", noise(500_000, 9))
    with pytest.raises(ItemChanged):
        world.source().open(items["/a.bin"], offset=100)
    world.delete("/a.bin")
    with pytest.raises(ItemGone):
        world.source().open(items["/a.bin"], offset=100)


def test_an_error_dressed_as_a_file_is_none(world: FileCloudWorld, item: SourceItem) -> None:
    world.cloud.faults({"operation": "downloadfile", "action": {"kind": "xml_error_200", "message": "virus found"}})
    with pytest.raises(ItemBlocked, match="virus found"):
        world.source().open(item)


def test_a_file_of_another_length_is_not_taken(world: FileCloudWorld, item: SourceItem) -> None:
    world.write("/a.bin", noise(400_000))
    with pytest.raises(ItemChanged):
        world.source().open(item)
    world.cloud.simulator.knobs = FileCloudKnobs(content_length=False)
    with pytest.raises((ItemChanged, IntegrityMismatch)):
        read(world.source(), item)


def test_one_closed_file_is_told_from_lost_access(world: FileCloudWorld, item: SourceItem) -> None:
    source = world.source()
    world.cloud.simulator.knobs = FileCloudKnobs(denied_paths=("/spfc/library/a.bin",))
    with pytest.raises(ItemBlocked):
        source.open(item)
    world.cloud.simulator.knobs = FileCloudKnobs(denied_paths=("/spfc/library",))
    with pytest.raises(PermissionMissing):
        source.open(item)


def test_the_session_is_closed(world: FileCloudWorld, item: SourceItem) -> None:
    source = world.source()
    source.close()
    assert world.cloud.operations()[-1] == "locksession"


def test_cursors_of_another_kind_are_expired(world: FileCloudWorld) -> None:
    furnish(world)
    for text in ("", "7", "[]", "{}", '{"at": 1}', '{"at": "a/", "feed": null}', '{"after": "/", "feed": null}',
                 '{"delta": 7, "page": 0}', '{"delta": "x", "page": 0}', '{"at": "/", "feed": null, "received": 3}',
                 '{"at": "/", "feed": null, "received": "x", "total": 1, "last": "", "first": "", "tries": 1}'
                 ):  # fmt: skip
        with pytest.raises(CursorExpired):
            world.source().changes(text)


def test_an_observer_sees_the_same_as_the_disk(world: FileCloudWorld) -> None:
    furnish(world)
    observer = Observer(world)
    observer.follow()
    places = {f"/{place.relative_to(disk(world))}": place for place in disk(world).rglob("*")}
    assert outline(observer.tree()) == {
        path: (Kind.FOLDER, 0) if place.is_dir() else (Kind.FILE, place.stat().st_size)
        for path, place in places.items()
    }
