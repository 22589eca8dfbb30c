"""Uploads: chunks, staging, preconditions, times, refusals (reference 7, 11)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from tests.simulators.filecloud_calls import NOW, SUMMER, WINTER, Caller, simulator

from simulators.common import FixedClock
from simulators.filecloud import FileCloudSimulator

ASK_ETAG = {"X-FC-Send-ETag": "1"}


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_001])
def test_bytes_arrive(sim: FileCloudSimulator, caller: Caller, size: int) -> None:
    data = (b"0123456789\r\n--" * (size // 14 + 1))[:size]
    caller.put("/spfc/a.bin", data)
    assert (sim.store / "a.bin").read_bytes() == data
    assert caller.get("/spfc/a.bin").content == data


def test_chunks_become_visible_only_when_complete(sim: FileCloudSimulator, caller: Caller) -> None:
    caller.put("/spfc/a", b"old")
    for offset, piece in ((0, b"new "), (4, b"cont"), (8, b"ent")):
        assert (sim.store / "a").read_bytes() == b"old"
        assert caller.get("/spfc/a").content == b"old"
        done = int(offset == 8)
        assert caller.chunk("/spfc/a", piece, offset=offset, complete=done, filesize=11).text == "OK"
    assert (sim.store / "a").read_bytes() == b"new content"
    assert not list((sim.state_dir / "filecloud" / "staging").iterdir())


def test_repeats_truncate_and_gaps_are_refused(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.chunk("/spfc/a", b"0123", offset=0, complete=0).text == "OK"
    assert caller.chunk("/spfc/a", b"4567", offset=4, complete=0).text == "OK"
    assert caller.chunk("/spfc/a", b"4567", offset=4, complete=0).text == "OK"
    assert caller.chunk("/spfc/a", b"xx", offset=9, complete=0).text != "OK"
    assert caller.chunk("/spfc/a", b"89", offset=8, complete=1, filesize=10).text == "OK"
    assert (sim.store / "a").read_bytes() == b"0123456789"
    sim.knobs = sim.knobs.but(repeat_chunk="refuse")
    assert caller.chunk("/spfc/b", b"0123", offset=0, complete=0).text == "OK"
    assert caller.chunk("/spfc/b", b"23", offset=2, complete=0).text != "OK"


def test_offset_0_starts_over(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.chunk("/spfc/a", b"wrong", offset=0, complete=0).text == "OK"
    assert caller.chunk("/spfc/a", b"right", offset=0, complete=1, filesize=5).text == "OK"
    assert (sim.store / "a").read_bytes() == b"right"
    assert caller.chunk("/spfc/a", b"!", offset=5, complete=1).text != "OK"


def test_wrong_filesize_is_refused_on_complete(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.chunk("/spfc/a", b"12345", filesize=6).text != "OK"
    assert not (sim.store / "a").exists()
    assert caller.chunk("/spfc/a", b"12345", offset=0, complete=0, filesize=7).text == "OK"
    assert caller.chunk("/spfc/a", b"6", offset=5, complete=1, filesize=7).text != "OK"
    assert not (sim.store / "a").exists()
    assert not list((sim.state_dir / "filecloud" / "staging").iterdir())


def test_staging_belongs_to_the_session(sim: FileCloudSimulator, caller: Caller) -> None:
    with Caller(sim) as other:
        assert caller.chunk("/spfc/a", b"mine", offset=0, complete=0).text == "OK"
        assert other.chunk("/spfc/a", b"more", offset=4, complete=1).text != "OK"
    totals = caller.records("getfolderproperties", "usage", path="/spfc")[0]
    assert (totals["incompletefiles"], totals["incompletesize"]) == ("1", "4")
    assert caller.command("deletepartialuploads", ignorets=1) == 1
    assert caller.chunk("/spfc/a", b"more", offset=4, complete=1).text != "OK"


def test_a_connection_lost_in_mid_chunk_leaves_no_trace(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.chunk("/spfc/a", b"0123", offset=0, complete=0).text == "OK"
    cookies = "; ".join(f"{c.name}={c.value}" for c in caller.http.cookies)
    head = (
        "POST /core/upload?path=/spfc&filename=a&offset=4&complete=1 HTTP/1.1\r\nHost: x\r\n"
        f"Cookie: {cookies}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9999\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n' + "x" * 4000
    )
    seen = sim.journal.mark()
    with socket.create_connection(("127.0.0.1", sim.port)) as raw:
        raw.sendall(head.encode())
        raw.shutdown(socket.SHUT_WR)
        raw.settimeout(10)
        while raw.recv(4096):
            continue
    assert caller.names("/spfc") == []
    assert [e.status for e in sim.journal.since(seen) if e.operation == "upload"] == [499]
    assert caller.chunk("/spfc/a", b"45", offset=4, complete=1, filesize=6).text == "OK"
    assert (sim.store / "a").read_bytes() == b"012345"


def test_parameters_may_be_multipart_fields_and_the_part_gives_the_name(
    sim: FileCloudSimulator, caller: Caller
) -> None:
    form = {"path": "/spfc", "date": "2024-07-19T19:32:00Z"}
    files = {"Image": ("photo é.jpg", b"bytes")}
    assert caller.http.post(sim.url + "/upload", data=form, files=files).text == "OK"
    assert (sim.store / "photo é.jpg").stat().st_mtime == SUMMER
    for offset, piece, done in ((0, b"one", 0), (3, b"two", 1)):
        fields = {"path": "/spfc", "filename": "b", "offset": str(offset), "complete": str(done)}
        assert caller.http.post(sim.url + "/core/upload", data=fields, files={"f": ("x", piece)}).text == "OK"
    assert (sim.store / "b").read_bytes() == b"onetwo"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2024-07-19T19:32:00Z", SUMMER),
        ("2024-01-19T19:32:00.123Z", WINTER),
        ("2024-01-19T19:32:00.123456Z", WINTER),
        ("2024-07-19T21:32:00+02:00", SUMMER),
        ("2024-07-19 19:32:00", SUMMER),
        ("nonsense", int(NOW)),
        (None, int(NOW)),
        ("1969-12-31T23:59:58Z", -2),
        ("2106-02-07T06:28:16Z", 1 << 32),
    ],
)
def test_date(sim: FileCloudSimulator, caller: Caller, text: str | None, stored: int) -> None:
    caller.put("/spfc/a", b"x", date=text)
    assert (sim.store / "a").stat().st_mtime_ns == stored * 10**9


def test_date_knobs(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(naive_date_is="server_tz")
    caller.put("/spfc/a", b"x", date="2024-07-19 14:32:00")
    assert (sim.store / "a").stat().st_mtime == SUMMER
    sim.knobs = sim.knobs.but(date_ignored=True)
    caller.put("/spfc/a", b"x", date="2024-07-19T19:32:00Z")
    assert (sim.store / "a").stat().st_mtime == NOW


def test_etag_comes_when_asked_and_equals_the_listing(sim: FileCloudSimulator, caller: Caller) -> None:
    assert "ETag" not in caller.chunk("/spfc/a", b"x").headers
    etag = caller.chunk("/spfc/a", b"x", headers=ASK_ETAG).headers["ETag"].strip('"')
    info = caller.info("/spfc/a")
    assert info is not None
    assert info["etag"] == etag
    again = caller.chunk("/spfc/a", b"x", headers=ASK_ETAG, date="2024-07-19T19:32:00Z").headers["ETag"]
    assert again.strip('"') != etag
    sim.knobs = sim.knobs.but(etag_same_bytes="keep")
    assert caller.chunk("/spfc/a", b"x", headers=ASK_ETAG).headers["ETag"] == again
    assert caller.chunk("/spfc/a", b"y", headers=ASK_ETAG).headers["ETag"] != again
    sim.knobs = sim.knobs.but(upload_etag_header=False)
    assert "ETag" not in caller.chunk("/spfc/a", b"x", headers=ASK_ETAG).headers


def test_preconditions(sim: FileCloudSimulator, caller: Caller) -> None:
    etag = caller.chunk("/spfc/a", b"1", headers=ASK_ETAG, date="2024-07-19T19:32:00Z").headers["ETag"]
    refused: list[dict[str, Any]] = [
        {"nofileoverwrite": 1},
        {"ifetag": "0" * 32},
        {"iflastmodified": SUMMER + 1},
    ]
    for query in refused:
        answer = caller.chunk("/spfc/a", b"2", **query)
        assert answer.status_code == 200
        assert answer.text != "OK"
        assert "CLFC-" in answer.text
    assert caller.chunk("/spfc/none", b"2", ifetag=etag).text != "OK"
    assert (sim.store / "a").read_bytes() == b"1"
    sim.knobs = sim.knobs.but(precondition_failure="http")
    statuses = [caller.chunk("/spfc/a", b"2", **query).status_code for query in refused]
    assert statuses == [409, 412, 412]
    assert caller.chunk("/spfc/a", b"2", ifetag=etag, date="2024-07-19T19:32:00Z").text == "OK"
    assert caller.chunk("/spfc/a", b"3", iflastmodified=SUMMER, date="2024-07-19T19:32:00Z").text == "OK"
    sim.knobs = sim.knobs.but(iflastmodified_is="server_clock")
    assert caller.chunk("/spfc/a", b"4", iflastmodified=SUMMER - 5 * 3600).text == "OK"
    sim.knobs = sim.knobs.but(overwrite_default=False)
    assert caller.chunk("/spfc/a", b"5").status_code == 409
    assert caller.chunk("/spfc/a", b"5", nofileoverwrite=0).text == "OK"


@pytest.mark.parametrize(
    "name", [" lead.txt", "x.php", "x.PHTML", "UPPER.TXT", "..", "a~b", "has-secret-in-it", "x" * 256, "a\0b"]
)
def test_refused_names(sim: FileCloudSimulator, caller: Caller, name: str) -> None:
    sim.knobs = sim.knobs.but(refused_characters="~", refused_name_parts=("secret",))
    caller.put("/spfc/upper.txt", b"1")
    answer = caller.chunk(f"/spfc/{name}", b"2")
    assert answer.status_code == 200
    assert answer.text != "OK"
    assert [p.name for p in sim.store.iterdir()] == ["upper.txt"]
    assert sorted(p.name for p in sim.store.parent.iterdir()) == ["state", "store"]


def test_where_nothing_can_be_put(sim: FileCloudSimulator, caller: Caller) -> None:
    assert caller.command("createfolder", path="/spfc", name="folder") == 1
    for path in ("/spfc/none/a", "/other/a", "/a", "/SHARED/x/a", "/spfc/folder", "/spfc/../../escape"):
        assert caller.chunk(path, b"x").text != "OK", path
    sim.knobs = sim.knobs.but(upload_creates_folders=True)
    caller.put("/spfc/none/deep/a", b"x")
    assert (sim.store / "none/deep/a").read_bytes() == b"x"


def test_a_link_in_the_store_leads_nowhere(sim: FileCloudSimulator, caller: Caller, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (sim.store / "link").symlink_to(outside)
    assert caller.chunk("/spfc/link/a", b"x").text != "OK"
    assert b"secret" not in caller.get("/spfc/link/secret").content
    assert caller.names("/spfc") == []
    assert [p.name for p in outside.iterdir()] == ["secret"]


def test_quota(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(quota_bytes=100)
    caller.put("/spfc/a", b"x" * 60)
    answer = caller.chunk("/spfc/b", b"x" * 41, filesize=41)
    assert (answer.status_code, "quota" in answer.text) == (200, True)
    assert caller.chunk("/spfc/b", b"x", offset=0, complete=0, filesize=41).text != "OK"
    caller.put("/spfc/b", b"x" * 40)
    usage = caller.records("getdiskusagedetails", "usage", username="spfc")[0]
    assert (usage["storageusage"], usage["sizelimit"], usage["usagepercent"]) == ("100", "100", "100")
    sim.knobs = sim.knobs.but(recycle=False)
    assert caller.command("deletefile", path="/spfc", name="a") == 1
    caller.put("/spfc/c", b"x" * 60)


def test_413_and_a_chunk_that_is_refused_without_reason(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(refuse_chunk_over=1 << 20)
    assert caller.chunk("/spfc/a", bytes((1 << 20) + 1)).text not in ("OK", "")
    sim.knobs = sim.knobs.but(max_chunk=4096, refuse_chunk_over=0)
    assert caller.chunk("/spfc/a", bytes(5000)).status_code == 413
    caller.put("/spfc/a", bytes(3000))


def test_shapes_of_ok_and_of_failure(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(upload_ok_text="\ufeffOK\r\n", upload_failure_shape="xml")
    assert caller.chunk("/spfc/a", b"x").content == "\ufeffOK\r\n".encode()
    assert "<result>0</result>" in caller.chunk("/spfc/ a", b"x").text
    sim.knobs = sim.knobs.but(upload_failure_shape="json")
    assert caller.chunk("/spfc/ a", b"x").json()["command"][0]["result"] == 0
    answer = caller.http.post(sim.url + "/core/upload?path=/spfc&filename=b", data=b"no multipart")
    assert answer.json()["command"][0]["result"] == 0


def test_overwrite_can_be_forbidden(sim: FileCloudSimulator, caller: Caller) -> None:
    sim.knobs = sim.knobs.but(keep_versions=-1)
    caller.put("/spfc/a", b"1")
    assert caller.chunk("/spfc/a", b"2").text != "OK"
    assert (sim.store / "a").read_bytes() == b"1"


def test_clock_of_the_simulator_gives_the_time(tmp_path: Path) -> None:
    clock = FixedClock(WINTER)
    with simulator(tmp_path, clock=clock) as sim, Caller(sim) as caller:
        caller.put("/spfc/a", b"x")
        clock.advance(10)
        caller.put("/spfc/b", b"x")
        assert (sim.store / "a").stat().st_mtime == WINTER
        assert (sim.store / "b").stat().st_mtime == WINTER + 10
