"""The configuration of routes: strict, explained, and never two writers of one place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spfc.errors import RouteInvalid
from spfc.route_file import load_routes, parse_routes
from spfc.routes import Limits, ListRoute, RemovalPolicy, Route, RowRemovals, RunMode, parse_options, parse_route

SOURCE = {"hostname": "contoso.sharepoint.com", "site": "/sites/legal"}
PLAIN: dict[str, Any] = {"source": SOURCE, "target": {"folder": "/team/legal"}}


def with_folder(folder: str, **more: Any) -> dict[str, Any]:
    return {"source": SOURCE, "target": {"folder": folder, **more}}


def test_defaults_are_safe() -> None:
    route = parse_route("legal", PLAIN)
    assert route.policies.removals is RemovalPolicy.QUARANTINE
    assert route.quarantine_folder == "/team/legal.quarantine"
    assert route.source.label == "contoso.sharepoint.com/sites/legal/Documents"
    assert route.target.label == "spfc_filecloud:/team/legal"
    assert route.limits == Limits()
    assert route.schedule is None


@pytest.mark.parametrize(
    ("given", "kept"), [("/a/b/", "/a/b"), ("a//b", "/a/b"), (" /a ", "/a"), ("/a/b.c/..d", "/a/b.c/..d")]
)
def test_folders_are_normalised(given: str, kept: str) -> None:
    assert parse_route("r", with_folder(given)).target.folder == kept


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (with_folder("/"), "target.folder"),
        (with_folder(""), "target.folder"),
        (with_folder("/a/../b"), "target.folder"),
        (with_folder("/a\0"), "target.folder"),
        ({**PLAIN, "source": {**SOURCE, "folder": "/.."}}, "source.folder"),
        ({**PLAIN, "source": {**SOURCE, "site": "sites/legal"}}, "source.site"),
        ({**PLAIN, "source": {"site": "/s"}}, "source.hostname"),
        ({"source": SOURCE}, "target"),
        ({**PLAIN, "polices": {}}, "polices: unknown key"),
        ({**PLAIN, "policies": {"removals": "shred"}}, "policies.removals"),
        ({**PLAIN, "limits": {"workers": 0}}, "limits.workers"),
        ({**PLAIN, "limits": {"page_size": 5000}}, "limits.page_size"),
        ({**PLAIN, "limits": None}, "limits"),
        ({**PLAIN, "policies": {"quarantine_folder": "/team/LEGAL/old"}}, "quarantine_folder"),
        ({**PLAIN, "policies": {"quarantine_folder": "/team/legal"}}, "quarantine_folder"),
        ({**PLAIN, "policies": {"removal_guard": {"max_share": 25}}}, "policies.removal_guard.max_share"),
        ({**PLAIN, "policies": {"approval_hours": 10**12}}, "policies.approval_hours"),
        ({**PLAIN, "tags": ["x" * 101]}, "tags.0"),
    ],
)
def test_every_wrong_key_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(RouteInvalid) as caught:
        parse_route("legal", fields)
    assert named in str(caught.value)
    assert "'legal'" in str(caught.value)
    assert "routes.yaml" in caught.value.hint


@pytest.mark.parametrize("name", ["", "Legal", "1st", "a b", "a/b", "a" * 64, "ä"])
def test_names_stay_plain(name: str) -> None:
    with pytest.raises(RouteInvalid):
        parse_route(name, PLAIN)


@pytest.mark.parametrize(
    "other", ["/team/legal", "/TEAM/Legal", "/team/legal/sub", "/team", "/team/legal.quarantine/x"]
)
def test_two_routes_never_write_into_one_place(other: str) -> None:
    with pytest.raises(RouteInvalid, match="'one' and 'two'"):
        parse_routes({"routes": {"one": PLAIN, "two": with_folder(other)}})


def test_neighbours_and_other_servers_are_fine() -> None:
    fields = {"one": PLAIN, "two": with_folder("/team/legal2"), "three": with_folder("/team/legal", connection="other")}
    assert list(parse_routes({"routes": fields})) == ["one", "two", "three"]


@pytest.mark.parametrize(
    "document", [None, [], "x", {}, {"routes": []}, {"routes": {}, "more": 1}, {"routes": {"a": 3}}]
)
def test_a_document_of_another_shape_is_refused(document: object) -> None:
    with pytest.raises(RouteInvalid):
        parse_routes(document)


@pytest.mark.parametrize("content", [b"routes: [", b"\xff\xfe\x00", b"routes:\n\t- x", b""])
def test_an_unreadable_file_is_told_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(content)
    with pytest.raises(RouteInvalid):
        load_routes(path)
    with pytest.raises(RouteInvalid, match="cannot be read"):
        load_routes(tmp_path / "missing.yaml")


def test_the_routes_that_come_with_the_project_are_valid() -> None:
    assert load_routes(Path(__file__).parents[1] / "include" / "routes.yaml")


def test_run_parameters() -> None:
    assert parse_options({}).mode is RunMode.INCREMENTAL
    options = parse_options({"mode": "full", "dry_run": True, "max_documents": 5, "paths": ["a/**"]})
    assert (options.mode, options.dry_run, options.max_documents, options.paths) == (RunMode.FULL, True, 5, ("a/**",))


@pytest.mark.parametrize("fields", [{"mode": "faster"}, {"max_documents": 0}, {"paths": "a"}, {"force": True}])
def test_wrong_run_parameters_are_named(fields: dict[str, Any]) -> None:
    with pytest.raises(RouteInvalid) as caught:
        parse_options(fields)
    assert next(iter(fields)) in str(caught.value)
    assert "Route " not in str(caught.value)


STORE: dict[str, Any] = {"source": SOURCE, "target": {"type": "object_storage", "url": "/srv/mirror/legal"}}
CLOUD = {"type": "filecloud_folder", "folder": "/teams/legal"}
LIST: dict[str, Any] = {
    "source": {"type": "sharepoint_list", **SOURCE, "list": "Contracts"},
    "target": {"connection": "warehouse", "table": "contracts"},
}


def as_route(fields: dict[str, Any]) -> Route:
    route = parse_route("legal", fields)
    assert isinstance(route, Route)
    return route


@pytest.mark.parametrize(
    ("url", "service", "folder"),
    [
        ("/srv/mirror//legal/", "file", "/srv/mirror/legal"),
        ("/srv/50% #1", "file", "/srv/50% #1"),
        ("file:///srv/mirror%20one", "file", "/srv/mirror one"),
        ("s3://bucket/a/b/", "s3", "/bucket/a/b"),
        ("abfs://container/a b", "abfs", "/container/a b"),
        ("S3a://bucket/a", "s3", "/bucket/a"),
        ("abfss://container/a", "abfs", "/container/a"),
        ("file://localhost/srv/mirror", "file", "/srv/mirror"),
    ],
)
def test_a_store_is_a_service_and_a_folder(url: str, service: str, folder: str) -> None:
    route = as_route({"source": SOURCE, "target": {"type": "object_storage", "url": url}})
    assert (route.target.service, route.target.folder) == (service, folder)
    assert route.quarantine_folder == f"{folder}.quarantine"


@pytest.mark.parametrize(
    "url",
    ["", "srv/mirror", "file://host/srv", "s3://bucket", "s3://bucket/", "s3:///x", "s3://key:secret@bucket/x",
     "abfs://c@account.dfs.core.windows.net/x", "s3://host:9000/x", "ftp://host/x", "gs://bucket/x",
     "s3://bucket/../x", "s3://bucket/x?key=secret", "/", "file:///", "//", "/srv/mirror/../x", "file:///srv/a#b"],
)  # fmt: skip
def test_an_address_that_cannot_be_meant_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(RouteInvalid, match=r"target\.url") as caught:
        parse_route("legal", {"source": SOURCE, "target": {"type": "object_storage", "url": url}})
    assert "secret" not in str(caught.value)


def test_an_unknown_type_is_told_what_there_is() -> None:
    with pytest.raises(RouteInvalid, match="there is no type 'ftp'; this can be 'filecloud', 'object_storage'"):
        parse_route("legal", {"source": SOURCE, "target": {"type": "ftp"}})
    with pytest.raises(RouteInvalid, match="there is no type 'sharepoint'"):
        parse_route("legal", {"source": {"type": "sharepoint"}, "target": {"folder": "/x"}})


def test_a_key_of_another_place_is_unknown() -> None:
    with pytest.raises(RouteInvalid, match=r"target\.url: unknown key"):
        parse_route("legal", {"source": SOURCE, "target": {"folder": "/x", "url": "/srv/x"}})
    with pytest.raises(RouteInvalid, match=r"source\.site: unknown key"):
        parse_route("legal", {"source": {**CLOUD, "site": "/s"}, "target": STORE["target"]})


def test_a_filecloud_folder_is_a_source() -> None:
    route = as_route({"source": CLOUD, "target": STORE["target"]})
    assert (route.source.label, route.source.below) == ("spfc_filecloud:/teams/legal", "/")


@pytest.mark.parametrize("folder", ["/teams/legal", "/Teams/Legal/copy", "/teams"])
def test_filecloud_is_not_copied_into_itself(folder: str) -> None:
    with pytest.raises(RouteInvalid, match="overlap"):
        parse_route("legal", {"source": CLOUD, "target": {"folder": folder}})
    other = as_route({"source": CLOUD, "target": {"folder": folder, "connection": "another_server"}})
    assert other.target.folder == folder


def test_a_list_route_is_another_kind() -> None:
    route = parse_route("legal", LIST)
    assert isinstance(route, ListRoute)
    assert route.ends == ("contoso.sharepoint.com/sites/legal/Contracts", "warehouse:contracts")
    assert route.policies.removals is RowRemovals.DELETE
    with pytest.raises(RouteInvalid, match="filters: unknown key"):
        parse_route("legal", {**LIST, "filters": {}})
    with pytest.raises(RouteInvalid, match=r"target\.folder: unknown key"):
        parse_route("legal", {**LIST, "target": {"folder": "/x"}})


@pytest.mark.parametrize("table", ["", "1st", "a b", "a;drop", 'a"b', "x" * 56, "ä"])
def test_names_of_tables_stay_plain(table: str) -> None:
    with pytest.raises(RouteInvalid, match=r"target\.table"):
        parse_route("legal", {**LIST, "target": {"connection": "c", "table": table}})


def test_snapshots_are_named_after_their_route() -> None:
    snapshot = {"target": {"type": "object_storage", "url": "s3://bucket/lists"}}
    route = parse_route("legal", {**LIST, "snapshot": snapshot})
    assert isinstance(route, ListRoute)
    assert route.snapshot_file == "legal.parquet"
    assert route.areas == (("sql:warehouse", "/contracts"), ("s3", "/bucket/lists/legal.parquet"))
    for bad in ("a/b.csv", "", "a\0"):
        with pytest.raises(RouteInvalid, match=r"snapshot\.file"):
            parse_route("legal", {**LIST, "snapshot": {**snapshot, "file": bad}})


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (STORE, {**STORE, "target": {"type": "object_storage", "url": "/srv/mirror/legal/x"}}),
        (STORE, {**STORE, "target": {"type": "object_storage", "url": "file:///srv/mirror/legal.quarantine"}}),
        (LIST, {**LIST, "source": {**LIST["source"], "list": "Other"}}),
        (
            {**STORE, "target": {"type": "object_storage", "url": "s3://bucket/x"}},
            {**STORE, "target": {"type": "object_storage", "url": "s3a://bucket/x/y"}},
        ),
        (
            {**LIST, "snapshot": {"target": {"type": "object_storage", "url": "/srv/mirror/legal/in"}}},
            STORE,
        ),
    ],
)
def test_no_two_routes_of_any_kind_share_a_place(one: dict[str, Any], two: dict[str, Any]) -> None:
    with pytest.raises(RouteInvalid, match="'one' and 'two' write into the same place"):
        parse_routes({"routes": {"one": one, "two": two}})


def test_one_folder_in_two_buckets_is_two_places() -> None:
    stores = {name: {"source": SOURCE, "target": {"type": "object_storage", "url": f"s3://{name}/x"}} for name in "ab"}
    assert len(parse_routes({"routes": stores})) == 2
