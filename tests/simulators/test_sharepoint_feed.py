"""What happens on disk is what the feed tells: ids, tags, deletes, pages and restarts."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.simulators.sharepoint_reader import Reader

from simulators.common import FixedClock
from simulators.sharepoint import SharePointKnobs, SharePointSimulator
from simulators.sharepoint.quickxor import hash_file

NAMES = [
    "a#b.txt", "50%.txt", "50%25.txt", "Tom & Jerry.txt", "1+1=2.txt", "it's.txt", "two  spaces.txt",
    "报告 最终版.docx", "تقرير.pdf", "🎉 party.txt", unicodedata.normalize("NFD", "Überblick é.txt"),
    "!bang;semi,comma.txt", "[brackets]{x}.txt", "e=mc^2~`@$.txt",
]  # fmt: skip


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    for folder in ("docs/deep/er", "media", "empty"):
        (root / folder).mkdir(parents=True)
    for index, name in enumerate(NAMES):
        (root / "docs" / name).write_bytes(bytes([index]) * (index * 37))
    (root / "docs/deep/er/leaf.bin").write_bytes(os.urandom(5000))
    (root / "docs/deep/note.md").write_text("note")
    (root / "media/one.jpg").write_text("one")
    (root / "media/two.jpg").write_text("two!")
    return root


@pytest.fixture
def opened(library: Path, tmp_path: Path) -> Iterator[Callable[..., Reader]]:
    closers: list[Callable[[], object]] = []

    def make(query: str | None = None, **knobs: Any) -> Reader:
        while closers:
            closers.pop()()
        sim = SharePointSimulator(
            library,
            state_dir=tmp_path / "state",
            knobs=SharePointKnobs(**knobs),
            clock=FixedClock(1_800_000_000.0),
        ).start()
        reader = Reader(sim) if query is None else Reader(sim, query)
        closers.extend([sim.stop, reader.close])
        return reader

    yield make
    while closers:
        closers.pop()()


def on_disk(library: Path) -> dict[str, str | None]:
    return {str(p.relative_to(library)): None if p.is_dir() else hash_file(p) for p in library.rglob("*")}


@pytest.mark.parametrize("order", ["random", "parents-first", "child-first"])
@pytest.mark.parametrize("top", [1, 7, 1000])
def test_crawl_equals_the_folder(library: Path, opened: Callable[..., Reader], order: str, top: int) -> None:
    reader = opened(f"$top={top}", delta_order=order)
    reader.follow()
    assert reader.tree() == on_disk(library)
    count = len(on_disk(library)) + 1
    assert len(reader.pages) == -(-count // top)
    if order == "random" and top == 1:
        assert max(len(p["value"]) for p in reader.pages) > 1, "ancestors come on top"


def test_parents_first_really_is(opened: Callable[..., Reader]) -> None:
    reader = opened("$top=3", delta_order="parents-first", delta_ancestors=False)
    reader.follow()
    seen: set[str] = set()
    for value in (v for p in reader.pages for v in p["value"]):
        assert "root" in value or value["parentReference"]["id"] in seen
        seen.add(value["id"])


def test_no_change_is_one_page_and_one_unit(opened: Callable[..., Reader]) -> None:
    reader = opened(delta_empty_pages=2)
    reader.follow()
    assert reader.pages[0]["value"] == [] and "@odata.nextLink" in reader.pages[0]
    mark = reader.sim.journal.mark()
    assert reader.follow() == {}
    [entry] = reader.sim.journal.since(mark)
    assert (entry.operation, entry.units, reader.pages[0]["value"]) == ("delta", 1, [])
    assert reader.sim.journal.entries[1].units == 2


def tags(reader: Reader, item_id: str) -> tuple[int, int]:
    value = reader.get(f"/drives/{reader.sim.drive_id}/items/{item_id}").json()
    return int(value["eTag"].rstrip('"').split(",")[1]), int(value["cTag"].rstrip('"').split(",")[1])


def edit_in_place(root: Path) -> str:
    (root / "media/one.jpg").write_text("eno")
    return "media/one.jpg"


def edit_by_replacing(root: Path) -> str:
    (root / "tmp").write_text("ONE")
    (root / "tmp").replace(root / "media/one.jpg")
    return "media/one.jpg"


@pytest.mark.parametrize("edit", [edit_in_place, edit_by_replacing])
def test_edits_keep_the_id_and_bump_both_tags(
    library: Path, opened: Callable[..., Reader], edit: Callable[[Path], str]
) -> None:
    reader = opened()
    reader.follow()
    item = reader.id_of("media/one.jpg")
    before = tags(reader, item)
    edit(library)
    assert set(reader.follow()) == {item}
    assert tags(reader, item) == (before[0] + 1, before[1] + 1)
    assert reader.tree() == on_disk(library)


def test_new_time_is_metadata_only(library: Path, opened: Callable[..., Reader]) -> None:
    reader = opened()
    reader.follow()
    item = reader.id_of("media/one.jpg")
    before = tags(reader, item)
    os.utime(library / "media/one.jpg", (1_500_000_000, 1_500_000_000))
    told = reader.follow()
    assert told[item]["fileSystemInfo"]["lastModifiedDateTime"] == "2017-07-14T02:40:00Z"
    assert tags(reader, item) == (before[0] + 1, before[1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("media/one.jpg", "media/uno.jpg"),
        ("media/one.jpg", "media/ONE.JPG"),
        ("media/one.jpg", "docs/deep/one.jpg"),
        ("docs", "papers"),
        ("docs/deep", "media/deep"),
    ],
)
def test_rename_and_move_tell_one_item(library: Path, opened: Callable[..., Reader], old: str, new: str) -> None:
    reader = opened()
    reader.follow()
    ids = {reader.path(i): i for i in reader.items}
    (library / old).rename(library / new)
    told = reader.follow()
    assert set(told) == {ids[old]} and "deleted" not in told[ids[old]]
    assert reader.path(ids[old]) == new
    assert reader.tree() == on_disk(library)


def test_swap_of_two_names_and_of_two_folders(library: Path, opened: Callable[..., Reader]) -> None:
    reader = opened()
    reader.follow()
    pairs = [("media/one.jpg", "media/two.jpg"), ("docs", "media")]
    ids = {p: reader.id_of(p) for pair in pairs for p in pair}
    for left, right in pairs:
        (library / left).rename(library / "swap")
        (library / right).rename(library / left)
        (library / "swap").rename(library / right)
    assert set(reader.follow()) == set(ids.values())
    assert reader.path(ids["docs"]) == "media" and reader.path(ids["media"]) == "docs"
    assert reader.path(ids["media/one.jpg"]) == "docs/two.jpg"
    assert reader.tree() == on_disk(library)


def test_delete_restore_and_recreate(library: Path, opened: Callable[..., Reader], tmp_path: Path) -> None:
    reader = opened()
    reader.follow()
    one, deep, leaf = (reader.id_of(p) for p in ("media/one.jpg", "docs/deep", "docs/deep/er/leaf.bin"))
    (library / "media/one.jpg").rename(tmp_path / "bin1")
    (library / "docs/deep").rename(tmp_path / "bin2")
    told = reader.follow()
    assert {i for i, v in told.items() if "deleted" in v} >= {one, deep}
    assert all("name" not in v for v in told.values() if "deleted" in v)
    assert leaf not in told, "files below a deleted folder get no marker by default"
    assert reader.tree() == on_disk(library)
    (tmp_path / "bin1").rename(library / "media/one.jpg")
    (tmp_path / "bin2").rename(library / "docs/deep")
    told = reader.follow()
    assert {one, deep, leaf} <= set(told) and reader.tree() == on_disk(library)
    (library / "media/one.jpg").unlink()
    reader.follow()
    (library / "media/one.jpg").write_text("another")
    assert one not in reader.follow() and reader.tree() == on_disk(library)


def test_moved_out_of_a_deleted_folder(library: Path, opened: Callable[..., Reader]) -> None:
    reader = opened()
    reader.follow()
    leaf = reader.id_of("docs/deep/er/leaf.bin")
    (library / "docs/deep/er/leaf.bin").rename(library / "saved.bin")
    (library / "docs/deep/er").rmdir()
    told = reader.follow()
    assert "deleted" not in told[leaf] and reader.path(leaf) == "saved.bin"
    assert reader.tree() == on_disk(library)


@pytest.mark.parametrize(("markers", "expected"), [("all", 5), ("folders", 3), ("top", 1)])
def test_delete_markers_and_tiny_pages(
    library: Path, opened: Callable[..., Reader], markers: str, expected: int
) -> None:
    (library / "docs/deep/er/more").mkdir()
    reader = opened(delete_markers=markers, delta_deleted_page_size=2)
    reader.follow()
    for path in sorted((library / "docs/deep").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (library / "docs/deep").rmdir()
    told = reader.follow()
    assert sum("deleted" in v for v in told.values()) == expected
    assert all(sum("deleted" in v for v in p["value"]) <= 2 for p in reader.pages)
    assert reader.tree() == on_disk(library)


def test_silent_delete_shapes_and_select(library: Path, opened: Callable[..., Reader]) -> None:
    reader = opened("$select=id,name,root,parentReference", silent_delete=("media/*",), delete_shape="year_0001")
    reader.follow()
    item = reader.id_of("docs/it's.txt")
    (library / "media/one.jpg").unlink()
    (library / "docs/it's.txt").unlink()
    reader.follow()
    nameless = [v for page in reader.pages for v in page["value"] if "name" not in v]
    assert [v["id"] for v in nameless] == [item], "the other delete is silent"
    assert "deleted" not in nameless[0], "deleted was not selected"
    assert "$select=id%2Cname%2Croot%2CparentReference&token=" in (reader.link or "")


def test_last_occurrence_wins(library: Path, opened: Callable[..., Reader]) -> None:
    reader = opened("$top=5", delta_dup_rate=0.5)
    reader.follow()
    shown = [v["id"] for p in reader.pages for v in p["value"]]
    assert len(shown) > len(set(shown)) and reader.tree() == on_disk(library)


def test_latest_and_timestamp_tokens(library: Path, opened: Callable[..., Reader]) -> None:
    reader = opened()
    latest = reader.get(f"{reader.drive}/root/delta?token=latest").json()
    assert latest["value"] == []
    (library / "new.txt").write_text("new")
    names = {v["name"] for v in reader.get(latest["@odata.deltaLink"]).json()["value"]}
    assert names == {"new.txt", "root"}
    clock = reader.sim.clock
    assert isinstance(clock, FixedClock)
    clock.advance(100)
    (library / "newer.txt").write_text("newer")
    stamp = reader.get(f"{reader.drive}/root/delta(token='2027-01-15T08:00:01Z')").json()
    assert {v["name"] for v in stamp["value"]} == {"newer.txt", "root"}
    assert reader.get(f"{reader.drive}/root/delta?token=junk").status_code == 400


def test_restart_in_the_middle_of_a_round(library: Path, opened: Callable[..., Reader]) -> None:
    reader = opened("$top=4")
    first = reader.get(f"{reader.drive}/root/delta?$top=4").json()
    old_root = reader.sim.graph_root
    reader.follow()
    ids = {reader.path(i): i for i in reader.items}
    (library / "media/one.jpg").rename(library / "while-down.jpg")
    again = opened("$top=4")
    again.link = first["@odata.nextLink"].replace(old_root, again.sim.graph_root)
    for value in first["value"]:
        again.items[value["id"]] = value
    again.follow()
    again.follow()
    assert again.tree() == on_disk(library)
    assert again.path(ids["media/one.jpg"]) == "while-down.jpg"


@pytest.mark.parametrize("location", ["good", "bad", "none"])
def test_gone_by_fault(library: Path, opened: Callable[..., Reader], location: str) -> None:
    reader = opened()
    reader.follow()
    reader.sim.replace_faults([{"id": "g", "operation": "delta", "action": {"kind": "gone", "location": location}}])
    answer = reader.get(reader.link or "")
    body = answer.json()["error"]
    assert answer.status_code == 410 and body["code"] == "resyncRequired"
    assert body["innerError"]["code"] == "resyncChangesApplyDifferences"
    if location == "none":
        assert "Location" not in answer.headers
    else:
        status = reader.get(answer.headers["Location"]).status_code
        assert status == (200 if location == "good" else 500)
    reader.sim.faults.assert_all_hit()


def test_gone_by_age(opened: Callable[..., Reader]) -> None:
    reader = opened(gone_after_s=60.0)
    reader.follow()
    assert reader.get(reader.link or "").status_code == 200
    clock = reader.sim.clock
    assert isinstance(clock, FixedClock)
    clock.advance(61)
    assert reader.get(reader.link or "").status_code == 410


def test_children_and_paths_agree_with_the_folder(library: Path, opened: Callable[..., Reader]) -> None:
    reader = opened()
    names: list[str] = []
    url = f"{reader.drive}/root:/DOCS:/children?$top=4&$select=name,size"
    while url:
        page = reader.get(url).json()
        names += [v["name"] for v in page["value"]]
        url = page.get("@odata.nextLink", "")
    assert sorted(names) == sorted(p.name for p in (library / "docs").iterdir())
    folder = reader.get(f"{reader.drive}/root:/docs").json()
    assert folder["folder"]["childCount"] == len(names)
    assert folder["size"] == sum(p.stat().st_size for p in (library / "docs").rglob("*") if p.is_file())
    hashed = reader.get(f"{reader.drive}/root:/docs/a%23b.txt").json()
    assert hashed["parentReference"]["path"].endswith("/root:/docs") and "cTag" in hashed


def test_what_is_no_document_is_left_out(library: Path, opened: Callable[..., Reader]) -> None:
    (library / "link").symlink_to(library / "docs")
    (library / os.fsdecode(b"bad\xff.txt")).write_text("x")
    reader = opened()
    reader.follow()
    assert {"link"}.isdisjoint(reader.tree()) and not any("bad" in p for p in reader.tree())
    assert reader.sim.metrics()["skipped_entries"] == 2


def test_a_missing_library_is_an_outage_not_an_empty_feed(
    library: Path, opened: Callable[..., Reader], tmp_path: Path
) -> None:
    reader = opened()
    reader.follow()
    library.rename(tmp_path / "unmounted")
    assert reader.get(reader.link or "").status_code == 503
    (tmp_path / "unmounted").rename(library)
    assert reader.follow() == {}


def test_parallel_readers_see_the_same_library(library: Path, opened: Callable[..., Reader]) -> None:
    first = opened("$top=2")
    readers = [Reader(first.sim, "$top=2") for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(Reader.follow, readers))
    assert all(r.tree() == on_disk(library) for r in readers)
    assert len({frozenset(r.items) for r in readers}) == 1
    for reader in readers:
        reader.close()
