"""The generated library: right hashes, contents of their own, and a change log like that of a folder on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulators.sharepoint.generated import Blueprint
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.quickxor import hash_bytes
from simulators.sharepoint.server import SharePointSimulator
from spfc.graph.client import GraphClient
from spfc.graph.settings import GraphSettings
from spfc.planning.model import Kind, SourceItem
from spfc.sources.base import ChangePage
from spfc.sources.sharepoint_library import SharePointLibrary

FILES, FOLDERS = 300, 60
TOP = "Folder 000003"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SharePointSimulator]:
    knobs = SharePointKnobs(delete_markers="all")
    with SharePointSimulator(Blueprint(FILES, FOLDERS, seed=7), state_dir=tmp_path / "state", knobs=knobs) as running:
        yield running


@pytest.fixture
def source(simulator: SharePointSimulator) -> SharePointLibrary:
    settings = GraphSettings(
        tenant=simulator.tenant_id,
        client_id=simulator.client_id,
        client_secret=simulator.client_secret,
        authority=simulator.authority,
        graph_root=simulator.graph_root,
        page_size=100,
    )
    library = SharePointLibrary(
        GraphClient(settings),
        hostname=simulator.site_hostname,
        site_path=simulator.site_path,
        library=simulator.library_name,
    )
    library.bind(None)
    return library


def everything(source: SharePointLibrary) -> tuple[dict[str, SourceItem], str]:
    found: dict[str, SourceItem] = {}
    page = source.changes(None)
    found |= {item.id: item for item in page.items}
    while not page.complete:
        page = source.changes(page.cursor)
        found |= {item.id: item for item in page.items}
    return found, page.cursor


def read(source: SharePointLibrary, item: SourceItem) -> bytes:
    stream = source.open(item)
    try:
        return stream.read(item.size + 1)
    finally:
        stream.close()


def news(page: ChangePage, known: dict[str, SourceItem]) -> dict[str, SourceItem]:
    """Return what a page says beyond repeating folders that did not change."""
    return {item.id: item for item in page.items if item != known[item.id]}


def test_every_file_and_folder_is_listed_once(source: SharePointLibrary) -> None:
    items, _ = everything(source)
    kinds = [item.kind for item in items.values() if not item.is_root]
    assert (kinds.count(Kind.FILE), kinds.count(Kind.FOLDER)) == (FILES, FOLDERS)


def test_the_listed_hash_is_that_of_the_bytes_served(source: SharePointLibrary) -> None:
    files = [item for item in everything(source)[0].values() if item.kind is Kind.FILE]
    bodies = [read(source, item) for item in files[:40]]
    assert [hash_bytes(body) for body in bodies] == [item.hash for item in files[:40]]
    assert [len(body) for body in bodies] == [item.size for item in files[:40]]
    assert len(set(bodies)) == 40
    assert len({item.size for item in files}) > 10


def test_the_same_seed_gives_the_same_library(source: SharePointLibrary, tmp_path: Path) -> None:
    first, _ = everything(source)
    again = SharePointSimulator(Blueprint(FILES, FOLDERS, seed=7), state_dir=tmp_path / "other")
    with again, again.generated.opened() as store:
        assert store.items.keys() == first.keys()
    another = SharePointSimulator(Blueprint(FILES, FOLDERS, seed=8), state_dir=tmp_path / "third")
    with another, another.generated.opened() as store:
        assert len(store.items.keys() & first.keys()) == 1, "only the root's id is always the same"


def test_a_touched_file_is_the_only_news(simulator: SharePointSimulator, source: SharePointLibrary) -> None:
    known, cursor = everything(source)
    path = f"{TOP}/{first_file_in(simulator, TOP)}"
    before = known[simulator.generated.item_at(path).id]
    simulator.generated.touch(path)
    page = source.changes(cursor)
    (item,) = news(page, known).values()
    assert item.id == before.id
    assert item.version != before.version
    assert item.hash != before.hash
    assert hash_bytes(read(source, item)) == item.hash


def test_a_renamed_folder_is_news_but_nothing_below_it(
    simulator: SharePointSimulator, source: SharePointLibrary
) -> None:
    known, cursor = everything(source)
    folder = known[simulator.generated.item_at(TOP).id]
    simulator.generated.rename(TOP, "Renamed")
    page = source.changes(cursor)
    assert page.complete
    (item,) = news(page, known).values()
    assert item == replace(folder, name="Renamed", version=item.version)
    assert len(page.items) <= 2, "the folder, and the root above it"


def test_all_of_a_deleted_tree_is_reported(simulator: SharePointSimulator, source: SharePointLibrary) -> None:
    known, cursor = everything(source)
    gone = simulator.generated.delete(TOP)
    assert gone > FILES / 20
    deleted: set[str] = set()
    page = source.changes(cursor)
    while True:
        deleted |= {item.id for item in page.items if item.deleted}
        if page.complete:
            break
        page = source.changes(page.cursor)
    assert len(deleted) == gone
    assert deleted < known.keys()


def first_file_in(simulator: SharePointSimulator, folder: str) -> str:
    library = simulator.generated
    parent = library.item_at(folder)
    with library.opened() as store:
        return next(item.name for item in store.children[parent.id].values() if not item.is_dir)
