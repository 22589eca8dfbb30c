"""The checks of the other ends: FileCloud as a source, folders as targets, lists and tables."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.doctor.conftest import Clinic, Result

from simulators.sharepoint.server import SharePointSimulator
from spfc.doctor.catalogue import CHECKS
from spfc.doctor.checkup import Checkup, Part
from spfc.doctor.filecloud_source import FileCloudSourceChecks
from spfc.doctor.graph_list import ListChecks
from spfc.doctor.shape import Verdict
from spfc.doctor.storage import StorageChecks
from spfc.doctor.table import TableChecks
from spfc.errors import RouteInvalid
from spfc.graph.settings import GraphSettings
from spfc.routes import FileCloudSource, ObjectStorageTarget, Route, SharePointList, parse_route
from spfc.targets.records import ListState
from spfc.targets.sql_table import SqlTable
from spfc.targets.storage.local import LocalFolderTarget


def examine(*parts: Part) -> Result:
    """Make the checks; each must be in the catalogue, in its order, and say what to do when something is wrong."""
    result = Result(Checkup(parts).run())
    names = [check.name for check in result.checks]
    assert names == [name for name in CHECKS if name in names]
    for check in result.checks:
        assert check.found
        assert check.next_step or check.verdict not in (Verdict.FAIL, Verdict.WARN), check
    return result


# -- FileCloud as a source -------------------------------------------------------------------------------


@pytest.fixture
def source(clinic: Clinic) -> Callable[..., Result]:
    (clinic.store / "team").mkdir()
    (clinic.store / "team" / "a.txt").write_text("some words in a file")

    def look(folder: str = "/spfc/team", **more: bool) -> Result:
        place = FileCloudSource(type="filecloud_folder", folder=folder, **more)
        return examine(FileCloudSourceChecks(clinic.cloud_settings, place))

    return look


def test_a_healthy_source(clinic: Clinic, source: Callable[..., Result]) -> None:
    clinic.set_up(change_feed=True)
    result = source(change_feed=True)
    assert result.bad() == []
    assert "with 1 entry" in result["source.folder"].found
    assert "the second by Range" in result["source.download"].found
    assert "change feed stands at" in result["source.feed"].found


def test_a_server_without_the_feed_that_the_route_wants(source: Callable[..., Result]) -> None:
    source(change_feed=True).only_warns("source.feed", "no change feed", "source.change_feed")


def test_a_folder_that_is_not_there(source: Callable[..., Result]) -> None:
    result = source(folder="/spfc/taem")
    result.only_fails("source.folder", "/spfc/taem", "Correct source.folder")
    assert result["source.download"].verdict is Verdict.SKIPPED


def test_a_server_without_true_times(clinic: Clinic, source: Callable[..., Result]) -> None:
    clinic.set_up(modifiedepochutc=False) if hasattr(clinic.filecloud.knobs, "modifiedepochutc") else None
    clinic.filecloud.knobs = type(clinic.filecloud.knobs).profile("legacy", entry_types="plain")
    source().only_warns("source.times", "does not tell times in UTC", "server_tz")


def test_a_server_that_ignores_ranges(clinic: Clinic, source: Callable[..., Result]) -> None:
    clinic.set_up(range="ignore")
    source().only_warns("source.download", "ignored Range")


# -- folders ---------------------------------------------------------------------------------------------


def folder_checks(root: Path, *, coming: int | None = None, **policies: object) -> StorageChecks:
    route = parse_route(
        "clinic",
        {
            "source": {"hostname": "h", "site": "/s"},
            "target": {"type": "object_storage", "url": str(root)},
            "policies": policies,
        },
    )
    assert isinstance(route, Route) and isinstance(route.target, ObjectStorageTarget)
    return StorageChecks(lambda: LocalFolderTarget(str(root)), route, route.target, coming=lambda: coming)


def test_a_folder_that_the_first_run_makes(tmp_path: Path) -> None:
    result = examine(folder_checks(tmp_path / "mirror"))
    assert result.bad() == []
    assert "the first run makes it" in result["storage.folder"].found
    assert list(tmp_path.iterdir()) == [], "nothing was made"


def test_a_folder_that_is_there_is_written_to_and_left_as_it_was(tmp_path: Path) -> None:
    with closing(LocalFolderTarget(str(tmp_path / "mirror"))) as target:
        target.make_folder("/")
    (tmp_path / "mirror" / "a.txt").write_text("ours")
    result = examine(folder_checks(tmp_path / "mirror"))
    assert result.bad() == []
    assert "written, read and removed" in result["storage.rights"].found
    assert sorted(path.name for path in (tmp_path / "mirror").iterdir()) == [".spfc-uploads", "a.txt"]
    assert list((tmp_path / "mirror" / ".spfc-uploads").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    with closing(LocalFolderTarget(str(tmp_path / "mirror"))) as target:
        target.make_folder("/")
    (tmp_path / "mirror" / ".spfc-uploads").chmod(0o500)
    examine(folder_checks(tmp_path / "mirror")).only_fails("storage.rights", "mirror")


def test_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    examine(folder_checks(tmp_path / "mnt" / "mirror")).only_fails("storage.folder", "mnt", "mounted")
    (tmp_path / "mirror").write_text("no folder at all")
    examine(folder_checks(tmp_path / "mirror")).only_fails("storage.folder", "is no folder")


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    examine(folder_checks(tmp_path / "mirror", coming=1 << 62)).only_warns("storage.room", "would bring", "Make room")


def test_probes_are_for_filecloud(tmp_path: Path) -> None:
    with pytest.raises(RouteInvalid, match="--write-probe"):
        Checkup((folder_checks(tmp_path / "mirror"),), write_probe=True)


# -- lists and tables ------------------------------------------------------------------------------------


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[str], Result]:
    (tmp_path / "library").mkdir()
    (tmp_path / "lists").mkdir()
    rows = [{"id": n, "fields": {"Title": f"row {n}"}} for n in range(1, 6)]
    (tmp_path / "lists" / "Orders.json").write_text(json.dumps({"columns": [], "items": rows}))

    def look(name: str) -> Result:
        with SharePointSimulator(tmp_path / "library", state_dir=tmp_path / "sp", lists=tmp_path / "lists") as sim:
            settings = GraphSettings(
                tenant=sim.tenant_id,
                client_id=sim.client_id,
                client_secret=sim.client_secret,
                authority=sim.authority,
                graph_root=sim.graph_root,
            )
            place = SharePointList(type="sharepoint_list", hostname=sim.site_hostname, site=sim.site_path, list=name)
            table = TableChecks(
                lambda: SqlTable(f"sqlite:///{tmp_path / 'w.db'}", route="r", table="orders"), "w:orders"
            )
            return examine(ListChecks(lambda: settings, place), table)

    return look


def test_a_healthy_list_and_a_table_to_be(listed: Callable[[str], Result], tmp_path: Path) -> None:
    result = listed("orders")
    assert result.bad() == []
    assert "5 rows on the first page; that is all" in result["graph.list_feed"].found
    assert "the first run makes it" in result["table.connection"].found
    assert not (tmp_path / "w.db").exists(), "nothing was made"


def test_a_list_that_is_not_there(listed: Callable[[str], Result]) -> None:
    result = listed("Odrers")
    result.only_fails("graph.list", "Odrers", "Orders")
    assert result["table.connection"].verdict is Verdict.OK


def test_a_table_with_rows(tmp_path: Path) -> None:
    def table() -> SqlTable:
        return SqlTable(f"sqlite:///{tmp_path / 'w.db'}", route="r", table="orders")

    with closing(table()) as made:
        made.prepare(None, ListState(), 1, run_id="run1")
    result = examine(TableChecks(table, "w:orders"))
    assert result.bad() == []
    assert "is kept there" in result["table.connection"].found
