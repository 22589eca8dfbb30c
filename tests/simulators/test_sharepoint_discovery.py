"""Sites, lists, list items, versions, permissions, search and people's sign-in: what other clients ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.simulators.sharepoint_reader import Reader

from simulators.common.tls import ensure_tls
from simulators.sharepoint import SharePointKnobs, SharePointSimulator
from simulators.sharepoint.urls import parse

PROGRAM = "d50ca740-c83f-4d1b-b616-12c519384f0c"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    library = tmp_path / "library"
    (library / "reports").mkdir(parents=True)
    for name in ("a", "a b", "a!b", "reports/Budget.txt", "reports/notes.txt"):
        (library / name).write_text(name)
    sim = SharePointSimulator(
        library,
        state_dir=tmp_path / "state",
        public_clients=[PROGRAM],
        download_origin="https://files.example",
    )
    with sim:
        made = Reader(sim)
        yield made
        made.close()


def values(reader: Reader, path: str) -> list[dict[str, object]]:
    answer = reader.get(path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["value"]
    return found


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/sites?search=demo", ["demo"]),
        ("/sites?search=*", ["demo"]),
        ("/sites?$search=%22DEM%22", ["demo"]),
        ("/sites?search=elsewhere", []),
        ("/sites/getAllSites", ["", "demo"]),
        ("/sites/microsoft.graph.getAllSites()", ["", "demo"]),
        ("/sites/contoso.sharepoint.test:/sites/demo:/sites", []),
    ],
)
def test_sites(reader: Reader, path: str, names: list[str]) -> None:
    assert [site["name"] for site in values(reader, path)] == names


def test_lists(reader: Reader) -> None:
    site = f"/sites/{reader.sim.ids.site_id}"
    (library,) = values(reader, f"{site}/lists?$select=id,displayName,list")
    assert library == {
        "id": str(reader.sim.ids.list),
        "displayName": "Documents",
        "list": {"contentTypesEnabled": False, "hidden": False, "template": "documentLibrary"},
    }
    for address in (library["id"], "documents"):
        assert reader.get(f"{site}/lists/{address}").json()["webUrl"].endswith("/sites/demo/Documents")
        assert reader.get(f"{site}/lists/{address}/drive").json()["id"] == reader.sim.drive_id
    assert reader.get(f"{site}/lists/documents/drive/root/children").json()["value"]
    assert reader.get(f"{site}/lists/none").status_code == 404
    columns = [column["name"] for column in values(reader, f"{site}/lists/documents/columns")]
    (first, *_) = values(reader, f"{site}/lists/documents/items?expand=fields(select={','.join(columns)})")
    assert list(first["fields"]) == columns
    (first, *_) = values(reader, f"{site}/lists/documents/items?$expand=fields($select=FileLeafRef,Nothing)")
    assert list(first["fields"]) == ["FileLeafRef"]


def test_list_items_are_paged_and_are_the_files(reader: Reader) -> None:
    items = f"/sites/{reader.sim.ids.site_id}/lists/Documents/items"
    found, url = [], f"{items}?$expand=fields&$top=4"
    while url:
        page = reader.get(url).json()
        found += page["value"]
        url = page.get("@odata.nextLink")
    assert sorted(i["fields"]["FileLeafRef"] for i in found) == [
        "Budget.txt", "a", "a b", "a!b", "notes.txt", "reports"
    ]  # fmt: skip
    one = reader.get(f"{items}/{found[0]['id']}").json()
    assert one["id"] == found[0]["id"]
    assert "fields" not in one
    by_id = f"/drives/{reader.sim.drive_id}/root:/a?$select=sharepointIds"
    assert reader.get(by_id).json()["sharepointIds"]["listItemId"] in [i["id"] for i in found]
    assert reader.get(f"{items}/0").status_code == 404


def test_search_and_children_by_pages(reader: Reader) -> None:
    root = f"/drives/{reader.sim.drive_id}/root"
    assert [i["name"] for i in values(reader, f"{root}/search(q='BUDGET')")] == ["Budget.txt"]
    drive = f"/drives/{reader.sim.drive_id}"
    assert [i["name"] for i in values(reader, f"{drive}/search(q='budget')")] == ["Budget.txt"]
    assert values(reader, f"{root}:/reports:/search(q='a b')") == []
    names, url = [], f"{root}/children?$top=1"
    while url:
        page = reader.get(url).json()
        names += [i["name"] for i in page["value"]]
        url = page.get("@odata.nextLink")
    assert names == ["a", "a b", "a!b", "reports"]


def test_versions_and_permissions(reader: Reader) -> None:
    drive = f"/drives/{reader.sim.drive_id}"
    (only,) = values(reader, f"{drive}/root:/a:/versions")
    assert only["size"] == 1
    assert reader.get(f"{drive}/root:/a:/versions/{only['id']}").json()["id"] == only["id"]
    assert reader.get(f"{drive}/root:/a:/versions/{only['id']}/content").status_code == 400
    assert reader.get(f"{drive}/root:/a:/versions/9.0").status_code == 404
    assert [p["roles"] for p in values(reader, f"{drive}/root/permissions")] == [["owner"]]


def test_me_is_for_people(reader: Reader) -> None:
    assert reader.get("/me/drive").status_code == 400
    form = {"grant_type": "refresh_token", "client_id": PROGRAM, "refresh_token": reader.sim.refresh_token()}
    url = f"{reader.sim.url}/common/oauth2/v2.0/token"
    tokens = reader.http.post(url, data=form).json()
    assert reader.http.post(url, data={**form, "refresh_token": tokens["refresh_token"]}).status_code == 200
    assert reader.http.post(url, data={**form, "refresh_token": tokens["access_token"]}).status_code == 400
    assert reader.http.post(url, data={**form, "client_id": "another"}).status_code == 400
    no_secret = {**form, "client_id": reader.sim.client_id}
    assert reader.http.post(url, data=no_secret).status_code == 401
    del reader.http.headers["Authorization"]
    with requests.Session() as person:
        person.trust_env = False
        person.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        root = reader.sim.graph_root
        assert person.get(f"{root}/me/drive").json()["id"] == reader.sim.drive_id
        assert person.get(f"{root}/me/drives").json()["value"][0]["id"] == reader.sim.drive_id
        assert person.get(f"{root}/me/drive/root:/a").json()["name"] == "a"
        assert person.get(f"{root}/me").json()["userPrincipalName"]
        person.headers["Authorization"] = f"Bearer {tokens['refresh_token']}"
        assert person.get(f"{root}/me/drive").status_code == 401


def test_links_lead_to_the_address_that_clients_know(reader: Reader) -> None:
    item = reader.get(f"/drives/{reader.sim.drive_id}/root:/a").json()
    assert item["@microsoft.graph.downloadUrl"].startswith(
        "https://files.example/sites/demo/_layouts/15/download.aspx?"
    )


def test_certificates_are_for_the_names_that_were_asked_for(tmp_path: Path) -> None:
    first = ensure_tls(tmp_path).ca_file.read_bytes()
    assert ensure_tls(tmp_path).ca_file.read_bytes() == first
    second = ensure_tls(tmp_path, ["graph.microsoft.com"]).ca_file.read_bytes()
    assert second != first
    assert ensure_tls(tmp_path, ["graph.microsoft.com"]).ca_file.read_bytes() == second


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1.0/sites", "sites"),
        ("/v1.0/sites/x/lists/l/items/1/fields", "unknown"),
        ("/v1.0/me/messages", "unknown"),
        ("/v1.0/drives/d/items/i/versions/1/content/more", "unknown"),
        ("/v1.0/drives/d/items/i/children/more", "unknown"),
    ],
)
def test_what_is_not_known_is_not_guessed(path: str, kind: str) -> None:
    assert parse(path).kind == kind


def test_a_path_may_come_as_one_segment(reader: Reader) -> None:
    items = f"/drives/{reader.sim.drive_id}/items"
    assert reader.get(f"{items}/root%3A%2Freports%2FBudget.txt%3A").json()["name"] == "Budget.txt"
    folder = reader.get(f"{items}/root%3A%2Freports").json()
    assert reader.get(f"{items}/{folder['id']}%3A%2Fnotes.txt%3A/versions").json()["value"]
    assert len(values(reader, f"{items}/root%3A%2Freports%3A/children")) == 2


@pytest.mark.parametrize(
    ("scope", "status"),
    [(".default", 200), ("https://graph.microsoft.com/.default", 200), ("Files.Read.All", 400), ("x.default", 400)],
)
def test_an_app_asks_for_its_defaults(reader: Reader, scope: str, status: int) -> None:
    form = {"grant_type": "client_credentials", "client_id": reader.sim.client_id, "scope": scope}
    url = f"{reader.sim.authority}/oauth2/v2.0/token"
    assert reader.http.post(url, data={**form, "client_secret": reader.sim.client_secret}).status_code == status


@pytest.mark.parametrize(
    ("roles", "searched", "by_path"),
    [(("Sites.Read.All",), 200, 200), (("Sites.Selected",), 403, 200), (("Files.Read.All",), 403, 403)],
)
def test_sites_are_found_by_those_who_may_see_them(
    tmp_path: Path, roles: tuple[str, ...], searched: int, by_path: int
) -> None:
    (tmp_path / "library").mkdir()
    knobs = SharePointKnobs(roles=roles, site_granted=True)
    with SharePointSimulator(tmp_path / "library", state_dir=tmp_path / "state", knobs=knobs) as sim:
        reader = Reader(sim)
        assert reader.get("/sites?search=demo").status_code == searched
        assert reader.get(f"/sites/{sim.site_hostname}:/sites/demo").status_code == by_path
        reader.close()
