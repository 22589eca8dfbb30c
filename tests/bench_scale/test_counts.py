"""Counts that must not grow with the library: 10,000 generated items over HTTP, both simulators."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.bench_scale.measure import mark_synced, measured
from tests.bench_scale.paged import PagedSource
from tests.bench_scale.places import seed_target
from tests.e2e.conftest import House

from simulators.filecloud.simulator import FileCloudSimulator
from simulators.sharepoint.generated import Blueprint, GeneratedLibrary
from simulators.sharepoint.knobs import SharePointKnobs
from simulators.sharepoint.server import SharePointSimulator
from spfc.ledger.database import Database
from spfc.routes import parse_options, parse_route
from spfc.steps.context import RunContext
from spfc.steps.enumerate import enumerate_source
from spfc.steps.plan import diff_and_plan
from spfc.targets.memory import MemoryTarget

pytestmark = pytest.mark.e2e

ITEMS, FOLDERS = 10_000, 500
PAGE = 1000
BIG = "Folder 000003"
"""One of ten top folders: about a thousand items lie below it."""
SESSION = 2
"""Calls that log in and out; they come on top of a budget, once a task."""
FEW = 25
"""A number of rows that has nothing to do with the size of the library."""


@dataclass(frozen=True)
class Scale:
    """A house whose library is generated."""

    house: House
    sharepoint: SharePointSimulator

    @property
    def library(self) -> GeneratedLibrary:
        return self.sharepoint.generated

    def first_file(self, folder: str) -> str:
        """Return the path of a file directly in a folder."""
        with self.library.opened() as store:
            inside = store.children[self.library.item_at(folder).id].values()
            return next(f"{folder}/{item.name}" for item in inside if not item.is_dir)


@contextmanager
def scale(tmp: Path, items: int, folders: int) -> Iterator[Scale]:
    (tmp / "store").mkdir(parents=True)
    blueprint = Blueprint(items - folders - 1, folders)
    knobs = SharePointKnobs(delete_markers="all")
    with (
        SharePointSimulator(blueprint, state_dir=tmp / "sp", knobs=knobs) as sharepoint,
        FileCloudSimulator(tmp / "store", state_dir=tmp / "fc") as filecloud,
    ):
        database = Database(f"sqlite:///{tmp / 'ledger.db'}")
        yield Scale(House(tmp, sharepoint, filecloud, database), sharepoint)
        database.close()


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scale]:
    """10,000 items, all of them marked as synced. Each test leaves it in sync but for what it says."""
    with scale(tmp_path_factory.mktemp("scale"), ITEMS, FOLDERS) as made:
        enumerate_source(made.house.context())
        assert mark_synced(made.house.database, 1.0) == ITEMS
        # The round that finds nothing new leaves the feed where a finished run leaves it.
        assert measured(made.house).requests == 1
        yield made


def test_the_first_enumeration_reads_full_pages_and_owes_everything_once(tmp_path: Path) -> None:
    with scale(tmp_path, 3000, 150) as small:
        run = small.house.context()
        figures = enumerate_source(run)
        pages = -(-3000 // PAGE)
        assert figures["debt"] == 3000
        # Site, drive, the pages, and the round that finds nothing new.
        assert figures["pages"] == pages + 1
        assert figures["requests"] == 2 + pages + 1
        # Graph reference 10.1: site 1, list of drives 2, delta 2 without a token and 1 with one.
        assert figures["units"] == 1 + 2 + 2 + (pages - 1) + 1


def test_no_change_costs_one_request_and_no_row(synced: Scale) -> None:
    figures = measured(synced.house)
    assert (figures.requests, figures.units, figures.calls) == (1, 1, 0)
    assert figures.rows <= 1, "the root may be mentioned"


def test_one_change_costs_few_requests_and_rows(synced: Scale) -> None:
    path = synced.first_file("Folder 000001")
    seed_target(synced.library, synced.house.mirror, path)
    synced.library.touch(path)
    figures = measured(synced.house)
    assert figures.counts == "1 update"
    # The change feed and the content.
    assert (figures.requests, figures.units) == (2, 2)
    # Login and logout, the upload, and up to three looks, because nobody knows the etag of a copy that was not made.
    assert figures.calls <= 6
    assert figures.rows <= FEW
    assert (synced.house.mirror / path).read_bytes() == synced.library.content(synced.library.item_at(path))


def test_renaming_a_large_folder_is_one_call_and_few_rows(synced: Scale) -> None:
    seed_target(synced.library, synced.house.mirror, BIG)
    synced.library.rename(BIG, "Renamed")
    figures = measured(synced.house)
    assert figures.counts == "1 move"
    assert figures.requests == 1
    assert figures.calls == 1 + SESSION
    assert figures.rows <= FEW
    assert (synced.house.mirror / "Renamed").is_dir()
    assert not (synced.house.mirror / BIG).exists()


def test_deleting_a_large_folder_is_held_without_a_call(synced: Scale) -> None:
    gone = synced.library.delete("Folder 000005") + synced.library.delete("Folder 000006")
    assert gone > synced.house.route().policies.removal_guard.max_items
    figures = measured(synced.house)
    assert synced.house.manifest["guard"]["tripped"]
    assert figures.counts == "2 remove"
    assert figures.calls == 0
    # The pages of markers, and the round that finds nothing new.
    assert figures.requests <= 1 + -(-gone // synced.sharepoint.knobs.delta_deleted_page_size) + 1


def test_a_first_sync_costs_one_request_and_one_call_a_file(tmp_path: Path) -> None:
    files, folders = 380, 20
    with scale(tmp_path, files + folders + 1, folders) as small:
        figures = measured(small.house)
        pages = 2
        look_and_login = 8
        assert figures.units <= 1.02 * (files + pages) + look_and_login
        assert figures.calls <= 1.02 * (files + folders + pages) + look_and_login
        assert sum(1 for path in small.house.mirror.rglob("*") if path.is_file()) == files
        assert measured(small.house).units == 1
        small.library.touch(small.first_file("Folder 000001"))
        figures = measured(small.house)
        assert (figures.counts, figures.requests) == ("1 update", 2)
        assert figures.calls <= 2 + SESSION


def test_memory_grows_slower_than_the_library(tmp_path: Path) -> None:
    """Folders have their place in memory, a few hundred bytes each; files must not."""
    small, large = (peak(tmp_path / str(items), items) for items in (2000, 10_000))
    assert large < 2.5 * small, f"peak grew from {small} to {large} bytes for five times the items"


def peak(tmp: Path, items: int) -> int:
    tmp.mkdir()
    database = Database(f"sqlite:///{tmp / 'ledger.db'}")
    try:
        route = parse_route("r", {"source": {"hostname": "h", "site": "/s"}, "target": {"folder": "/a/b"}})
        run = RunContext(
            route, "run", parse_options({}), database, lambda: PagedSource(items), MemoryTarget, clock=lambda: 1.0
        )
        tracemalloc.start()
        enumerate_source(run)
        diff_and_plan(run)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        database.close()
