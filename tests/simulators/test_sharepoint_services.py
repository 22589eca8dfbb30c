"""Login, discovery, download, metering, errors and faults of the SharePoint simulator over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msal
import pytest
import requests
from tests.simulators.sharepoint_reader import Reader

from simulators.common import FixedClock
from simulators.sharepoint import SharePointKnobs, SharePointSimulator

DATA = bytes(range(256)) * 10


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    root.mkdir()
    for name in ("file ü.bin", "bad.exe", "held.txt", "odd.docx"):
        (root / name).write_bytes(DATA)
    return root


@pytest.fixture
def knobs() -> dict[str, Any]:
    return {}


@pytest.fixture
def reader(library: Path, tmp_path: Path, knobs: dict[str, Any]) -> Iterator[Reader]:
    limit = knobs.pop("units_per_minute", None)
    sim = SharePointSimulator(
        library,
        state_dir=tmp_path / "state",
        clock=FixedClock(1_800_000_000.0),
        units_per_minute=limit,
        knobs=SharePointKnobs(**knobs),
    )
    with sim:
        made = Reader(sim)
        yield made
        made.close()


def link_of(reader: Reader, name: str = "file ü.bin") -> str:
    reader.follow()
    return str(reader.items[reader.id_of(name)]["@microsoft.graph.downloadUrl"])


def fetch(url: str, **headers: str) -> requests.Response:
    with requests.Session() as http:
        http.trust_env = False
        return http.get(url, headers={k.replace("_", "-"): v for k, v in headers.items()}, timeout=10)


def advance(reader: Reader, seconds: float) -> None:
    assert isinstance(reader.sim.clock, FixedClock)
    reader.sim.clock.advance(seconds)


# -- login -----------------------------------------------------------------------------------------------


def test_unmodified_msal_gets_a_token(library: Path, tmp_path: Path) -> None:
    with (
        SharePointSimulator(library, state_dir=tmp_path / "s", tls=True) as sim,
        requests.Session() as http,
    ):
        http.trust_env = False
        http.verify = str(sim.ca_file)
        app = msal.ConfidentialClientApplication(
            sim.client_id,
            client_credential=sim.client_secret,
            authority=sim.authority,
            instance_discovery=False,
            http_client=http,
        )
        token = app.acquire_token_for_client([f"{sim.graph_root}/.default"])
        assert token["token_type"] == "Bearer" and token["expires_in"] == 3600
        head = {"Authorization": f"Bearer {token['access_token']}"}
        assert http.get(f"{sim.graph_root}/drives/{sim.drive_id}", headers=head).status_code == 200


def form(reader: Reader, **more: str) -> dict[str, str]:
    base = {"grant_type": "client_credentials", "scope": f"{reader.sim.graph_root}/.default"}
    return {**base, "client_id": reader.sim.client_id, **more}


def assertion(reader: Reader, **claims: object) -> str:
    sim = reader.sim
    base = {
        "aud": f"{sim.authority}/oauth2/v2.0/token",
        "iss": sim.client_id,
        "sub": sim.client_id,
        "exp": 1_800_000_600.0,
    }
    parts = ({"alg": "PS256", "x5t#S256": "k"}, {**base, **claims})
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in parts), "sig"])


def test_credential_styles(reader: Reader) -> None:
    url = f"{reader.sim.url}/{reader.sim.tenant_domain}/oauth2/v2.0/token"
    kind = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    good = form(reader, client_assertion=assertion(reader), **kind)
    assert requests.post(url, data=good).status_code == 200
    bad = form(reader, client_assertion=assertion(reader, aud="https://elsewhere.test"), **kind)
    refused = requests.post(url, data=bad)
    assert refused.status_code == 401 and "audience" in refused.json()["error_description"]
    basic = form(reader)
    del basic["client_id"]
    assert requests.post(url, data=basic, auth=(reader.sim.client_id, reader.sim.client_secret)).ok
    wrong = requests.post(url, data=form(reader, client_secret="no"))
    assert wrong.status_code == 401 and wrong.json()["error"] == "invalid_client"
    assert "AADSTS7000215" in wrong.json()["error_description"]
    assert requests.post(url, data=form(reader, client_secret="x", client_id="y")).status_code == 400
    unknown = requests.post(f"{reader.sim.url}/nowhere.test/oauth2/v2.0/token", data=form(reader))
    assert unknown.status_code == 400 and "AADSTS90002" in unknown.text
    assert all(reader.sim.client_secret not in json.dumps(e.params) for e in reader.sim.journal.entries)


def test_tokens_expire_and_can_be_revoked(reader: Reader) -> None:
    path = f"/drives/{reader.sim.drive_id}"
    assert reader.get(path).status_code == 200
    advance(reader, 3601)
    expired = reader.get(path)
    assert expired.status_code == 401
    assert expired.json()["error"]["code"] == "InvalidAuthenticationToken"
    reader.login()
    assert reader.get(path).status_code == 200
    reader.sim.replace_faults([{"id": "t", "action": {"kind": "expire_tokens"}}])
    assert reader.get(path).status_code == 401
    assert requests.get(reader.sim.graph_root + path).status_code == 401


# -- discovery and errors --------------------------------------------------------------------------------


def test_site_and_drives_in_every_spelling(reader: Reader) -> None:
    sim = reader.sim
    path = f"{sim.site_hostname}:{sim.site_path}"
    site = reader.get(f"/sites/{path}").json()
    for spelling in (
        f"{path}:",
        path.replace(":", "%3A").replace("/", "%2F"),
        site["id"],
        site["id"].replace(",", "%2C"),
    ):
        assert reader.get(f"/sites/{spelling}").json()["id"] == site["id"]
    [drive] = reader.get(f"/sites/{path}:/drives?$select=id,name").json()["value"]
    assert drive == {"id": sim.drive_id, "name": sim.library_name}
    assert reader.get(f"/sites/{site['id']}/drive").json()["id"] == sim.drive_id
    assert reader.get(f"/drives/{sim.drive_id.replace('!', '%21')}/?select=quota").json().keys() >= {"quota"}
    root = reader.get(f"/drives/{sim.drive_id}/root").json()
    assert root["root"] == {} and root["id"] == sim.ids.root_id and "id" not in root["parentReference"]
    assert reader.get("/sites/root").status_code == 200


def test_errors_have_the_shape_of_graph(reader: Reader) -> None:
    headers = {"client-request-id": "my-id"}
    paths = (
        f"/sites/{reader.sim.site_hostname}:/sites/none",
        f"/sites/{reader.sim.site_hostname}:{reader.sim.site_path}/sub",
        "/drives/b!none/root/delta",
        f"/drives/{reader.sim.drive_id}/items/01NONE",
    )
    for path in paths:
        answer = reader.get(path, headers=headers)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (404, "itemNotFound")
        assert error["innerError"]["client-request-id"] == "my-id" == answer.headers["client-request-id"]
        assert error["innerError"]["request-id"] == answer.headers["request-id"]
        assert {"request-id", "SPRequestGuid", "Date"} <= set(answer.headers)
    assert reader.http.put(f"{reader.drive}/root:/x:/content", data=b"x").status_code == 405
    reader.sim.replace_faults([{"id": "s", "action": {"kind": "status", "status": 500}}])
    nameless = reader.get(paths[0])
    said = nameless.json()["error"]["innerError"]
    assert said["request-id"] == said["client-request-id"] == nameless.headers["client-request-id"]


@pytest.mark.parametrize("knobs", [{"units_per_minute": 10}])
def test_metering(reader: Reader) -> None:
    path = f"/drives/{reader.sim.drive_id}"
    answers = [reader.get(path) for _ in range(11)]
    assert [a.status_code for a in answers] == [200] * 10 + [429]
    assert "RateLimit-Limit" not in answers[6].headers
    assert answers[7].headers["RateLimit-Remaining"] == "2"
    assert answers[10].json()["error"]["code"] == "activityLimitReached"
    assert answers[10].headers["Retry-After"] == "60"
    reader.get(path)
    assert reader.sim.metrics()["units"]["sent_while_fenced"] == 1
    advance(reader, 60)
    assert reader.get(path).status_code == 200


def test_batch(reader: Reader) -> None:
    reader.follow()
    ok, gone = f"/drives/{reader.sim.drive_id}/root", f"/drives/{reader.sim.drive_id}/items/x"
    parts = [
        {"id": "1", "method": "GET", "url": ok},
        {"id": "2", "method": "GET", "url": gone},
        {"id": "3", "method": "GET", "url": ok, "dependsOn": ["2"]},
    ]
    answer = reader.http.post(f"{reader.sim.graph_root}/$batch", json={"requests": parts})
    assert [r["status"] for r in answer.json()["responses"]] == [200, 404, 424]
    assert reader.sim.journal.entries[-1].units == 2
    assert reader.http.post(f"{reader.sim.graph_root}/$batch", json={}).status_code == 400


# -- download --------------------------------------------------------------------------------------------


def test_content_redirects_to_another_host(reader: Reader) -> None:
    reader.follow()
    item = reader.id_of("file ü.bin")
    answer = reader.get(f"/drives/{reader.sim.drive_id}/items/{item}/content")
    assert (answer.status_code, answer.content) == (302, b"")
    link = answer.headers["Location"]
    assert link.startswith(reader.sim.download_root) and reader.sim.download_root != reader.sim.url
    body = fetch(link)
    assert body.content == DATA and body.headers["Accept-Ranges"] == "bytes"
    assert body.headers["ETag"] == reader.items[item]["eTag"]
    assert "filename*=UTF-8''file%20%C3%BC.bin" in body.headers["Content-Disposition"]
    tag = {"If-None-Match": reader.items[item]["eTag"]}
    assert reader.get(f"/drives/{reader.sim.drive_id}/items/{item}/content", headers=tag).status_code == 304
    entry = reader.sim.journal.entries[-2]
    assert (entry.service, entry.units, entry.bytes_out, entry.item) == ("download", 0, len(DATA), item)
    assert "tempauth=***" in entry.path and "v1." not in json.dumps(entry.params)
    assert reader.sim.scans == 1, "content needs no scan"


def test_ranges_and_if_range(reader: Reader) -> None:
    link = link_of(reader)
    part = fetch(link, Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, DATA[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(DATA)}"
    assert fetch(link, Range="bytes=100-", If_Range=part.headers["ETag"]).content == DATA[100:]
    assert fetch(link, Range="bytes=100-", If_Range='"other"').status_code == 200
    beyond = fetch(link, Range=f"bytes={len(DATA)}-")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")


def test_links_expire(reader: Reader) -> None:
    link = link_of(reader)
    forged = link.replace("tempauth=v1.", "tempauth=v1.x")
    assert fetch(forged).status_code == 401
    advance(reader, 3601)
    assert fetch(link).status_code == 401
    reader.login()
    reader.link = None
    fresh = link_of(reader)
    reader.sim.replace_faults([{"id": "e", "service": "download", "action": {"kind": "expire_links"}}])
    assert [fetch(fresh).status_code for _ in range(2)] == [401, 401]
    reader.sim.faults.assert_all_hit()


def test_authorization_on_download_is_counted(reader: Reader) -> None:
    link = link_of(reader)
    assert fetch(link, Authorization="Bearer x").status_code == 200
    metrics = requests.get(f"{reader.sim.url}/_sim/metrics").json()
    assert (metrics["auth_on_download"], metrics["download_bytes"]) == (1, len(DATA))


@pytest.mark.parametrize("knobs", [{"auth_on_download": "401", "range_mode": "ignored"}])
def test_strict_download_host(reader: Reader) -> None:
    link = link_of(reader)
    assert fetch(link, Authorization="Bearer x").status_code == 401
    assert fetch(link, Range="bytes=5-").status_code == 200


KNOBS = {
    "malware": ("*.exe",),
    "locked": ("held*",),
    "hash_missing": ("file*",),
    "meta_mismatch": (("*.docx", "both"), ("held*", "bytes")),
}


@pytest.mark.parametrize("knobs", [KNOBS])
def test_items_with_a_twist(reader: Reader) -> None:
    link = link_of(reader)
    item = {v["name"]: v for v in reader.items.values()}
    assert item["file ü.bin"]["file"]["hashes"] == {} and fetch(link).content == DATA
    assert item["odd.docx"]["size"] != len(DATA)
    good = item["bad.exe"]["file"]["hashes"]["quickXorHash"]
    assert item["odd.docx"]["file"]["hashes"]["quickXorHash"] != good
    infected = fetch(item["bad.exe"]["@microsoft.graph.downloadUrl"])
    assert infected.status_code == 403 and "X-Virus-Infected" in infected.headers
    held = reader.get(f"/drives/{reader.sim.drive_id}/items/{item['held.txt']['id']}/content")
    assert held.status_code == 423 and held.json()["error"]["innerError"]["code"] == "resourceLocked"
    one, two = (fetch(item["held.txt"]["@microsoft.graph.downloadUrl"]).content for _ in range(2))
    assert one != two and len(one) == len(DATA)


def test_faults_on_each_service(reader: Reader) -> None:
    link = link_of(reader)
    kind = {
        "a": ("delta", {"kind": "status", "status": 503, "retry_after": 7}),
        "b": ("token", {"kind": "status", "status": 500}),
        "c": ("download", {"kind": "truncate", "bytes": 10}),
        "d": ("content", {"kind": "reset_after"}),
    }
    reader.sim.replace_faults([{"id": i, "operation": o, "action": a} for i, (o, a) in kind.items()])
    busy = reader.get(reader.link or "")
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "7")
    assert busy.json()["error"]["code"] == "serviceNotAvailable" and "request-id" in busy.headers
    token = requests.post(f"{reader.sim.authority}/oauth2/v2.0/token", data=form(reader))
    assert token.status_code == 500 and "error" in token.json()
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        fetch(link)
    with pytest.raises(requests.ConnectionError):
        reader.get(f"/drives/{reader.sim.drive_id}/root/content")
    reader.sim.faults.assert_all_hit()
    assert fetch(link).content == DATA


def test_a_file_changed_behind_the_back_is_served_as_it_is(reader: Reader, library: Path) -> None:
    link = link_of(reader)
    (library / "file ü.bin").write_bytes(b"shorter")
    answer = fetch(link)
    assert answer.content == b"shorter"
    assert answer.headers["ETag"] != reader.items[reader.id_of("file ü.bin")]["eTag"]
    (library / "file ü.bin").unlink()
    assert fetch(link).status_code == 404
