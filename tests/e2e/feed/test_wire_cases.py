"""Feed catalogue over HTTP: what depends on how SharePoint writes its pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.conftest import House
from tests.e2e.feed.watch import requests, told, tree, write

from spfc.errors import ServiceBusy
from spfc.steps.enumerate import enumerate_source

Tune = Callable[..., None]


@pytest.mark.parametrize("status", [403, 404])
def test_notebooks_shortcuts_and_withheld_files(house: House, tune: Tune, status: int) -> None:
    tune(
        packages=("Team notes",), package_part_status=503, shortcuts=("To the archive", "link.docx"),
        malware=("bad.exe",), restricted=("secret.docx",), restricted_status=status, pending=("fresh.docx",),
        hash_missing=("old.bin",),
    )  # fmt: skip
    write(house, "Team notes/Section.one", "Team notes/Deep/Section.two", "link.docx", "bad.exe", "secret.docx",
          "fresh.docx", "old.bin", "plain.txt")  # fmt: skip
    (house.library / "To the archive").mkdir()
    closed = house.run()
    assert told(house) == [
        "done create_folder new /",
        "done upload new /old.bin",
        "done upload new /plain.txt",
        "held hold blocked_by_source /bad.exe",
        "held hold blocked_by_source /fresh.docx",
        "held upload new /secret.docx",
        "skipped skip not_a_file /Team notes",
        "skipped skip not_a_file /Team notes/Deep",
        "skipped skip not_a_file /Team notes/Deep/Section.two",
        "skipped skip not_a_file /Team notes/Section.one",
        "skipped skip not_a_file /To the archive",
        "skipped skip not_a_file /link.docx",
    ]
    assert tree(house.mirror) == {"old.bin": b"old.bin", "plain.txt": b"plain.txt"}
    assert closed.summary["debt"] == 3
    tune()
    (house.library / "bad.exe").write_text("cleaned")
    house.run(mode="full")
    house.run(mode="retry_failed")
    assert set(tree(house.mirror)) >= {"old.bin", "plain.txt", "bad.exe", "secret.docx", "fresh.docx"}


ODD = ("a#1.txt", "a%231.txt", "a%25231.txt", "100%/#", "100%25/#", "plus+.txt", "and&.txt", "q'uote.txt", "ü.txt")


def test_names_that_only_hash_or_percent_distinguish(house: House) -> None:
    write(house, *ODD)
    assert house.run().verdict == "green"
    assert tree(house.mirror) == tree(house.library)
    (house.library / "a#1.txt").rename(house.library / "t")
    (house.library / "a%231.txt").rename(house.library / "a#1.txt")
    (house.library / "t").rename(house.library / "a%231.txt")
    (house.library / "100%25").rename(house.library / "100%2525")
    (house.library / "a%25231.txt").unlink()
    assert house.run().verdict == "green"
    assert tree(house.mirror) == tree(house.library)
    assert house.manifest["counts"] == {"move": 4, "remove": 1}


@pytest.mark.parametrize(
    ("shape", "markers"),
    [("plain", "folders"), ("empty_state", "top"), ("zero_hash", "all"), ("year_0001", "all"), ("no_parent", "top")],
)
def test_deleted_items_in_every_shape(house: House, tune: Tune, shape: str, markers: str) -> None:
    tune(delete_shape=shape, delete_markers=markers, delta_deleted_page_size=2)
    write(house, "keep.txt", "A/1.txt", "A/B/2.txt", "A/B/C/3.txt", "D/4.txt", "D/5.txt")
    house.run()
    shutil.rmtree(house.library / "A")
    (house.library / "D/4.txt").unlink()
    assert house.run().verdict == "green"
    assert told(house) == ["done remove deleted_at_source /A", "done remove deleted_at_source /D/4.txt"]
    assert tree(house.mirror) == tree(house.library) == {"keep.txt": b"keep.txt", "D": None, "D/5.txt": b"D/5.txt"}
    house.run()
    assert house.manifest == {}


@pytest.mark.parametrize("order", ["parents-first", "child-first", "random"])
def test_order_repeats_and_holes_of_pages(house: House, tune: Tune, settings: Callable[..., None], order: str) -> None:
    tune(delta_order=order, delta_dup_rate=0.5, delta_empty_pages=2, delta_ancestors=order != "child-first", seed=7)
    settings(page_size=2)
    write(house, *(f"A/B{n % 3}/C{n % 2}/{n}.txt" for n in range(12)))
    assert house.run().verdict == "green"
    assert tree(house.mirror) == tree(house.library)
    (house.library / "A/B0").rename(house.library / "B0")
    (house.library / "B0/C1/9.txt").rename(house.library / "A/B1/nine.txt")
    write(house, "New/Newer/x.txt")
    assert house.run().verdict == "green"
    assert tree(house.mirror) == tree(house.library)
    assert house.sharepoint.metrics()["auth_on_download"] == 0


def test_a_mass_delete_comes_in_pages_of_seven_and_is_held(house: House) -> None:
    write(house, *(f"A/{n:02}.txt" for n in range(50)), "keep.txt")
    house.run()
    before = tree(house.mirror)
    for n in range(30):
        (house.library / f"A/{n:02}.txt").unlink()
    mark = house.sharepoint.journal.mark()
    closed = house.run()
    assert requests(house, mark) == [200] * (5 + 1), "30 / 7 deletions, and the quiet round"
    assert house.manifest["guard"]["text"].startswith("Held: 30 of 53 synced items (57%) would be removed")
    assert (closed.verdict, tree(house.mirror)) == ("attention", before)


def test_folders_that_the_feed_leaves_out_are_asked_for_by_id(
    house: House, tune: Tune, settings: Callable[..., None]
) -> None:
    tune(unlisted=("A", "A/B"))
    settings(page_size=3)
    write(house, *(f"A/B/{n}.txt" for n in range(5)), "C/c.txt")
    mark = house.sharepoint.journal.mark()
    assert house.run().verdict == "green"
    assert tree(house.mirror) == tree(house.library)
    assert requests(house, mark, "item") == [200, 200]
    mark = house.sharepoint.journal.mark()
    house.run(mode="full")
    assert house.manifest == {}, "the sweep has spared them"
    assert requests(house, mark, "item") == [200, 200]
    mark = house.sharepoint.journal.mark()
    house.run()
    assert (requests(house, mark), requests(house, mark, "item")) == ([200], [])
    assert tree(house.mirror) == tree(house.library)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_a_first_crawl_that_dies_resumes_at_its_page(house: House, settings: Callable[..., None], number: int) -> None:
    settings(page_size=2, retries=0)
    write(house, *(f"{n:02}.txt" for n in range(11)))
    pages = 6
    fault: dict[str, Any] = {
        "id": "dies", "service": "graph", "operation": "delta", "nth": number,
        "action": {"kind": "status", "status": 500},
    }  # fmt: skip
    house.sharepoint.replace_faults([fault])
    mark = house.sharepoint.journal.mark()
    run = house.context()
    with pytest.raises(ServiceBusy):
        enumerate_source(run)
    assert requests(house, mark) == [200] * (number - 1) + [500]
    house.sharepoint.faults.assert_all_hit()
    mark = house.sharepoint.journal.mark()
    enumerate_source(run)
    assert requests(house, mark) == [200] * (pages - number + 1 + 1), "what was left, and the quiet round"
