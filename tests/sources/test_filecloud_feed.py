"""The change feed only says where to look: what is odd takes a full enumeration, and a listing decides what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sources.contract import FOLDERS, Observer, furnish
from tests.sources.test_filecloud_folder import disk, listings, walked
from tests.sources.worlds import FileCloudWorld
from tests.targets.world import world as cloud

from simulators.filecloud import FileCloudKnobs
from spfc.errors import AnswerUnreadable, CursorExpired
from spfc.filecloud import SyncChange, feed, xml
from spfc.sources.filecloud_cursor import END
from spfc.sources.filecloud_folder import FileCloudFolder

ON = FileCloudKnobs(change_feed=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FileCloudWorld]:
    with cloud(tmp_path, ON) as running:
        made = FileCloudWorld(running, change_feed=True)
        furnish(made)
        yield made


@pytest.fixture
def seen(world: FileCloudWorld) -> Observer:
    observer = Observer(world)
    observer.follow()
    return observer


def asked(world: FileCloudWorld, since: int) -> list[str]:
    logins = ("loginguest", "fileinfo")
    return [operation for operation in world.cloud.operations()[since:] if operation not in logins]


def test_nothing_new_costs_two_requests(world: FileCloudWorld, seen: Observer) -> None:
    mark = len(world.cloud.operations())
    items, pages = walked(world.source(), seen.cursor)
    assert (items, len(pages), pages[-1].cursor) == ({}, 2, seen.cursor)
    assert asked(world, mark) == ["getsyncfolderlist", "getsyncdelta"]


def test_only_folders_with_changes_are_listed(world: FileCloudWorld, seen: Observer) -> None:
    world.write("/A/B/two.txt", b"edited")
    world.delete("/C/three.txt")
    world.make_folder("/N")
    world.write("/N/x.txt", b"x")
    world.make_folder("/N/M")
    mark = len(listings(world))
    items, _ = walked(world.source(), seen.cursor)
    assert sorted(path for path, _ in listings(world)[mark:]) == ["/A/B", "/C", "/N", "/N/M"]
    assert {item.id for item in items.values() if item.deleted} == {"/C/three.txt", "/N", "/N/M"}, "no files any more"


def test_a_deletion_is_told_only_when_the_listing_agrees(world: FileCloudWorld, seen: Observer) -> None:
    world.delete("/C/three.txt")
    (disk(world) / "C" / "three.txt").write_bytes(b"back by other means")
    items, _ = walked(world.source(), seen.cursor)
    assert not items["/C/three.txt"].deleted
    assert items["/C/three.txt"].version != seen.file("/C/three.txt").version


def test_a_folder_in_the_place_of_a_file_does_not_hide_that_the_file_is_gone(
    world: FileCloudWorld, seen: Observer
) -> None:
    world.delete("/C/three.txt")
    world.make_folder("/C/three.txt")
    items, _ = walked(world.source(), seen.cursor)
    assert items["/C/three.txt"].deleted
    assert not items["/C/three.txt/"].deleted


def test_what_the_feed_does_not_say_waits_for_a_full_enumeration(world: FileCloudWorld, seen: Observer) -> None:
    (disk(world) / "top.txt").unlink()
    items, pages = walked(world.source(), seen.cursor)
    assert items == {}
    whole, _ = walked(world.source())
    assert "/top.txt" not in whole
    assert pages[-1].complete


def test_a_change_during_the_walk_is_told_after_it(world: FileCloudWorld) -> None:
    source = world.source()
    page = source.changes(None)
    page = source.changes(page.cursor)
    world.write("/late.txt", b"behind the place of the walk")
    items, pages = walked(source, page.cursor)
    assert "/late.txt" not in items
    later, _ = walked(source, pages[-1].cursor)
    assert "/late.txt" in later


@pytest.mark.parametrize("way", ["deleted", "renamed", "moved away"])
def test_a_folder_that_is_gone_takes_a_full_enumeration(world: FileCloudWorld, seen: Observer, way: str) -> None:
    {
        "deleted": lambda: world.delete("/A"),
        "renamed": lambda: world.rename("/A", "/Z"),
        "moved away": lambda: world.editor.move("/spfc/library/A", "/spfc/elsewhere"),
    }[way]()
    source = world.source()
    with pytest.raises(CursorExpired, match="removed or renamed"):
        walked(source, seen.cursor)
    assert not source.has_feed, "one full enumeration is enough for one process"
    assert world.source().has_feed
    seen.follow()
    assert "/A" not in seen.tree()


def restored(world: FileCloudWorld) -> None:
    world.cloud.simulator.world.state.run("DELETE FROM changes")


def switched_off(world: FileCloudWorld) -> None:
    world.cloud.simulator.knobs = ON.but(change_feed=False)


def without_permission(world: FileCloudWorld) -> None:
    world.write("/A/new.txt", b"x")
    world.cloud.simulator.knobs = ON.but(sync_allowed=False)


def fault(operation: str, **action: Any) -> Any:
    def declare(world: FileCloudWorld) -> None:
        world.cloud.faults({"operation": operation, "times": 3, "action": action})

    return declare


ODD = {
    "the server was restored": restored,
    "the feed is switched off": switched_off,
    "the account may not sync": without_permission,
    "an unknown root": fault("getsyncdelta", kind="status", status=200, body="<delta></delta>"),
    "an unknown type": fault(
        "getsyncdelta", kind="status", status=200,
        body="<records><record><fullpath>/spfc/library/a</fullpath><type>9</type><isdeleted>0</isdeleted>"
        "<updateversion>99</updateversion></record></records>",
    ),
    "somewhere else": fault(
        "getsyncdelta", kind="status", status=200,
        body="<records><record><fullpath>/spfc/other/a</fullpath><type>1</type><isdeleted>0</isdeleted>"
        "<updateversion>99</updateversion></record></records>",
    ),
    "an old version": fault(
        "getsyncdelta", kind="status", status=200,
        body="<records><record><fullpath>/spfc/library/a</fullpath><type>1</type><isdeleted>0</isdeleted>"
        "<updateversion>1</updateversion></record></records>",
    ),
    "no folder of ours": fault(
        "getsyncfolderlist", kind="status", status=200,
        body="<x><syncfolder><name>/other</name><statusset>a,7;</statusset></syncfolder></x>",
    ),
    "a web page": fault("getsyncdelta", kind="html_200"),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_whatever_is_odd_takes_a_full_enumeration(world: FileCloudWorld, seen: Observer, case: str) -> None:
    ODD[case](world)
    source = world.source()
    with pytest.raises(CursorExpired):
        walked(source, seen.cursor)
    assert not source.has_feed
    world.cloud.simulator.replace_faults([])
    items, _ = walked(source)
    assert {f"{folder}/" for folder in FOLDERS} <= items.keys()


@pytest.mark.parametrize("knobs", [ON.but(change_feed=False), ON.but(sync_allowed=False)])
def test_a_server_without_a_usable_feed_is_walked_each_time(world: FileCloudWorld, knobs: FileCloudKnobs) -> None:
    world.cloud.simulator.knobs = knobs
    source = world.source()
    items, pages = walked(source)
    assert (pages[-1].cursor, source.has_feed) == (END, False)
    assert "/A/one.bin" in items
    with pytest.raises(CursorExpired):
        world.source().changes(END)


def test_a_feed_that_has_told_nothing_yet_is_no_place_to_begin(world: FileCloudWorld) -> None:
    """From version 0 it tells what there is, and no deletions (FileCloud reference 10)."""
    restored(world)
    _, pages = walked(world.source())
    assert pages[-1].cursor == END


def test_after_a_folder_that_could_not_be_listed_the_feed_is_not_trusted(world: FileCloudWorld) -> None:
    refusal = {"kind": "refuse", "message": "no access"}
    world.cloud.faults({"operation": "getfilelist", "nth": 2, "action": refusal})
    source = world.source()
    items, pages = walked(source)
    assert [item.id for item in items.values() if item.flags] == ["/A/"]
    assert (pages[-1].cursor, source.has_feed) == (END, False)


def test_another_process_remembers_that_the_feed_cannot_be_trusted(world: FileCloudWorld) -> None:
    world.cloud.faults({"operation": "getfilelist", "nth": 2, "action": {"kind": "refuse", "message": "no access"}})
    cursor: str | None = None
    while True:
        page = world.source().changes(cursor)
        cursor = page.cursor
        if page.complete:
            break
    assert cursor == END


def test_a_folder_that_changes_back_and_forth_is_expired(world: FileCloudWorld, seen: Observer) -> None:
    world.write("/A/new.txt", b"x")
    world.cloud.faults({"operation": "getfilelist", "action": {"kind": "refuse", "message": "no access"}})
    with pytest.raises(CursorExpired, match="could not be listed"):
        walked(world.source(), seen.cursor)


def test_a_round_begins_anew_in_another_process(world: FileCloudWorld, seen: Observer) -> None:
    for name in range(3):
        world.write(f"/A/{name}.txt", b"x")
        world.write(f"/C/{name}.txt", b"x")
    source = world.source()
    page = source.changes(source.changes(source.changes(seen.cursor or "").cursor).cursor)
    assert not page.complete
    items, _ = walked(world.source(), page.cursor)
    assert {f"/{folder}/{name}.txt" for folder in "AC" for name in range(3)} <= items.keys()


def test_the_switch_may_be_turned_at_any_time(world: FileCloudWorld, seen: Observer) -> None:
    plain = FileCloudFolder(world.cloud.client(), world.root)
    assert not plain.has_feed
    with pytest.raises(CursorExpired):
        plain.changes(seen.cursor)
    _, pages = walked(plain)
    with pytest.raises(CursorExpired):
        world.source().changes(pages[-1].cursor)


def test_network_folders_are_named_when_the_feed_is_asked() -> None:
    from spfc.filecloud.calls import sync_folders

    assert sync_folders("/EXTERNAL/share/a/b").form["path1"] == "/EXTERNAL/share"
    assert sync_folders("/spfc/a").form["count"] == "0"


def test_records_are_read_strictly() -> None:
    record = "<fullpath>{}</fullpath><type>{}</type><isdeleted>{}</isdeleted><updateversion>{}</updateversion>"

    def read(*values: object) -> tuple[SyncChange, ...]:
        body = f"<any><record>{record.format(*values)}</record></any>"
        return feed.read_changes(xml.parse(body.encode()))

    assert read("/a/b/", 0, 1, 12) == (SyncChange("/a/b", True, True, 12),)
    assert read("/a/b", 1, 0, 3) == (SyncChange("/a/b", False, False, 3),)
    for odd in (("", 0, 1, 1), ("a", 0, 1, 1), ("/a", "", 1, 1), ("/a", 0, "", 1), ("/a", 0, 1, ""), ("/a", 0, 1, -1)):
        with pytest.raises(AnswerUnreadable):
            read(*odd)
    with pytest.raises(AnswerUnreadable):
        feed.read_changes(xml.parse(b"<records><record><fullpath>/a\x01</fullpath></record></records>"))
